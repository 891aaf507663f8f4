"""From a calibration to a world: each choice from the rows that say it, else from constants that are called assumed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.cells import Cell, Given, cell_of
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.exchanges import ALIKE, exchange_ratios
from edgewatt.models.scheduling.heat import heat_of
from edgewatt.models.scheduling.phone import Unit, kind_of, of_one_source, phones_of, units_of, weakest
from edgewatt.models.scheduling.rows import Row, Rows
from edgewatt.models.scheduling.signal import INTERFACES, radio_of
from edgewatt.models.scheduling.workloads import Workload, workloads_of
from edgewatt.models.scheduling.world import CLOUD, EDGE, PHONE, RADIO_OF, Action, World
from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.errors import UsageError

# A table of a thousand choices takes 12 MB per agent.
CHOICES_LIMIT: Final = 1000
# Facts 1.3: what is paired with what; recurrent networks run on CPUs, and on the GPU of the cloud, only.
_PRECISIONS: Final = {"cpu": ("fp32", "int8"), "gpu": ("fp32", "fp16"), "dsp": ("int8",)}
_REMOTE: Final = (
    *((EDGE, unit, of) for unit, of in (("cpu", "fp32"), ("gpu", "fp16"), ("dsp", "int8"))),
    *((CLOUD, unit, "fp32") for unit in ("cpu", "gpu")),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a world is built of: the phone in `calibration`, the paper's networks in `layers`."""

    calibration: Calibration
    layers: Calibration
    device_id: str
    constants: Constants
    streaming: bool = False
    rows: Rows = field(init=False)

    def __post_init__(self) -> None:
        known = phones_of(self.calibration)
        if self.device_id not in known:
            expected = ", ".join(known) or "none that has power of a CPU, or inferences"
            raise UsageError(
                f"device {self.device_id!r} cannot be the phone of a simulation: the calibration has {expected}"
            )
        object.__setattr__(self, "rows", Rows(self.calibration, self.device_id))

    def lacking(self) -> list[str]:
        """What of a world this calibration has no rows of, so that constants stand for it; in words."""
        world = build(self)
        words = {str(word) for row, valid in zip(world.basis, world.valid, strict=True) for word in row[valid]}
        found = [note for note in world.notes if "assumed" in note]
        return found or (["some choices rest on assumed constants"] if "assumed" in words else [])


def build(asked: Asked, draw: Draw | None = None) -> World:
    """The world of one draw (as stated, if None): one environment.

    Raises UsageError for a device without a CPU, and for a network of which too little is known.
    """
    draw, constants, rows = draw or Draw(), asked.constants, asked.rows
    units = units_of(rows, constants, draw)
    workloads = workloads_of(rows, asked.layers, constants, draw, streaming=asked.streaming)
    actions = _actions(units, workloads)
    if len(actions) > CHOICES_LIMIT or len(workloads) > CHOICES_LIMIT:
        raise UsageError(
            f"{rows.device_id}: {len(actions)} choices and {len(workloads)} networks, "
            f"expected at most {CHOICES_LIMIT} of each"
        )
    idle_w, idle_basis = _idle(rows, constants, draw)
    given = Given(units, rows, constants, draw, idle_w)
    cells = [[cell_of(w, action, given) for action in actions] for w in workloads]
    rest_s, busy_w, spread = (
        np.array([[getattr(cell, of) for cell in row] for row in cells]) for of in ("rest_s", "busy_w", "spread")
    )
    radios = [radio_of(rows, kind, constants, draw) for kind in INTERFACES]
    words = [r.basis for r in radios]
    basis = [
        [_basis(cell, action, w, idle_basis, words) for cell, action in zip(row, actions, strict=True)]
        for row, w in zip(cells, workloads, strict=True)
    ]
    accuracies = [[w.accuracy_in(action.precision) for action in actions] for w in workloads]
    accuracy = np.array([[of or 0.0 for of in row] for row in accuracies])
    told = np.array(
        [[of is not None or not w.accuracy for of in row] for row, w in zip(accuracies, workloads, strict=True)]
    )
    valid = ~np.isnan(rest_s) & told
    if lacking := [w.name for w, row in zip(workloads, valid, strict=True) if not row.any()]:
        raise UsageError(
            f"nothing can execute {', '.join(lacking)}: {rows.device_id} has no processor of which their seconds and "
            "watts are known, in a precision whose accuracy is; give --accuracy or measure another target"
        )
    remote = np.array([action.place != PHONE for action in actions])
    of_cpu, of_memory = _beside(actions, rows, constants, draw)
    radio = np.array([RADIO_OF[action.place] for action in actions])
    trips_s = np.where(remote, [radios[k].rtt_s for k in radio], 0.0)
    ratios = [[exchange_ratios(w, k, rows, of) for k, of in enumerate(radios)] for w in workloads]
    travels = np.array([[row[RADIO_OF[a.place]] if a.place != PHONE else ALIKE for a in actions] for row in ratios])
    longer, dearer = travels[..., 0], travels[..., 1] / travels[..., 0]
    heat = heat_of(rows, units, constants, draw)
    noise = {
        place: draw.constant(constants, f"noise.{of}_ratio")
        for place, of in ((PHONE, "local"), (EDGE, "network"), (CLOUD, "network"))
    }
    return World(
        device_id=asked.device_id,
        actions=actions,
        workloads=tuple(workloads),
        rest_s=np.nan_to_num(rest_s, nan=1e6)[None],
        busy_w=np.nan_to_num(busy_w, nan=0.0)[None],
        remote_w=_of_places(actions, constants, draw, "{place}.{unit}_w"),
        remote_idle_w=_of_places(actions, constants, draw, "{place}.idle_w"),
        service_s=_of_places(actions, constants, draw, "{place}.service_s")[:, None] + (longer * trips_s)[None],
        of_cpu=of_cpu,
        of_memory=of_memory,
        idle_w=np.array([idle_w]),
        sent_b=(longer * np.array([[w.sent_b] for w in workloads]))[None],
        received_b=(longer * np.array([[w.received_b] for w in workloads]))[None],
        radio_ratio=dearer[None],
        tail_j=np.where(remote, [radios[k].tail_s * radios[k].tail_w for k in radio], 0.0)[None],
        signal=np.stack([r.values for r in radios])[None],
        lowest_dbm=radios[0].lowest_dbm,
        heat=np.array([heat.law]),
        course=np.array([heat.course]),
        valid=valid,
        accuracy=accuracy,
        required=np.array([w.required for w in workloads]),
        qos_s=np.array([w.qos_s for w in workloads]),
        is_remote=remote,
        radio=radio,
        spread=np.where(np.isnan(spread), [noise[action.place] for action in actions], spread)[None],
        basis=np.array(basis),
        notes=(
            *_notes(units, rows),
            *_untold(workloads, actions),
            *(w.assumed for w in workloads if w.assumed),
            *(note for r in radios for note in r.notes),
            *_exchanged(ratios, workloads),
            *heat.notes,
        ),
    )


def drawn_worlds(asked: Asked, first: int, count: int) -> list[World]:
    """A world for each seed from `first` on, with all that is not sure drawn."""
    return [build(asked, Draw(seed=first + k, vary=True)) for k in range(count)]


def _actions(units: Sequence[Unit], workloads: Sequence[Workload]) -> tuple[Action, ...]:
    """Every step of every processor in every precision that it has here, then the other machines."""
    actions = []
    for unit in units:
        ran = dict.fromkeys(
            r["precision"] for w in workloads for r in w.rows if kind_of(r["target"] or "") == unit.kind
        )
        measured = any(w.rows for w in workloads)
        for precision in ran if measured else _PRECISIONS[unit.kind]:
            for step, hz in enumerate(unit.frequency_hz):
                actions.append(
                    Action(PHONE, unit.kind, precision or "unknown", step, None if np.isnan(hz) else float(hz))
                )
    return (*actions, *(Action(*remote) for remote in _REMOTE))


def _basis(cell: Cell, action: Action, w: Workload, idle: str, radios: Sequence[str]) -> str:
    """A choice on the phone hangs on its cell; elsewhere on the radio, on what travels and on the other machine too."""
    if action.place == PHONE:
        return weakest(cell.basis, idle)
    return weakest(cell.basis, idle, w.basis, radios[RADIO_OF[action.place]], "assumed")


def _idle(rows: Rows, constants: Constants, draw: Draw) -> tuple[float, str]:
    """Watts of the phone awake, and the word for them."""
    known = of_one_source([r for r in rows.of("idle") if r["state"] == "awake" and r["idle_w"] is not None])
    if not known:
        return draw.constant(constants, "idle.phone_w"), "assumed"
    ends = ("idle_low_w", "idle_high_w")
    name = f"idle.{rows.device_id}.idle_w"
    return draw.row(name, known[0], "idle_w", ends, constants.variation_ratio), known[0]["basis"]


def _beside(
    actions: Sequence[Action], rows: Rows, constants: Constants, draw: Draw
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How much a co-runner's share of CPU and of memory slows each choice: measured where rows tell, else assumed."""
    found: dict[str, tuple[float, float]] = {}
    for kind in ("cpu", "gpu", "dsp"):
        mine = [r for r in rows.of("co_runner") if kind_of(r["target"] or "") == kind and r["slowdown_ratio"]]
        found[kind] = tuple(  # type: ignore[assignment]
            _slope(mine, of, other)
            if _tells(mine, of, other)
            else draw.constant(constants, f"co_runner.{kind}_of_{word}")
            for of, other, word in (
                ("co_cpu_ratio", "co_memory_ratio", "cpu"),
                ("co_memory_ratio", "co_cpu_ratio", "memory"),
            )
        )
    far = tuple(draw.constant(constants, f"co_runner.remote_of_{word}") for word in ("cpu", "memory"))
    pairs = np.array([found[action.unit] if action.place == PHONE else far for action in actions])
    return pairs[:, 0][None], pairs[:, 1][None]


def _tells(rows: Sequence[Row], of: str, other: str) -> bool:
    return any(r[of] and not r[other] for r in rows)


def _slope(rows: Sequence[Row], of: str, other: str) -> float:
    """Least squares through no slowdown at no load, over the rows in which the other load is not there."""
    alone = [r for r in rows if r[of] and not r[other]]
    load = np.array([r[of] for r in alone])
    more = np.array([r["slowdown_ratio"] - 1 for r in alone])
    return max(float(load @ more / (load @ load)), 0.0)


def _of_places(actions: Sequence[Action], constants: Constants, draw: Draw, name: str) -> NDArray[np.float64]:
    """A constant of the machine of each choice; 0 on the phone."""
    return np.array([[
        0.0 if a.place == PHONE else draw.constant(constants, name.format(place=a.place, unit=a.unit)) for a in actions
    ]])  # fmt: skip


def _exchanged(ratios: Sequence[Sequence[tuple[float, float]]], workloads: Sequence[Workload]) -> list[str]:
    """What measured exchanges change."""
    return [
        f"{w.name}: over {kind} its bytes take {pair[0]:.2f} times as long as the radio's rates say, and {pair[1]:.2f} "
        "times the joules (rows of `offload`)"
        for w, row in zip(workloads, ratios, strict=True)
        for kind, pair in zip(INTERFACES, row, strict=True)
        if pair != ALIKE
    ]


def _untold(workloads: Sequence[Workload], actions: Sequence[Action]) -> list[str]:
    """Precisions whose accuracy nobody said, though that of another was: they are not chosen."""
    notes = [f"{w.name}: no accuracy is known, none is required" for w in workloads if not w.accuracy]
    for w in workloads:
        lacking = {action.precision for action in actions if w.accuracy and w.accuracy_in(action.precision) is None}
        notes += [f"{w.name}: accuracy in {of} is not known, so that it is not chosen" for of in sorted(lacking)]
    return notes


def _notes(units: Sequence[Unit], rows: Rows) -> list[str]:
    """What a reader has to know of the processors, and which are not there."""
    notes = [f"{unit.kind}: {unit.how}" for unit in units]
    there = {unit.kind for unit in units}
    notes += [
        f"no {kind}: {rows.device_id} has none in the calibration" for kind in ("gpu", "dsp") if kind not in there
    ]
    if not rows.of("inference"):
        notes.append("no inference was measured: latencies of the paper's networks from assumed MAC per second")
    if not rows.of("idle"):
        notes.append("no idle power: assumed")
    if not rows.of("co_runner"):
        notes.append("no co-runner was measured: how much it slows is assumed")
    return notes
