"""The few ways in which edgewatt fails, each with the exit code that the command line gives for it.

A message says what was asked, what was seen, what was expected, and what to do.
"""

from typing import ClassVar


class EdgewattError(Exception):
    """Anything that edgewatt reports in one line instead of a traceback."""

    exit_code: ClassVar[int] = 70


class UsageError(EdgewattError):
    """A wrong request, or a file that cannot be read or written as what it should be."""

    exit_code = 2


class NotComparableError(EdgewattError):
    """Two measurements whose conditions differ in a way that matters; the message names it."""

    exit_code = 3


class NotMeasuredError(EdgewattError):
    """A quantity that was asked for by name and that this device or run cannot give."""

    exit_code = 5


class DeviceError(EdgewattError):
    """A device or connection that failed, or that cannot do what was asked."""

    exit_code = 6
