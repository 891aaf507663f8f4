"""When layers are looked at, and under which importance they are frozen."""

from dataclasses import dataclass

from edgewatt.profiler.errors import UsageError


@dataclass(frozen=True, slots=True)
class Threshold:
    """Importance below which a layer is frozen: 0 until `warm_up`, rising to `tau` at `end`, both shares of the steps.

    Between them `tau` x (1 - (1 - p)^3), p going from 0 to 1: the cubic of AdaLoRA's budget, which SAFE's is said to be
    like (assumed). Layers are looked at each `every` between, and for the last time at `end`.

    Raises UsageError unless 0 <= warm_up < end <= 1, tau >= 0 and every > 0.
    """

    warm_up: float
    end: float
    tau: float
    every: float

    def __post_init__(self) -> None:
        if not 0 <= self.warm_up < self.end <= 1:
            raise UsageError(
                f"freezing from {self.warm_up} to {self.end} of the steps: expected 0 <= warm_up < end <= 1"
            )
        if not self.tau >= 0 or not self.every > 0:
            raise UsageError(f"tau {self.tau}, every {self.every}: expected tau >= 0 and every > 0")

    def at(self, share: float) -> float:
        """The threshold when `share` of the steps are done."""
        progress = min(max((share - self.warm_up) / (self.end - self.warm_up), 0.0), 1.0)
        return self.tau * (1.0 - (1.0 - progress) ** 3)

    def looks(self, steps_n: int) -> frozenset[int]:
        """After how many of `steps_n` steps layers are looked at."""
        n = int((self.end - self.warm_up) / self.every)
        shares = [self.warm_up + k * self.every for k in range(1, n + 1)] + [self.end]
        return frozenset(min(max(round(share * steps_n), 1), steps_n) for share in shares)
