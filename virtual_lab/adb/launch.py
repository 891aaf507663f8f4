"""How a phone's command becomes a process of this machine: the seam that whoever makes the phone fills in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

# What adbd adds to the environment that init gave it (AOSP, adb/daemon/shell_service.cpp), as a phone has it.
ADBD_ENVIRONMENT: Mapping[str, str] = {
    "HOME": "/",
    "LOGNAME": "shell",
    "SHELL": "/bin/sh",
    "TERM": "dumb",
    "TMPDIR": "/data/local/tmp",
    "USER": "shell",
}
ADBD_CWD = "/"


@dataclass(frozen=True, slots=True)
class Launch:
    """A program of this machine, its whole environment and the folder it starts in."""

    argv: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path


class ShellRunner(Protocol):
    """Says what to start for a command; started, watched and ended it is by adbd, in a session of its own."""

    def __call__(self, command: str, environment: Mapping[str, str], cwd: str) -> Launch:
        """What runs `command`, as a phone's shell would; the empty command is an interactive shell.

        `environment` and `cwd` are a phone's, its paths too. Bytes that are no UTF-8 come as os.fsdecode leaves
        them. An OSError is told to the client, as output with exit status 255.
        """
        ...
