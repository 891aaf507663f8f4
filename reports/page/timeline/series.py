"""The series of a timeline, read in one pass through each stream, in a memory that does not grow with the run."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import tee
from typing import Final

import numpy as np
import pyarrow as pa

from edgewatt.profiler.energy.flow import GAP_INTERVALS, sampling_of
from edgewatt.profiler.energy.knots import BLOCK, Samples, knots_of
from edgewatt.profiler.energy.windows import sampling_interval_s
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.storage.trace import Chunk, Trace
from edgewatt.reports.escape import printable
from edgewatt.reports.page.timeline.choose import Chosen, Panel
from edgewatt.reports.page.timeline.envelope import Asked, Block, Envelope, envelopes_of

# From so many samples on, reading a stream is told of.
_MANY: Final = 2_000_000


@dataclass(frozen=True, slots=True)
class Series:
    """A series as it is drawn. With `is_flat` a value holds until the next one; otherwise straight lines join them."""

    chosen: Chosen
    envelope: Envelope
    is_flat: bool

    @property
    def panel(self) -> Panel:
        """Where it is drawn."""
        return self.chosen.panel


def series_of(trace: Trace, chosen: Sequence[Chosen], samples: Sequence[int], progress: Progress) -> list[Series]:
    """The chosen series of a run with so many readings in an element of each; those without a reading are left out.

    Raises UsageError for a damaged file.
    """
    found: dict[int, Series] = {}
    for stream in dict.fromkeys(one.stream for one in chosen):
        mine = [place for place, one in enumerate(chosen) if one.stream == stream]
        with _memory_kept():
            of_stream = _of_stream(trace, stream, [(chosen[place], samples[place]) for place in mine], progress)
        found |= {place: series for place, series in zip(mine, of_stream, strict=True) if series.envelope.readings}
    return [found[place] for place in sorted(found)]


@contextmanager
def _memory_kept() -> Iterator[None]:
    """Arrow's memory from the C library, which keeps what is freed; Arrow's own hands it back to the kernel."""
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pa.system_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(usual)


def _of_stream(trace: Trace, stream: str, wanted: Sequence[tuple[Chosen, int]], progress: Progress) -> list[Series]:
    columns = list(dict.fromkeys(column for one, _ in wanted for column in one.columns))
    told = _told(trace.chunks(stream, columns), trace.rows(stream), stream, progress)
    sampled_s, chunks = sampling_interval_s(told)
    asked, flat = [], []
    for (one, samples), copy in zip(wanted, tee(chunks, len(wanted)), strict=True):
        if one.flow is None:
            gap_ns = round(GAP_INTERVALS * sampled_s * 1e9) if sampled_s else None
            asked.append(Asked(_values(one.columns[0], copy), samples, gap_ns))
            flat.append(one.panel.key == "frequency")
            continue
        sampling = sampling_of(one.flow, sampled_s)
        knots = ((block.t_ns, block.power_w) for block in knots_of(one.flow, sampling, copy))
        asked.append(Asked(_since(knots) if sampling.steps else knots, samples, sampling.gap_ns))
        flat.append(sampling.steps)
    envelopes = envelopes_of(asked)
    return [
        Series(one, envelope, is_flat or envelope.samples > 1)
        for (one, _), envelope, is_flat in zip(wanted, envelopes, flat, strict=True)
    ]


def _values(column: str, chunks: Iterable[Samples]) -> Iterator[Block]:
    for chunk in chunks:
        for start in range(0, len(chunk.t_ns), BLOCK):
            part = slice(start, start + BLOCK)
            yield chunk.t_ns[part], chunk.columns[column][part].astype(np.float64)


def _since(knots: Iterable[Block]) -> Iterator[Block]:
    """Means since the knot before as means until the knot after: each value at the instant from which it holds."""
    last_ns: list[np.ndarray] = []
    for t_ns, power_w in knots:
        if not len(t_ns):
            yield t_ns, power_w
            continue
        before = np.concatenate((*last_ns, t_ns))
        yield before[:-1], power_w[1:] if not last_ns else power_w
        last_ns = [t_ns[-1:]]
    if last_ns:
        yield last_ns[0], np.array([np.nan])


def _told(chunks: Iterable[Chunk], rows: int, stream: str, progress: Progress) -> Iterator[Chunk]:
    done = told = 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        if rows >= _MANY and (done - told) * 5 >= rows:
            told = done
            progress.phase(f"reading {printable(stream, 60)}: {done / 1e6:.0f} of {rows / 1e6:.0f} million samples")
