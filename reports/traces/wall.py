"""The wall clock beside the host's own, at one instant of a run."""

from edgewatt.profiler.clock import WALL_CLOCK
from edgewatt.profiler.errors import EdgewattError
from edgewatt.profiler.storage.trace import Trace


def wall_pair(run: Trace) -> tuple[int | None, int | None]:
    """The same instant on the host's monotonic clock and on its wall clock (ns since 1970, UTC); None: not compared."""
    try:
        fit = run.clock_fit(WALL_CLOCK)
    except EdgewattError:
        return None, None
    wall_ns = fit.origin_ns
    return (wall_ns + fit.offset_ns, wall_ns) if wall_ns > 0 and wall_ns + fit.offset_ns >= 0 else (None, None)
