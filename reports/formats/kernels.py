"""Operators of networks as kernels: what a run measured of each, and the configuration that the model's file tells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.profiler.comparing.tables import table_of_run
from edgewatt.profiler.operator_kernel import OperatorKernel
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.formats.chosen import Chosen
from edgewatt.reports.formats.measured import Measured, chosen_of, of_results
from edgewatt.reports.wording import counted

_MEASURED: Final = "measured"


@dataclass(frozen=True, slots=True)
class KernelRow:
    """A kernel within a network, `row`. Latency and energy are the operator's own, None where unknown."""

    kernel: str
    number: str
    config: Mapping[str, int]
    latency_s: float | None
    energy_j: float | None
    row: Measured


def kernels_in(runs: Sequence[Trace], chosen: Chosen) -> tuple[list[KernelRow], list[str]]:
    """The kernels of the chosen configurations, and what is left out of them, each once."""
    found: list[KernelRow] = []
    left_out: dict[str, None] = {}
    for run in runs:
        stored = run.operators().to_pylist()
        results = {row["config_id"]: row for row in (table_of_run(run, "results").to_pylist() if stored else ())}
        rows = {row.config_id: row for row in chosen_of(of_results(results.values()), chosen)}
        for config_id, row in rows.items():
            operators = [one for one in stored if one["config_id"] == config_id]
            graph = chosen.graphs.get(results[config_id]["model_sha256"])
            if operators and graph is None:
                what = counted(len(operators), "operator")
                left_out[
                    f"{what} of {row.model} are left out: their shapes stand in its file; give it: --graph FILE"
                ] = None
            elif graph is not None:
                for one in operators:
                    kernel = _kernel(row, one, graph)
                    if isinstance(kernel, str):
                        left_out[kernel] = None
                    else:
                        found.append(kernel)
    return found, list(left_out)


def _kernel(row: Measured, operator: Mapping[str, Any], graph: Sequence[OperatorKernel]) -> KernelRow | str:
    """The kernel, or why the operator is left out."""
    index, op = operator["index"], operator["op"]
    what = f"operator {index} ({op}) of {row.model} is left out"
    if not (isinstance(index, int) and 0 <= index < len(graph)) or graph[index].op != op:
        return f"{what}: the model's file has another there, so that a delegate executed several as one"
    kernel = graph[index]
    if kernel.kernel is None or kernel.config is None:
        return f"{what}: {kernel.why}"
    if operator["group"] is not None:
        return f"{what}: it was measured in a group with others"
    energy_j = operator["energy_j"] if operator["basis"] == _MEASURED else None
    if operator["latency_s"] is None and energy_j is None:
        return f"{what}: neither its latency nor its energy was measured by itself"
    return KernelRow(kernel.kernel, f"{row.config_id}_{index}", kernel.config, operator["latency_s"], energy_j, row)
