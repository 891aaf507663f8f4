"""`USER@BOARD:PORT` as OpenSSH takes it: names checked, so that none of them is an option or a word of a shell."""

import re
from dataclasses import dataclass
from typing import Final

from edgewatt.profiler.errors import UsageError

USAGE: Final = "ssh://[USER@]BOARD[:PORT]"
# What accounts are called (Debian's adduser, Samba's machine accounts), and hosts, or their aliases in ssh_config(5).
_USER: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}\$?"
_HOST: Final = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}"
_IPV6: Final = r"\[[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9._-]{1,32})?\]"
_ADDRESS: Final = re.compile(rf"//(?:({_USER})@)?({_HOST}|{_IPV6})(?::([0-9]{{1,5}}))?/?")


@dataclass(frozen=True, slots=True)
class Address:
    """Who and where; None is what the user's own configuration of ssh says."""

    host: str
    user: str | None = None
    port: int | None = None

    @property
    def text(self) -> str:
        """As a URI."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh://{self.destination.replace(self.host, host)}{'' if self.port is None else f':{self.port}'}"

    @property
    def destination(self) -> str:
        """For messages and for commands that a user types: USER@BOARD."""
        return self.host if self.user is None else f"{self.user}@{self.host}"

    @property
    def typed(self) -> str:
        """The command by which a user connects."""
        return f"ssh {'' if self.port is None else f'-p {self.port} '}{self.destination}"

    def argv(self) -> list[str]:
        """The last arguments of ssh before a command; nothing after them is read as an option."""
        user = [] if self.user is None else ["-l", self.user]
        port = [] if self.port is None else ["-p", str(self.port)]
        return [*user, *port, "--", self.host]


def parse_address(text: str, *, uri: str = "") -> Address:
    """The address in `//USER@BOARD:PORT`. Raises UsageError for one that has no such form."""
    parts = _ADDRESS.fullmatch(text)
    if parts is None or (parts[3] is not None and not 0 < int(parts[3]) < 1 << 16):
        raise UsageError(
            f"device {uri or f'ssh:{text}'!r}: expected {USAGE} of letters, digits, dots, dashes and underscores, such "
            "as ssh://nvidia@192.168.1.20 or ssh://orin with an alias from ~/.ssh/config"
        )
    return Address(parts[2].strip("[]"), parts[1], None if parts[3] is None else int(parts[3]))
