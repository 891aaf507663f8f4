"""What a run has to say of a repeat, put beside what its workload says."""

from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.protocols import Sink
from edgewatt.profiler.window import Window, measure_window

_REASONS: Final = "reasons"


class Marking(AbstractContextManager["Marking"]):
    """The sink of one repeat, as a context manager: its measured window goes on at the end.

    `reasons` are added to those of the window, and `attributes` to its others.
    What is found only after the repeat can thus still mark it. Everything else goes on at once.
    """

    def __init__(self, sink: Sink, repeat: int) -> None:
        self._sink, self._name = sink, measure_window(repeat)
        self._held: list[Window] = []
        self.reasons: list[str] = []
        self.attributes: dict[str, Any] = {}

    def __exit__(self, *_: object) -> None:
        for window in self._held:
            said = window.attributes.get(_REASONS) or ()
            reasons = list(dict.fromkeys([*said, *self.reasons]))
            marked = {**window.attributes, **self.attributes, **({_REASONS: reasons} if self.reasons else {})}
            self._sink.window(replace(window, attributes=marked))

    def window(self, window: Window) -> None:
        """A window that has ended."""
        if window.name == self._name:
            self._held.append(window)
        else:
            self._sink.window(window)

    def iterations(self, repeat: int, t0_ns: NDArray[np.int64], t1_ns: NDArray[np.int64]) -> None:
        """Further iterations of a repeat."""
        self._sink.iterations(repeat, t0_ns, t1_ns)

    def raw(self, name: str, content: bytes) -> None:
        """What a tool printed."""
        self._sink.raw(name, content)
