"""Which delegate was asked for and which one executed: a silent fall back to the CPU never passes for success."""

from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.runtimes.benchmark_model.delegation import Delegation, accelerator, delegation
from edgewatt.collectors.runtimes.benchmark_model.op_tables import RUN, OpRow
from edgewatt.collectors.runtimes.benchmark_model.parsed import Parsed

# Generations that say of every delegate asked for whether it took the graph.
_TELLING: Final = frozenset({"tflite-2023", "tflite-2024"})
_CPU: Final = ("xnnpack", "ynnpack")
_FLAGS: Final = {"external": "external_delegate_path"}


@dataclass(frozen=True, slots=True)
class Used:
    """What executed: `gpu`, `xnnpack`, `cpu`, or `gpu+xnnpack` and `gpu+cpu` where the CPU had a part.

    `delegated` of `nodes` went to it, in `partitions`; None where the output does not say. `reasons`:
    `not_delegated`, `partly_delegated`, `delegate_failed`, `delegate_unknown` (nothing tells whether it executed, so
    that the CPU is assumed) and `unknown_flags:NAMES`.
    """

    target: str
    reasons: tuple[str, ...] = ()
    nodes: int | None = None
    delegated: int | None = None
    partitions: int | None = None


def target_used(asked: str, parsed: Parsed) -> Used:
    """What a run for target `asked` (as in flags.py) really used, as far as its output tells."""
    found = delegation(parsed.delegate_texts)
    _look_at_rows(found, parsed)
    # The user's own flags may name an accelerator, too.
    wanted = wanted_accelerator(asked) or _accelerator_at_work(found)
    flags = (f"unknown_flags:{','.join(parsed.unknown_flags)}",) if parsed.unknown_flags else ()
    on_cpu = _cpu_target(found)
    said = found.of(on_cpu if wanted is None else wanted)
    if parsed.fully_accelerated and wanted not in (None, *_CPU) and said.extent is None:
        said.extent = "all"
    counts = (said.total, said.nodes, said.partitions)
    if wanted is None:
        partly = ("partly_delegated",) if said.extent == "some" else ()
        return Used(on_cpu, (*partly, *flags), *counts)
    if said.failed:
        return Used(on_cpu, ("delegate_failed", *flags), *counts)
    if said.extent == "all":
        return Used(wanted, flags, *counts)
    if said.extent == "some":
        target = wanted if wanted in _CPU else f"{wanted}+{on_cpu}"
        return Used(target, ("partly_delegated", *flags), *counts)
    return Used("cpu" if wanted in _CPU else on_cpu, (_why_not(found, wanted, parsed), *flags), *counts)


def wanted_accelerator(asked: str) -> str | None:
    """The accelerator that a target names; None for `cpu`, which leaves it to the runtime."""
    kind = asked.partition(":")[0].partition("-")[0]
    return None if kind == "cpu" else kind


def _accelerator_at_work(found: Delegation) -> str | None:
    return next((n for n, said in found.said.items() if n not in _CPU and said.extent in ("all", "some")), None)


def _cpu_target(found: Delegation) -> str:
    """What executed on the CPU: XNNPACK if it took nodes, or was made and no count of nodes speaks against it."""
    for name in _CPU:
        said = found.said.get(name)
        if said is None or said.failed or said.extent == "none":
            continue
        if said.extent is not None or (said.created and not found.counts_nodes):
            return name
    return "cpu"


def _why_not(found: Delegation, wanted: str, parsed: Parsed) -> str:
    told = (
        found.of(wanted).extent == "none"
        or found.counts_nodes
        or _FLAGS.get(wanted, f"use_{wanted}") in parsed.unknown_flags
    )
    return "not_delegated" if told or (parsed.from_start and parsed.generation in _TELLING) else "delegate_unknown"


def _look_at_rows(found: Delegation, parsed: Parsed) -> None:
    """Rows of the main graph show what executed, too."""
    rows = [row for table in parsed.op_tables if table.phase == RUN and not table.graph for row in table.rows]
    executed = [_executed_by(row) for row in rows]
    for name in dict.fromkeys(executed):
        if name is not None and found.of(name).extent is None:
            found.of(name).extent = "all" if all(other == name for other in executed) else "some"


def _executed_by(row: OpRow) -> str | None:
    """The accelerator of a row. XNNPACK names what it does inside `Delegate/...` among the nodes of the graph."""
    if row.name.startswith("Delegate/"):
        return "xnnpack"
    kernel = accelerator(row.op)
    is_delegate = kernel != "external" or row.op.partition("/")[0].lower().endswith("delegate")
    return kernel if is_delegate else None
