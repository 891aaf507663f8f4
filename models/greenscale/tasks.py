"""What is to be done: tasks of AI, games, and augmented or virtual reality, as a calibration measured or as assumed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.phone import is_of_a_rail, of_one_source, weakest
from edgewatt.models.scheduling.rows import Row, Rows
from edgewatt.profiler.errors import UsageError

AI, GAME, ARVR = "ai", "game", "arvr"
CLASSES: Final = {
    "classify": AI, "detect": AI, "translate": AI, "photos": AI, "game_light": GAME, "game_heavy": GAME, "ar": ARVR,
    "vr": ARVR,
}  # fmt: skip
# Where a measured network's time elsewhere and its bytes are not told, they are as of these.
_LIKE: Final = "detect"
_GAMES: Final = {GAME: "game_heavy", ARVR: "vr"}
_MOST: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One kind of task.

    `phone_s` alone at `phone_w` above idle; `edge_s`, `cloud_s` on a server that is idle; bytes that travel for it;
    `decode_j` of the phone for what comes back; `deadline_s` of latency; `period_s` of a stream, else 0; `slack_h`:
    how many hours later it may begin; `per_day_n` of one user.
    """

    name: str
    kind: str
    phone_s: float
    phone_w: float
    edge_s: float
    cloud_s: float
    sent_b: float
    received_b: float
    decode_j: float
    deadline_s: float
    period_s: float
    slack_h: float
    per_day_n: float
    basis: str = "assumed"
    note: str = ""

    @property
    def slots_n(self) -> int:
        """The hours in which it may begin, this one included."""
        return int(self.slack_h) + 1


_NUMBERS: Final = tuple(of.name for of in fields(App) if of.type is float or of.type == "float")


def apps_of(rows: Rows, constants: Constants, draw: Draw, idle_w: float, named: Mapping[str, str]) -> list[App]:
    """The tasks: networks that `rows` measured in place of those assumed, frames of the applications that are `named`.

    `named`: `game` or `arvr` -> the application in `frames`. Raises UsageError for an application without frames, and
    for a network that nothing runs on the phone with joules.
    """
    assumed = {name: _assumed(name, constants, draw) for name in CLASSES}
    apps = [*(app for app in assumed.values() if app.kind != AI), *_networks(rows, assumed, draw, idle_w)]
    for kind, application in named.items():
        like = assumed[_GAMES[kind]]
        apps = [app for app in apps if app.kind != kind] + [_frames(rows, kind, application, like, idle_w)]
    return sorted(apps, key=lambda app: (AI, GAME, ARVR).index(app.kind))


def _assumed(name: str, constants: Constants, draw: Draw) -> App:
    numbers: dict[str, Any] = {key: draw.constant(constants, f"apps.{name}.{key}") for key in _NUMBERS}
    return App(name=name, kind=CLASSES[name], **numbers)


def _networks(rows: Rows, assumed: Mapping[str, App], draw: Draw, idle_w: float) -> list[App]:
    """Of each measured network the row of least joules that is in time; the assumed ones where nothing was measured."""
    ran: dict[str, list[Row]] = {}
    for row in rows.of("inference"):
        alone = not row["co_cpu_ratio"] and not row["co_memory_ratio"] and (row["batch"] or 1) == 1
        if row["latency_s"] and row["energy_j"] and alone and row["model"] and not is_of_a_rail(row):
            ran.setdefault(row["model"], []).append(row)
    if not ran:
        return [app for app in assumed.values() if app.kind == AI]
    if len(ran) > _MOST:
        raise UsageError(f"the calibration has {len(ran)} networks, expected at most {_MOST}")
    return [_network(name, of_one_source(mine), rows, assumed, draw, idle_w) for name, mine in ran.items()]


def _network(name: str, mine: Sequence[Row], rows: Rows, assumed: Mapping[str, App], draw: Draw, idle_w: float) -> App:
    like, lacking = assumed[_LIKE], []
    told = [r for r in rows.of("models") if r["model"] == name]
    deadline_s = next((float(r["qos_s"]) for r in told if r["qos_s"]), None)
    if deadline_s is None:
        lacking.append(f"deadline {like.deadline_s:g} s")
    in_time = [row for row in mine if row["latency_s"] < (deadline_s or like.deadline_s)]
    row = min(in_time, key=lambda r: r["energy_j"]) if in_time else min(mine, key=lambda r: r["latency_s"])
    at = f"inference.{rows.device_id}.{name}"
    seconds = draw.row(f"{at}.latency_s", row, "latency_s", ("latency_low_s", "latency_high_s"), 0.0)
    watts = row["energy_j"] / row["latency_s"] - idle_w
    energy = draw.row(f"{at}.energy_j", row, "energy_j", ("energy_low_j", "energy_high_j"), 0.0) / row["energy_j"]
    travels: dict[str, Any] = {}
    for key, column in (("sent_b", "input_b"), ("received_b", "output_b")):
        value = next((float(r[column]) for r in told if r[column]), None)
        if value is None:
            lacking.append(f"{column} {getattr(like, key):g}")
        travels[key] = getattr(like, key) if value is None else value
    elsewhere: dict[str, Any] = {}
    for place in ("edge", "cloud"):
        known = [r for r in rows.of("offload") if r["model"] == name and (r["to"] or "").startswith(place)]
        remote = min((float(r["remote_s"]) for r in known if r["remote_s"]), default=None)
        if remote is None:
            lacking.append(f"seconds on {place} as of {like.name}, relative to the phone's")
        ratio = getattr(like, f"{place}_s") / like.phone_s
        elsewhere[f"{place}_s"] = seconds * ratio if remote is None else remote
    basis = weakest(row["basis"], "assumed") if lacking else row["basis"]
    note = f"{name}: assumed: {', '.join(lacking)}" if lacking else ""
    return replace(
        like, name=name, phone_s=seconds, phone_w=max(watts, 0.0) * energy, deadline_s=deadline_s or like.deadline_s,
        basis=basis, note=note, **travels, **elsewhere,
    )  # fmt: skip


def _frames(rows: Rows, kind: str, application: str, like: App, idle_w: float) -> App:
    """Measured frames: their rate, and the watts above idle over the whole of a frame."""
    known = {r["application"]: r for r in rows.of("frames") if r["application"] and r["rate_hz"] and r["power_w"]}
    if application not in known:
        there = ", ".join(sorted(known)) or "none with a rate and watts"
        raise UsageError(
            f"no frames of {application!r}, which should stand for {kind}: the calibration has {there}; "
            "`calibrate --collect --steps interactive` measures them"
        )
    row = known[application]
    period_s = 1 / float(row["rate_hz"])
    busy_s = min(like.phone_s, period_s)
    watts = max(float(row["power_w"]) - idle_w, 0.0) * period_s / busy_s
    note = f"{application}: its frames' rate and joules are {row['basis']}; their time and all elsewhere as {like.name}"
    return replace(
        like, name=application, kind=kind, phone_s=busy_s, phone_w=watts, period_s=period_s,
        per_day_n=like.per_day_n * like.period_s / period_s, basis=weakest(row["basis"], "assumed"), note=note,
    )  # fmt: skip
