"""What `profile` and `process` say of a run: the answer first, or the same as one JSON object."""

import json
import shutil
from typing import Final

from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.answer import answer
from edgewatt.reports.truth import truth_of, truth_rows

# Where nobody knows how wide a terminal is, as in a pipe.
_USUAL: Final = (120, 24)


def print_answer(trace: Trace, *, as_json: bool) -> None:
    """Print the results of a processed run."""
    if as_json:
        print(json.dumps(_as_json(trace), allow_nan=False))
    else:
        print(answer(trace, shutil.get_terminal_size(_USUAL).columns))


def _as_json(trace: Trace) -> dict[str, object]:
    manifest, results = trace.manifest, trace.results()
    rows, truth = [] if results is None else results.to_pylist(), truth_of(trace)
    return {
        "run": str(trace.path),
        "status": manifest.status,
        "simulated": manifest.simulated,
        "quality": manifest.quality,
        "quality_reasons": manifest.quality_reasons,
        "results": rows,
        "truth": truth_rows(rows, truth) if truth else None,
        "unavailable": manifest.unavailable,
        "notices": trace.notices,
    }
