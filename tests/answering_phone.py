"""A phone that answers commands from a table: each answer is bytes, or one after the other from a list."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.transports.link import OUTPUT_LIMIT_B, Link, Sent, Stream
from edgewatt.profiler.protocols import Completed

NO_SERVICE = Completed(20, b"", b"Can't find service\n")


@dataclass
class AnsweringLink(Link):
    said: Mapping[str, bytes | list[bytes]]
    asked: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "adb:answering"

    @property
    def features(self) -> frozenset[str]:
        return frozenset({"shell_v2"})

    def run(self, command: str, *, timeout_s: float, limit_b: int = OUTPUT_LIMIT_B) -> Completed:
        assert timeout_s > 0
        self.asked.append(command)
        answer = self.said.get(command)
        if isinstance(answer, list):
            answer = answer.pop(0)
        return NO_SERVICE if answer is None else Completed(0, answer[:limit_b], b"")

    def stream(self, command: str) -> Stream:
        raise NotImplementedError

    def push(self, content: Path | bytes, remote: str, *, mode: int = 0o644, sent: Sent | None = None) -> None:
        raise NotImplementedError

    def pull(self, remote: str, local: Path, *, limit_b: int | None = None) -> None:
        raise NotImplementedError

    def close(self) -> None:
        pass


def phone_saying(said: Mapping[str, bytes | list[bytes]]) -> tuple[Phone, list[str]]:
    """The phone, and what it was asked."""
    link = AnsweringLink(said)
    return Phone("adb:answering", lambda: link), link.asked
