"""How long work tells where it is; who shows it, and how, is not its business."""

from typing import Protocol


class Progress(Protocol):
    """Told of every phase as it begins."""

    def phase(self, what: str, seconds_left: float | None = None) -> None:
        """`what` begins; all that is still to come takes about `seconds_left` seconds (None: nobody knows)."""
        ...


class Silent:
    """Shows nothing."""

    def phase(self, what: str, seconds_left: float | None = None) -> None:
        """Show nothing."""
