"""The rows of networks and of training steps, from their measured repeats."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from edgewatt.profiler.calibrating.observations import Observation, digests, sources_seen
from edgewatt.profiler.calibrating.values import Found, Row, cells, mean_alike, positive, whole
from edgewatt.profiler.calibrating.work import Work, spreads, works

# What a training loop may tell of each repeat (facts, A6).
_TOLD: Final = ("update_b", "frozen_prefix_n", "frozen_n", "trainable_n", "activation_b")


def inference_rows(seen: Sequence[Observation]) -> Found:
    """One row per network, how it was executed, co-load and energy source; without a source one without joules."""
    found = Found()
    every = works(seen, training=False)
    scatter = spreads(every, Work.latencies_s)
    for place, (work, relative) in enumerate(zip(every, scatter, strict=True)):
        latency = positive(mean_alike(work.latencies_s(), relative))
        columns = {
            **work.columns,
            **cells("latency", "s", latency),
            "latency_p95_s": work.p95_s(),
            "busy_ratio": work.busy_ratio(),
        }
        _by_source(found, "inference", (every, place), columns)
    return found


def training_rows(seen: Sequence[Observation]) -> Found:
    """One row per way of training, batch and energy source. A step's time is its repeat's length by its steps."""
    found = Found()
    every = works(seen, training=True)
    for place, (work, relative) in enumerate(zip(every, spreads(every, _steps_s), strict=True)):
        told = {key: _told(work, key) for key in _TOLD}
        step = positive(mean_alike(_steps_s(work), relative))
        columns = {**work.columns, **cells("step", "s", step), "step_p95_s": work.p95_s(), **told}
        _by_source(found, "training_step", (every, place), columns)
    return found


def _steps_s(work: Work) -> list[float]:
    return [one.stretch.duration_s / n for one in work.seen if (n := one.stretch.repeat.iterations)]


def _by_source(found: Found, table: str, of: tuple[Sequence[Work], int], columns: Row) -> None:
    """The row of one of several works for each source that saw it."""
    every, place = of
    work = every[place]
    common = {"memory_peak_b": work.memory_peak_b(), "observations_n": len(work.seen), "source": digests(work.seen)}
    sources: list[str | None] = [*sources_seen(work.seen)]
    for source in sources or [None]:
        value, boundary = (
            (None, None)
            if source is None
            else work.energy_j(source, spreads(every, partial(Work.joules, source=source))[place])
        )
        if source is not None and value is None:
            continue
        energy = {**cells("energy", "j", value), "energy_source": source, "energy_boundary": boundary}
        found.add(table, {**columns, **energy, **common})


def _told(work: Work, key: str) -> int | None:
    said = [one.stretch.window.attributes.get(key, one.config.get(key)) for one in work.seen]
    return max((of for one in said if (of := whole(one)) is not None and of >= 0), default=None)
