"""What `profile` and `process` say of a run: the answer first, or the same as one JSON object."""

import json
import shutil
from typing import Final

from edgewatt.profiler.quality.table import code_of, reason_of
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.answer import about, answer, answer_of
from edgewatt.reports.budget import as_json
from edgewatt.reports.operator_table import operators_report, operators_text, parts_of
from edgewatt.reports.truth import truth_of, truth_rows

# Where nobody knows how wide a terminal is, as in a pipe.
_USUAL: Final = (120, 24)


def print_answer(trace: Trace, *, as_json: bool) -> None:
    """Print the results of a processed run."""
    if as_json:
        print(json.dumps(answer_json(trace), allow_nan=False))
    else:
        width = shutil.get_terminal_size(_USUAL).columns
        print("\n".join([_without_parts(trace, width), *operators_text(trace)]))


def _without_parts(trace: Trace, width: int) -> str:
    """The answer, without what was measured only to tell the operators of a network apart."""
    parts, results, repeats = parts_of(trace), trace.results(), trace.repeats()
    if not parts or results is None or repeats is None:
        return answer(trace, width)
    rows, once = ([row for row in table.to_pylist() if row["config_id"] not in parts] for table in (results, repeats))
    return answer_of(rows, once, about(trace), width)


def answer_json(trace: Trace) -> dict[str, object]:
    """The results of a processed run as plain JSON."""
    manifest, results, budget = trace.manifest, trace.results(), trace.budget()
    rows, truth = [] if results is None else results.to_pylist(), truth_of(trace)
    return {
        "run": str(trace.path),
        "status": manifest.status,
        "simulated": manifest.simulated,
        "quality": manifest.quality,
        "quality_reasons": manifest.quality_reasons,
        "results": rows,
        "budget": as_json([] if budget is None else budget.to_pylist()),
        "reasons": [_in_json(reason) for reason in dict.fromkeys(map(code_of, manifest.quality_reasons))],
        "truth": truth_rows(rows, truth) if truth else None,
        "operator_energy": operators_report(trace),
        "unavailable": manifest.unavailable,
        "notices": trace.notices,
    }


def _in_json(code: str) -> dict[str, str]:
    """A reason code with its weight, what it means, and what to do."""
    known = reason_of(code)
    return {"code": code, "weight": known.weight, "meaning": known.meaning, "advice": known.advice}
