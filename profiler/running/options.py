"""How long each step of a profile run takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.planning.ordering import Schedule
from edgewatt.profiler.running.thermal import Ambient


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """How long each step of a profile run takes; the defaults are those of measurement.md.

    A repeat measures for `seconds`, or for `iterations` instead where that is not 0. `conditions` are those to set by
    name; "leave" leaves one that the device would be prepared with by default. `cool_down_s` is how long each repeat
    may wait until the device is as cool as at the start (0: it does not), `ambient` how warm the room has to be first,
    and `schedule` in which order several configurations are measured.
    """

    repeats: int = 5
    seconds: float = 5.0
    iterations: int = 0
    idle_s: float = 10.0
    warmup_limit_s: float = 20.0
    thermal_limit_s: float = 30.0
    session: str | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
    cool_down_s: float = 0.0
    ambient: Ambient | None = None
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        """Refuse what would measure nothing."""
        if self.repeats < 1:
            raise UsageError(f"a profile needs at least 1 repeat; {self.repeats} were asked for")
        for name in ("seconds", "idle_s", "warmup_limit_s", "thermal_limit_s", "iterations", "cool_down_s"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise UsageError(f"{name} must be a number from 0 on; {getattr(self, name)} was asked for")
        if self.seconds == 0 and self.iterations == 0:
            raise UsageError("seconds and iterations are both 0: there would be nothing to measure")

    @property
    def repeat_s(self) -> float:
        """About how long a repeat takes; warm-ups end early as a rule, so half of their limit."""
        return self.seconds + self.warmup_limit_s / 2
