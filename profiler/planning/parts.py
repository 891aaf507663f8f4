"""What of a plan was measured already, in the runs that it was interrupted in, and where the rest goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.analysis.repeats import MEASURE, VOID_REASONS
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.planning.ordering import Turn
from edgewatt.profiler.storage.checked import OBJECT, TEXT, WHOLE, list_of
from edgewatt.profiler.storage.trace import Trace

# The key of the run's conditions under which a plan stands.
KEY: Final = "plan"
RAW_NAME: Final = "plan.toml"
PARTS_LIMIT: Final = 1000


@dataclass(frozen=True, slots=True)
class Identity:
    """What has to be the same for a run to be a part of a plan: the plan, the device and the meters beside it."""

    plan_sha256: str
    device_id: str
    meters: tuple[str, ...]

    def facts(self, part: int) -> dict[str, Any]:
        """What a part says of itself."""
        return {KEY: {"sha256": self.plan_sha256, "part": part, "meters": list(self.meters)}}


@dataclass(frozen=True, slots=True)
class Parts:
    """The runs of a plan so far, the turns that are missing, and the folder for those."""

    traces: tuple[Trace, ...]
    missing: tuple[Turn, ...]
    path: Path

    @property
    def number(self) -> int:
        """Which part the next run is, counted from 1."""
        return len(self.traces) + 1


def parts_of(path: Path, identity: Identity, turns: Sequence[Turn]) -> Parts:
    """What was measured of a plan in the runs RUN, RUN.2, RUN.3, ... at `path`; nothing is written.

    A repeat that is void is missing. Raises UsageError if one of them is another run, or of another plan or device.
    """
    traces: list[Trace] = []
    done: set[Any] = set()
    for number in range(1, PARTS_LIMIT):
        part = path if number == 1 else path.with_name(f"{path.name}.{number}")
        if not part.exists() or (part.is_dir() and not any(part.iterdir())):
            return Parts(tuple(traces), tuple(turn for turn in turns if turn.order not in done), part)
        trace = Trace.open(part)
        _refuse_another(trace, identity)
        traces.append(trace)
        done |= _measured(trace)
    raise UsageError(f"{path}: the plan has {PARTS_LIMIT} parts already; choose another folder with -o")


def _measured(trace: Trace) -> set[Any]:
    """The places in the order that have a repeat which counts."""
    found = set()
    for window in trace.windows(MEASURE):
        attributes: dict[str, Any] = dict(window.attributes)
        order, reasons = attributes.get("order"), attributes.get("reasons", [])
        is_void = not list_of(TEXT).holds(reasons) or not VOID_REASONS.isdisjoint(reasons)
        if WHOLE.holds(order) and attributes.get("iterations") != 0 and not is_void:
            found.add(order)
    return found


def _refuse_another(trace: Trace, identity: Identity) -> None:
    said: Any = trace.manifest.conditions.get(KEY)
    if not OBJECT.holds(said):
        raise UsageError(f"{trace.path} exists already and is no run of a plan: choose a new folder with -o")
    seen = (said.get("sha256"), trace.manifest.device.get("device_id"), said.get("meters"))
    wanted = (identity.plan_sha256, identity.device_id, list(identity.meters))
    if seen == wanted:
        return
    what = ("plan, or this one and its models as they were before", "device", "choice of meters")
    differ = " and of another ".join(name for name, a, b in zip(what, seen, wanted, strict=True) if a != b)
    raise UsageError(
        f"{trace.path} exists already and is of another {differ}: what was begun is only continued as it was; choose a "
        "new folder with -o"
    )
