"""Series as the page holds them: small whole numbers in base64, which the page's script unpacks.

Times are uint32 steps of the span; with one reading in an element its value is a float32, exactly as it was stored;
otherwise lowest, mean and highest are uint16 steps of the series' range, 65535 where there is none.
"""

from base64 import b64encode
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.reports.page.timeline.envelope import Envelope

NONE: Final = 65535
_TIMES: Final = 2**32 - 1


def packed(envelope: Envelope, zero_ns: int, span_ns: int, scale: float) -> dict[str, Any]:
    """An envelope as plain JSON; values times `scale`, times since `zero_ns` of a run that lasts `span_ns`."""
    at = np.concatenate((envelope.t_ns, [envelope.end_ns])) - zero_ns
    t = np.rint(np.clip(at, 0, span_ns) * (_TIMES / max(span_ns, 1))).astype("<u4")
    said: dict[str, Any] = {"samples": envelope.samples, "t": _text(t)}
    if envelope.samples == 1:
        return {**said, "value": _text((envelope.mean * scale).astype("<f4"))}
    low, high = float(np.nanmin(envelope.low)), float(np.nanmax(envelope.high))
    step = (high - low) / (NONE - 1) or 1.0
    parts = {name: _steps(getattr(envelope, name), low, step) for name in ("low", "mean", "high")}
    return {**said, "from": low * scale, "step": step * scale, **parts}


def _steps(values: NDArray[np.float64], low: float, step: float) -> str:
    steps = np.rint((values - low) / step)
    return _text(np.where(np.isnan(steps), NONE, steps).astype("<u2"))


def _text(values: NDArray[Any]) -> str:
    return b64encode(values.tobytes()).decode("ascii")
