"""The calibration suite as data: from what a device has and what was asked, the steps and their windows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.collecting.load import Load
from edgewatt.profiler.collecting.offers import Cluster, Offers
from edgewatt.profiler.collecting.steps import (
    CO_RUNNER,
    CPU,
    INFERENCE,
    INTERACTIVE,
    MEMORY,
    OFFLOAD,
    RADIO,
    STEPS,
    THERMAL,
    TRAINING,
    Asked,
    Executed,
    Step,
    Until,
    interleaved,
)
from edgewatt.profiler.errors import UsageError

# Longer than the last cache of a phone or board (assumed: at most 32 MiB).
MEMORY_B: Final = 64 << 20
# Beside what the networks send: there and back.
SIZES_B: Final = ((1_000, 1_000), (10_000, 1_000), (100_000, 1_000), (1_000_000, 1_000))
# The bins of AutoScale's and AutoFL's co-runners are 0, below 25, below 75 and up to 100 % (facts, AutoFL Table 1).
CO_DUTIES: Final = (0.0, 0.25, 0.75, 1.0)
BATCHES: Final = (1, 2, 4, 8, 16, 32)
DUTIES: Final = (0.25, 0.5, 1.0)
_SPREAD, _IDLE_EVERY, _FEW = 5, 5, 2
# Of frames: a rate of a second of them is none of an application.
_WATCHED_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Size:
    """What goes there and comes back when a network is executed elsewhere; `model` "" for a size of no network."""

    sent_b: int
    received_b: int
    model: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What was asked of the suite. `seconds` of each window, `server` and `to` as "host:port" ("": none).

    `trainings` has the ways in which the device can train, with the batches of each; `lacking` why a whole step cannot
    be done, by its kind.
    """

    steps: tuple[str, ...] = STEPS
    short: bool = False
    models: tuple[str, ...] = ()
    targets: tuple[str, ...] = ("cpu",)
    threads: tuple[int, ...] = ()
    sizes: tuple[Size, ...] = ()
    server: str = ""
    to: str = ""
    place: str = "here"
    seconds: float | None = None
    thermal_s: float | None = None
    batches: tuple[int, ...] = ()
    trainings: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    seed: int = 0
    lacking: Mapping[str, Unavailable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a step that is none."""
        for step in self.steps:
            if step not in STEPS:
                raise UsageError(f"step {step!r} is not known; known are {', '.join(STEPS)}")

    @property
    def window_s(self) -> float:
        """How long one window lasts."""
        return self.seconds or (4.0 if self.short else 10.0)

    @property
    def rounds(self) -> int:
        """How often each window comes."""
        return 1 if self.short else 2


def suite(offers: Offers, ask: Ask) -> list[Step]:
    """Every step that was asked for, in the order of STEPS. Raises UsageError where the device has no processors."""
    if not offers.clusters:
        raise UsageError("the device does not tell its processors: there is nothing to load")
    makers: dict[str, Callable[[Offers, Ask], list[Step]]] = {
        CPU: _cpu,
        MEMORY: _memory,
        RADIO: _radio,
        OFFLOAD: _offload,
        THERMAL: _thermal,
        CO_RUNNER: _co_runner,
        INFERENCE: _inference,
        TRAINING: _training,
        INTERACTIVE: _interactive,
    }
    found: list[Step] = []
    for kind in STEPS:
        if kind in ask.steps:
            why = ask.lacking.get(kind)
            found += [Step(kind, kind, unavailable=why)] if why is not None else makers[kind](offers, ask)
    return found


def spread(steps_hz: tuple[float, ...], count: int) -> tuple[float, ...]:
    """At most so many of them, evenly, both ends among them."""
    if len(steps_hz) <= count:
        return steps_hz
    return tuple(steps_hz[round(k * (len(steps_hz) - 1) / (count - 1))] for k in range(count))


def biggest(offers: Offers) -> Cluster:
    """The cluster with the highest step; without steps the last."""
    return max(offers.clusters, key=lambda one: (one.steps_hz[-1] if one.steps_hz else 0.0, one.cpus))


def _counts(cluster: Cluster) -> list[int]:
    every = len(cluster.cpus)
    return sorted({1, max(1, every // 2), every})


def _idle(ask: Ask, address: str = "", **more: str) -> Asked:
    return Asked(Load("idle", ask.window_s, address=address), more=more)


def _cpu(offers: Offers, ask: Ask) -> list[Step]:
    """Clusters x busy cores x frequencies; where no frequency can be held, x shares of time instead."""
    if (why := offers.lacking.get(CPU)) is not None:
        return [Step(CPU, CPU, unavailable=why)]
    windows: list[Asked] = []
    remarks: list[Unavailable] = []
    for cluster in offers.clusters:
        pinned = offers.unpinned is None and bool(cluster.policies) and bool(cluster.steps_hz)
        if not pinned:
            remarks.append(_why_free(offers, cluster))
        for count in _counts(cluster):
            cpus = cluster.cpus[-count:]
            if not pinned:
                loads = [Load("cpu", ask.window_s, cpus, duty) for duty in DUTIES]
                windows += [Asked(load, cluster.unit, count) for load in loads]
                continue
            for hertz in spread(cluster.steps_hz, _SPREAD) if ask.short else cluster.steps_hz:
                windows.append(Asked(Load("cpu", ask.window_s, cpus), cluster.unit, count, hertz, cluster.pin(hertz)))
        if pinned:
            ends = dict.fromkeys((cluster.steps_hz[0], cluster.steps_hz[-1]))
            idle = Load("idle", ask.window_s)
            windows += [Asked(idle, cluster.unit, 0, hertz, cluster.pin(hertz)) for hertz in ends]
    if len(offers.clusters) > 1:
        windows.append(Asked(Load("cpu", ask.window_s, offers.cpus), None, len(offers.cpus)))
    order = interleaved(windows, _idle(ask), rounds=ask.rounds, every=_IDLE_EVERY, seed=ask.seed)
    return [Step(CPU, CPU, order, remarks=tuple(remarks))]


def _why_free(offers: Offers, cluster: Cluster) -> Unavailable:
    what = f"{cluster.unit} at one frequency"
    if offers.unpinned is not None:
        return Unavailable(what, offers.unpinned.reason, offers.unpinned.fix)
    return Unavailable(what, "it tells no frequencies; loads of several shares of time stand in for them")


def _memory(offers: Offers, ask: Ask) -> list[Step]:
    if (why := offers.lacking.get(MEMORY)) is not None:
        return [Step(MEMORY, MEMORY, unavailable=why)]
    cluster = biggest(offers)
    windows = [
        Asked(Load("memory", ask.window_s, cluster.cpus[-count:], duty, memory_b=MEMORY_B), cluster.unit, count)
        for count, duty in dict.fromkeys([(1, 0.25), (1, 0.5), (1, 1.0), (max(1, len(cluster.cpus) // 2), 1.0)])
    ]
    order = interleaved(windows, _idle(ask), rounds=2 * ask.rounds, every=2, seed=ask.seed)
    return [Step(MEMORY, MEMORY, order)]


def _no_server(what: str) -> Unavailable:
    return Unavailable(
        what,
        "the device has to reach a server, and none was named",
        "--server HOST:PORT, an address of this machine that the device reaches by its radio (it listens there), or "
        "of another one where `edgewatt calibrate --serve HOST:PORT` runs",
    )


def _radio(offers: Offers, ask: Ask) -> list[Step]:
    """Idle, send, receive and round trips at the signal that there is, each followed by idle, which shows its tail."""
    name = f"{RADIO}-{ask.place}"
    lacks = next((offers.lacking[kind] for kind in ("send", "receive", "exchange") if kind in offers.lacking), None)
    why = lacks if ask.server else _no_server("radio")
    if why is not None:
        return [Step(name, RADIO, unavailable=why)]
    more = {"place": ask.place, "interface": offers.interface, "to": "server"}
    loads = (
        Load("send", ask.window_s, address=ask.server),
        Load("receive", ask.window_s, address=ask.server),
        Load("exchange", ask.window_s, address=ask.server, sent_b=1, received_b=1),
    )
    idle = Asked(Load("idle", ask.window_s, address=ask.server), more=more)
    windows = [Asked(load, more=more) for load in loads]
    order = interleaved(windows, idle, rounds=3 * ask.rounds, every=1, seed=ask.seed)
    return [Step(name, RADIO, order, facts={"place": ask.place})]


def _offload(offers: Offers, ask: Ask) -> list[Step]:
    """Exchanges of each size with the server, and with a second device."""
    if not (ask.server or ask.to):
        return [Step(OFFLOAD, OFFLOAD, unavailable=_no_server("offload"))]
    if (why := offers.lacking.get("exchange")) is not None:
        return [Step(OFFLOAD, OFFLOAD, unavailable=why)]
    windows: list[Asked] = []
    for to, address in (("server", ask.server), (ask.to, ask.to)):
        for size in (*ask.sizes, *(Size(*pair) for pair in SIZES_B)):
            if address:
                model = {"model": size.model} if size.model else {}
                more = {"to": to, "interface": offers.interface, "place": ask.place, **model}
                load = Load("exchange", ask.window_s, address=address, sent_b=size.sent_b, received_b=size.received_b)
                windows.append(Asked(load, more=more))
    idle = Asked(Load("idle", ask.window_s, address=ask.server or ask.to))
    order = interleaved(windows, idle, rounds=2 * ask.rounds, every=4, seed=ask.seed)
    return [Step(OFFLOAD, OFFLOAD, order, facts={"place": ask.place})]


def _thermal(offers: Offers, ask: Ask) -> list[Step]:
    """All processors of the biggest cluster, until the device is steady, then until it has cooled."""
    if (why := offers.lacking.get(CPU)) is not None:
        return [Step(THERMAL, THERMAL, unavailable=why)]
    cluster = biggest(offers)
    limit_s = ask.thermal_s or (60.0 if ask.short else 900.0)
    piece_s = min(30.0, limit_s / 4)
    hot = Asked(Load("cpu", piece_s, cluster.cpus), cluster.unit, len(cluster.cpus))
    return [Step(THERMAL, THERMAL, until=Until(hot, Asked(Load("idle", piece_s)), limit_s))]


def _no_model(what: str) -> Unavailable:
    return Unavailable(what, "no network was named", "--model FILE.tflite, or --model @tiny")


def _co_runner(offers: Offers, ask: Ask) -> list[Step]:
    """Each network alone, beside loops on other processors, and beside copies, one run for each share of time."""
    if not ask.models:
        return [Step(CO_RUNNER, CO_RUNNER, unavailable=_no_model(CO_RUNNER))]
    others = tuple(cpu for cpu in offers.cpus if cpu != biggest(offers).cpus[-1]) or offers.cpus
    others = others[-_FEW:] if ask.short else others
    seconds = 600.0
    beside: list[tuple[str, Load | None, float, float]] = [("0", None, 0.0, 0.0)]
    if CPU not in offers.lacking:
        beside += [(f"cpu-{d * 100:.0f}", Load("cpu", seconds, others, d), d, 0.0) for d in CO_DUTIES if d]
    if MEMORY not in offers.lacking:
        cpus = others[-max(1, len(others) // 2) :]
        duties = (1.0,) if ask.short else CO_DUTIES
        loads = [Load("memory", seconds, cpus, d, memory_b=MEMORY_B) for d in duties if d]
        beside += [(f"memory-{load.duty_ratio * 100:.0f}", load, 0.0, load.duty_ratio) for load in loads]
    return [
        Step(
            f"{CO_RUNNER}-{name}",
            CO_RUNNER,
            executed=Executed(targets=ask.targets, co_load=load),
            facts={"co_cpu_ratio": cpu, "co_memory_ratio": memory},
            expected_s=len(ask.models) * len(ask.targets) * _repeats_s(ask),
        )
        for name, load, cpu, memory in beside
    ]


def _inference(offers: Offers, ask: Ask) -> list[Step]:
    """Networks x targets x threads x batches x frequencies."""
    if not ask.models:
        return [Step(INFERENCE, INFERENCE, unavailable=_no_model(INFERENCE))]
    cluster = biggest(offers)
    threads = ask.threads or tuple(dict.fromkeys((1, len(cluster.cpus))))
    pinned = offers.unpinned is None and bool(cluster.policies)
    steps_hz = spread(cluster.steps_hz, 3) if pinned and not ask.short else ()
    executed = Executed("", ask.targets, threads, ask.batches or (1,), steps_hz)
    rows = len(ask.models) * len(ask.targets) * len(threads) * len(executed.batches) * (1 + len(steps_hz))
    remarks = () if pinned else (_why_free(offers, cluster),)
    facts = {"co_cpu_ratio": 0.0, "co_memory_ratio": 0.0}
    return [
        Step(INFERENCE, INFERENCE, executed=executed, facts=facts, remarks=remarks, expected_s=rows * _repeats_s(ask))
    ]


def batches_of(ask: Ask) -> tuple[int, ...]:
    """The batches of training steps."""
    return ask.batches or (BATCHES[::2] if ask.short else BATCHES)


def _training(_: Offers, ask: Ask) -> list[Step]:
    """Each way of training that the device has x batches, a run for each way."""
    return [
        Step(
            f"{TRAINING}-{way}",
            TRAINING,
            executed=Executed(way, batches=batches),
            expected_s=len(batches) * _repeats_s(ask),
        )
        for way, batches in ask.trainings.items()
    ]


def _interactive(_: Offers, ask: Ask) -> list[Step]:
    """What the services of a phone say of charging, and of frames while its user goes on: nothing else is done."""
    seconds = max(ask.window_s, _WATCHED_S)
    return [Step(INTERACTIVE, INTERACTIVE, (Asked(Load("idle", seconds)),))]


def repeats_of(ask: Ask) -> int:
    """How often each configuration is repeated."""
    return 3 if ask.short else 5


def _repeats_s(ask: Ask) -> float:
    return repeats_of(ask) * (ask.window_s + 10.0)
