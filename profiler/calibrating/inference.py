"""The rows of networks and of training steps, from their measured repeats."""

from collections.abc import Sequence
from typing import Final

from edgewatt.profiler.calibrating.observations import Observation, digests, sources_seen
from edgewatt.profiler.calibrating.values import Found, Row, cells, mean_of, positive, whole
from edgewatt.profiler.calibrating.work import Work, works

# What a training loop may tell of each repeat (facts, A6).
_TOLD: Final = ("update_b", "frozen_prefix_n", "frozen_n", "trainable_n", "activation_b")


def inference_rows(seen: Sequence[Observation]) -> Found:
    """One row per network, how it was executed, co-load and energy source; without a source one without joules."""
    found = Found()
    for work in works(seen, training=False):
        latency = positive(mean_of(work.latencies_s()))
        columns = {
            **work.columns,
            **cells("latency", "s", latency),
            "latency_p95_s": work.p95_s(),
            "busy_ratio": work.busy_ratio(),
        }
        _by_source(found, "inference", work, columns)
    return found


def training_rows(seen: Sequence[Observation]) -> Found:
    """One row per way of training, batch and energy source. A step's time is its repeat's length by its steps."""
    found = Found()
    for work in works(seen, training=True):
        each_s = [one.stretch.duration_s / n for one in work.seen if (n := one.stretch.repeat.iterations)]
        told = {key: _told(work, key) for key in _TOLD}
        columns = {**work.columns, **cells("step", "s", positive(mean_of(each_s))), "step_p95_s": work.p95_s(), **told}
        _by_source(found, "training_step", work, columns)
    return found


def _by_source(found: Found, table: str, work: Work, columns: Row) -> None:
    """The row for each source that saw it."""
    common = {"memory_peak_b": work.memory_peak_b(), "observations_n": len(work.seen), "source": digests(work.seen)}
    sources: list[str | None] = [*sources_seen(work.seen)]
    for source in sources or [None]:
        value, boundary = (None, None) if source is None else work.energy_j(source)
        if source is not None and value is None:
            continue
        energy = {**cells("energy", "j", value), "energy_source": source, "energy_boundary": boundary}
        found.add(table, {**columns, **energy, **common})


def _told(work: Work, key: str) -> int | None:
    said = [one.stretch.window.attributes.get(key, one.config.get(key)) for one in work.seen]
    return max((of for one in said if (of := whole(one)) is not None and of >= 0), default=None)
