"""The truth of a virtual phone, kept with the run that measured it.

After each repeat its measured phase is a window `truth/<repeat>` on the host's clock, with its begin and end as they
happened. Attributes: `iterations`, and `energy_j`, exact joules by the name of what was drawn: `battery`, each domain
of power, and each rail as channel_name makes a name of its label. The log behind it is `raw/lab_truth.jsonl`.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgewatt.profiler.channel import channel_name
from edgewatt.profiler.clock import HOST_CLOCK, Clock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, Sink, Workload, WorkloadFacts
from edgewatt.profiler.window import Window, measure_window, truth_window
from edgewatt.virtual_lab.phone.events import mark
from edgewatt.virtual_lab.phone.truth import MEASURE, TRUTH, read_truth

# A kernel answers within some ms, on a machine that is very busy within a second (assumed).
_ANSWER_S: Final = 30.0
_LOOK_S: Final = 0.002


@dataclass
class Copied:
    """How far the log of a phone was copied into a run, by all the workloads of that run together."""

    size_b: int = 0
    workloads: int = 0

    def begin(self) -> None:
        """One more workload; the first of a run begins with the whole log."""
        self.size_b = self.size_b if self.workloads else 0
        self.workloads += 1

    def end(self) -> None:
        """One less."""
        self.workloads -= 1


@dataclass
class KeepingTruth:
    """A workload on a virtual phone. `log` is what the phone's kernel writes of what really happens.

    `also` are further names of what was drawn: a meter's channel, by what hangs on it. `copied` is common to the
    workloads of one phone.
    """

    inner: Workload
    log: Path
    also: Mapping[str, str] = field(default_factory=dict)
    copied: Copied = field(default_factory=Copied)
    _is_open: bool = False

    def open(self, clock: Clock) -> WorkloadFacts:
        """As the workload itself."""
        if not self._is_open:
            self._is_open = True
            self.copied.begin()
        return self.inner.open(clock)

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        """As the workload itself, then the truth of it. Raises DeviceError if the phone's kernel is gone."""
        began_ns = time.monotonic_ns()
        try:
            facts = self.inner.repeat(request, sink)
        except BaseException:
            with contextlib.suppress(OSError):
                self._copy(self._news(), sink)
            raise
        self._copy(self._settled(), sink)
        if (window := self._truth_of(request, facts.iterations, began_ns)) is not None:
            sink.window(window)
        return facts

    def close(self) -> None:
        """As the workload itself."""
        if self._is_open:
            self._is_open = False
            self.copied.end()
        self.inner.close()

    def _truth_of(self, request: RepeatRequest, iterations: int, began_ns: int) -> Window | None:
        """The repeat's measured phase; None where what ran was not the lab's own tool, which says none.

        The last one counts: a repeat whose connection was lost begins again.
        """
        truth = read_truth(self.log)
        phase = next((p for p in reversed(truth.phases) if p.name == MEASURE and p.t0_ns >= began_ns), None)
        if phase is None or phase.runs != iterations:
            return None
        energy_j = {channel_name(s): truth.energy_j(phase.t0_ns, phase.t1_ns, s) for s in truth.sources}
        energy_j |= {name: energy_j[source] for name, source in self.also.items()}
        return Window(
            truth_window(request.repeat),
            phase.t0_ns,
            phase.t1_ns,
            HOST_CLOCK,
            measure_window(request.repeat),
            request.config_id,
            {"iterations": phase.runs, "energy_j": energy_j},
        )

    def _settled(self) -> bytes:
        """What the log says anew, once it holds all that happened until now."""
        return settled(self.log.parent, self._news)

    def _news(self) -> bytes:
        """The whole lines that were not copied yet."""
        with self.log.open("rb") as log:
            log.seek(self.copied.size_b)
            news = log.read()
        return news[: news.rfind(b"\n") + 1]

    def _copy(self, news: bytes, sink: Sink) -> None:
        self.copied.size_b += len(news)
        sink.raw(TRUTH, news)


def settled(lab: Path, news: Callable[[], bytes]) -> bytes:
    """What the log of a phone says anew, once it holds all that happened until now. Raises DeviceError."""
    end_s = time.monotonic() + _ANSWER_S
    try:
        word = mark(lab)
        while f'"mark": ["{word}"]'.encode() not in (said := news()):
            if time.monotonic() > end_s:
                raise DeviceError(f"the virtual phone's kernel did not answer within {_ANSWER_S:g} s")
            time.sleep(_LOOK_S)
    except OSError as error:
        raise DeviceError(f"the virtual phone's kernel is gone: {error}") from error
    return said
