"""What the server does about who is silent, and who pays for waiting."""

from dataclasses import dataclass

from edgewatt.models.scheduling.constants import Constants, Draw


@dataclass(frozen=True, slots=True)
class Rules:
    """`deadline_ratio` of what the slowest should take is waited if one is silent; `empty_s` if nobody is there.

    `bills_waiting`: whether a participant that has finished is billed its idle watts until the round ends. The paper's
    formula bills nothing for it.
    """

    deadline_ratio: float
    empty_s: float
    bills_waiting: bool = True


def rules_of(constants: Constants, draw: Draw) -> Rules:
    """The rules of study.toml."""
    ratio, empty_s = (draw.constant(constants, f"round.{name}") for name in ("deadline_ratio", "empty_s"))
    return Rules(max(ratio, 1.0), empty_s, bool(constants["round.waiting_is_billed"]))
