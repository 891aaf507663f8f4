"""What can be set of a board over SSH: a Linux host's conditions, and a Jetson's where it is one."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from edgewatt.collectors.android.files.look import clean
from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.android.sampler.survey import survey
from edgewatt.collectors.host.conditions.change import Condition
from edgewatt.collectors.host.conditions.processors import PROCESSORS
from edgewatt.collectors.host.conditions.system import EXECUTE_S, TEXT_LIMIT, Execute, Step, Write
from edgewatt.collectors.jetson.conditions import JETSON
from edgewatt.collectors.transports.reached import Reached

_ROOT: Final = "root"
_SUDO: Final = "sudo"


def known(*, is_jetson: bool) -> Mapping[str, Condition]:
    """The conditions of a board."""
    return {**PROCESSORS, **(JETSON if is_jetson else {})}


class Board:
    """A board as the system whose settings are changed: by its user where files let that one, by root, or by sudo.

    `sudo -n` asks nobody: it serves where the board's user may become root without a password.
    """

    def __init__(self, board: Reached) -> None:
        self._board = board
        self.where = board.uri
        self._way: str | None = None

    def read(self, patterns: Iterable[str]) -> dict[str, Seen]:
        """See System."""
        return survey(self._board, dict.fromkeys(patterns))

    def at(self, pattern: str) -> str:
        """See System."""
        return pattern.replace("{sysfs}", self._board.sysfs).replace("{root}", self._board.root)

    def find(self, program: str) -> str | None:
        """See System."""
        root = self._board.root
        folders = ":".join(f"{root}/{name}" for name in ("usr/sbin", "usr/bin", "sbin", "bin"))
        path = shlex.quote(folders) if root else f'"$PATH":{folders}'
        said = self._board.sh(f"PATH={path}; command -v {shlex.quote(program)}").stdout.decode(errors="replace").strip()
        return said if said.startswith("/") and said.isprintable() and len(said) < TEXT_LIMIT else None

    def ask(self, argv: Sequence[str]) -> str | None:
        """See System."""
        done = self._board.sh(f"{shlex.join(argv)} </dev/null", timeout_s=EXECUTE_S)
        return done.stdout.decode(errors="replace")[:TEXT_LIMIT] if done.returncode == 0 else None

    def lacking(self, steps: Sequence[Step]) -> str | None:
        """See System."""
        if not steps or self._becomes() in (_ROOT, _SUDO):
            return None
        paths = list(dict.fromkeys(self.at(step.path) for step in steps if isinstance(step, Write)))
        programs = [step.argv[0] for step in steps if isinstance(step, Execute)]
        if programs and not self._board.root:
            return f"{programs[0]} is for root, and the user there may not become root without a password"
        look = f'for f in {shlex.join(paths)}; do [ -w "$f" ] || {{ echo "$f"; break; }}; done'
        path = clean(self._board.sh(look).stdout.decode(errors="replace")) if paths else ""
        return f"{path} may not be written by the user there, nor by sudo without a password" if path else None

    def take(self, steps: Sequence[Step]) -> str:
        """See System."""
        script = f"bad=0; {'; '.join(self._shell(step) for step in steps)}; exit $bad"
        shell = "sudo -n sh -c" if self._becomes() == _SUDO else "sh -c"
        done = self._board.sh(f"{shell} {shlex.quote(script)} </dev/null", timeout_s=EXECUTE_S)
        if done.returncode == 0:
            return ""
        return clean((done.stderr or done.stdout).decode(errors="replace")) or f"it ended with {done.returncode}"

    def monotonic_s(self) -> float:
        """See System."""
        return self._board.monotonic_s()

    def sleep(self, seconds: float) -> None:
        """See System."""
        self._board.sleep(seconds)

    def _shell(self, step: Step) -> str:
        if isinstance(step, Execute):
            return f"{shlex.join(step.argv)} || bad=$?"
        return f"{{ echo {shlex.quote(step.value)} >{shlex.quote(self.at(step.path))}; }} || bad=$?"

    def _becomes(self) -> str:
        """How a command becomes root's; asked once."""
        if self._way is None:
            ask = f'if [ "$(id -u)" = 0 ]; then echo {_ROOT}; elif sudo -n true; then echo {_SUDO}; fi'
            self._way = self._board.sh(f"{{ {ask}; }} 2>/dev/null </dev/null").stdout.decode(errors="replace").strip()
        return self._way
