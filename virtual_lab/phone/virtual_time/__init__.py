"""A profile run on a virtual phone, whole and at once: the bytes that a real one gives, and the truth behind them.

Nothing waits, nothing is started, no file is written. All of it is drawn from a seed.
"""

from edgewatt.virtual_lab.phone.virtual_time.plan import Plan
from edgewatt.virtual_lab.phone.virtual_time.run import VirtualRun

__all__ = ["Plan", "VirtualRun"]
