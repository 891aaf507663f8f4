"""One phone: a device that is reached over adb, its place to write, and what puts things back on it."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from edgewatt.collectors.transports.reached import COMMAND_TIMEOUT_S, RECONNECT_S, RETRY_S, Reached, reconnected

if TYPE_CHECKING:
    from edgewatt.collectors.android.guarding.guard import Guard
    from edgewatt.collectors.android.guarding.workplace import Workplaces

__all__ = ["COMMAND_TIMEOUT_S", "RECONNECT_S", "RETRY_S", "TMP", "Phone", "reconnected"]

# Where the shell user of every Android may write and execute.
TMP: Final = "/data/local/tmp"


@dataclass
class Phone(Reached):
    """See Reached. `tmp` is for what its shell user executes."""

    tmp: str = TMP

    @cached_property
    def guard(self) -> "Guard":
        """What puts things back on the phone, also when the connection ends."""
        from edgewatt.collectors.android.guarding.guard import Guard  # noqa: PLC0415  (needs Phone itself)

        return Guard(self)

    @cached_property
    def workplaces(self) -> "Workplaces":
        """The folders of files that runs have on it."""
        from edgewatt.collectors.android.guarding.workplace import Workplaces  # noqa: PLC0415  (the same)

        return Workplaces()

    def close(self) -> None:
        """Leave the phone as it was found and hang up. Raises DeviceError for what the guard could not remove."""
        try:
            if "guard" in self.__dict__:
                self.guard.close()
        finally:
            self.hang_up()
