"""What `profile` and `process` say of a run: the answer first, or the same as one JSON object."""

import json

from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.answer import answer


def print_answer(trace: Trace, *, as_json: bool) -> None:
    """Print the results of a processed run."""
    if as_json:
        print(json.dumps(_as_json(trace), allow_nan=False))
    else:
        print(answer(trace))


def _as_json(trace: Trace) -> dict[str, object]:
    manifest, results = trace.manifest, trace.results()
    return {
        "run": str(trace.path),
        "status": manifest.status,
        "simulated": manifest.simulated,
        "quality": manifest.quality,
        "quality_reasons": manifest.quality_reasons,
        "results": [] if results is None else results.to_pylist(),
        "unavailable": manifest.unavailable,
        "notices": trace.notices,
    }
