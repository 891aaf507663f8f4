"""What a user asked to be executed, split as a shell would split it, and never given to a shell."""

import hashlib
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from edgewatt.collectors.runtimes.text import printable
from edgewatt.profiler.errors import UsageError

# How long one run of a command may take unless told otherwise (assumed: an hour is more than a profile should need).
TIMEOUT_S: Final = 3600.0
NAME_LIMIT: Final = 300
# The words before a script that is metered: the Python, -m and its module.
OF_METER: Final = 3
_SHELL_WORDS: Final = frozenset({"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1", "(", ")"})
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=.*", re.ASCII | re.DOTALL)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """`words` are the program and its arguments; `skip` of its first iterations warm up; `env` are variables to set.

    `target`, `threads` and `batch` are what the user says of it; nobody else knows. `task` is "training" where
    the last words are a script whose steps are metered.
    """

    words: tuple[str, ...]
    timeout_s: float = TIMEOUT_S
    skip: int = 0
    env: Mapping[str, str] = field(default_factory=dict)
    target: str | None = None
    threads: int | None = None
    batch: int | None = None
    task: str | None = None

    @property
    def name(self) -> str:
        """The command as it is shown and stored; a long one is told apart from others by the beginning of its hash."""
        text = shlex.join(self.words if self.task is None else self.words[OF_METER:])
        shown = printable(text, NAME_LIMIT)
        if len(shown) < NAME_LIMIT:
            return shown
        return f"{shown[: NAME_LIMIT - 20]}... {hashlib.sha256(text.encode(errors='replace')).hexdigest()[:12]}"

    @property
    def program(self) -> str:
        """The name of the program, without its folder."""
        return PurePosixPath(self.words[0]).name


def asked(command: str, *, timeout_s: float = TIMEOUT_S, skip: int = 0, env: Mapping[str, str] | None = None) -> Asked:
    """The command of a user. Raises UsageError for one that cannot be executed as it stands."""
    shown = f"--command '{printable(command)}'"
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise UsageError(f"{shown} cannot be split into words: {str(error).lower()}") from None
    if not words or not words[0]:
        raise UsageError(f"{shown} names no program")
    if any("\0" in word for word in words):
        raise UsageError(f"{shown} holds a NUL, which no program can be given")
    _check_shell(shown, command, words)
    if not 0 < timeout_s < math.inf:
        raise UsageError(f"a timeout of {timeout_s} s: a number of seconds above 0 was expected")
    if skip < 0:
        raise UsageError(f"{skip} warm-up iterations: a number from 0 on was expected")
    given = dict(env or {})
    for name, value in given.items():
        if not _VARIABLE.fullmatch(name) or "\0" in value:
            raise UsageError(f"--env '{printable(name)}': expected a name of letters, digits and _, and no NUL")
    return Asked(words, timeout_s, skip, given)


def _check_shell(shown: str, command: str, words: Sequence[str]) -> None:
    """Raise UsageError for what only a shell understands: passed on as a word it would mean something else."""
    special = next((word for word in words if word in _SHELL_WORDS), None)
    if special is not None:
        shell = shlex.join(["sh", "-c", command])
        raise UsageError(
            f"{shown}: {special!r} means something to a shell, and none is used; write --command {shlex.quote(shell)}"
        )
    if _ASSIGNMENT.fullmatch(words[0]):
        name, _, value = words[0].partition("=")
        raise UsageError(
            f"{shown} begins with a variable; give it as --env {printable(name)}={printable(value)} or begin with `env`"
        )
