"""The conditions that belong to some repeats of a run alone, such as a frequency: set before one, put back after it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.running.prepare import NOT_SET, Prepared

FREQUENCY: Final = "frequency"


class OwnConditions:
    """What the next repeat needs set, on a device that is `prepared` for the run as a whole.

    A condition stays while repeats that want the same value follow each other. One that cannot be set marks each repeat
    that wants it, with `not_set:<condition>=<value>`, which `unavailable` explains.
    """

    def __init__(self, prepared: Prepared, of_the_run: Collection[str] = ()) -> None:
        self._prepared, self._of_the_run = prepared, of_the_run
        self._now: dict[str, str] = {}
        self._failed: dict[tuple[str, str], str] = {}
        self._explained: frozenset[tuple[str, str]] = frozenset()

    @property
    def pinned_hz(self) -> dict[str, float]:
        """The frequency of each cluster that is pinned now, by its channel's name."""
        return self._prepared.pinned_hz

    @property
    def unavailable(self) -> list[Unavailable]:
        """What could not be set, and why."""
        return [Unavailable(_code(*asked), why) for asked, why in self._failed.items()]

    def try_all(self, wanted: Sequence[Mapping[str, str]]) -> None:
        """Set each once and put it back, so that what the device lacks is found before anything is measured.

        Raises UsageError for a value that the device does not have, or a condition that the run as a whole has too.
        """
        for asked in dict.fromkeys(pair for conditions in wanted for pair in conditions.items()):
            if asked[0] in self._of_the_run:
                raise UsageError(f"{asked[0]} is to be set for the whole run and for some of its repeats; give it once")
            self._set(*asked)
        self.put_back()
        self._explained = frozenset(self._failed)

    def set_for(self, wanted: Mapping[str, str]) -> list[str]:
        """Set what a repeat wants and nothing else; the reason codes of what could not be."""
        for condition in [name for name in self._now if name not in wanted]:
            self._put_back(condition)
        for condition, value in wanted.items():
            if self._now.get(condition) != value and (condition, value) not in self._failed:
                self._set(condition, value)
        failed = [asked for asked in wanted.items() if asked in self._failed]
        return [
            _code(*asked) if asked in self._explained else f"{_code(*asked)}: {self._failed[asked]}" for asked in failed
        ]

    def put_back(self) -> None:
        """Put back what is set."""
        for condition in list(self._now):
            self._put_back(condition)

    def _set(self, condition: str, value: str) -> None:
        try:
            self._prepared.set(condition, value, asked=True)
        except DeviceError as error:
            self._failed[condition, value] = str(error)
            self._put_back(condition)
        else:
            self._now[condition] = value

    def _put_back(self, condition: str) -> None:
        self._now.pop(condition, None)
        self._prepared.put_back(condition)


def own_conditions(frequency_hz: float | None, given: Mapping[str, str]) -> dict[str, str]:
    """What the repeats of one configuration want set. Raises UsageError for two frequencies."""
    if frequency_hz is None:
        return dict(given)
    if FREQUENCY in given:
        raise UsageError(
            f"frequency={given[FREQUENCY]} and a frequency of {frequency_hz:.0f} Hz were asked for at once"
        )
    return {**given, FREQUENCY: f"{frequency_hz:.0f}"}


def _code(condition: str, value: str) -> str:
    return f"{NOT_SET}:{condition}={value}"
