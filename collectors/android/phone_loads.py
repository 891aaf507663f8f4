"""Loads on a phone."""

from edgewatt.collectors.android.conditions.root import HINT, root_of
from edgewatt.collectors.android.loads import ShellLoads
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.signal import WLAN, signal_dbm
from edgewatt.profiler.channel import Unavailable


def loads(phone: Phone) -> ShellLoads:
    """What executes loads there."""
    return ShellLoads(phone, signal_dbm, lambda: _why_unpinned(phone), WLAN)


def _why_unpinned(phone: Phone) -> Unavailable | None:
    """Why no frequency can be held there."""
    return None if root_of(phone) else Unavailable("a held frequency", "adb's shell there is not root", HINT)
