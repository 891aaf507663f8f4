"""The phone's shell: one of the machine's own, in the phone's tree, with the phone's commands before the machine's.

It is bash where that has $EPOCHREALTIME, as a phone's mksh does (microseconds of the machine's wall clock), in its
POSIX mode; else /bin/sh. It sees the machine's root; a client reaches the phone's files where the lab said that they
are. Only the clock is the phone's everywhere: scripts that ask services read /proc/uptime, which in a command means the
tree's, or two clocks would stamp one phone.
"""

import ctypes
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from edgewatt.virtual_lab.adb.launch import Launch
from edgewatt.virtual_lab.phone.events import LAB
from edgewatt.virtual_lab.phone.tree import Tree

_UPTIME: Final = re.compile(r"(?<![\w./}\"'-])/proc/uptime\b")
_MICROSECONDS: Final = re.compile(rb"[0-9]+[.,][0-9]{6}")
_MACHINE_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# linux/capability.h and linux/prctl.h
_CAP_VERSION_3: Final = 0x20080522
_DAC_OVERRIDE, _DAC_READ_SEARCH = 1, 2
_PR_CAPBSET_DROP: Final = 24


@dataclass(frozen=True, slots=True)
class PhoneShell:
    """The ShellRunner of a phone: what the phone's own folders and environment are on this machine."""

    tree: Tree

    def __call__(self, command: str, environment: Mapping[str, str], cwd: str) -> Launch:
        """`command` by the tree's `sh`; the empty one is an interactive shell."""
        del cwd
        own = {
            **environment,
            "PATH": f"{self.tree.bin}:{os.environ.get('PATH', _MACHINE_PATH)}",
            "HOME": str(self.tree.tmp),
            "TMPDIR": str(self.tree.tmp),
            "LC_ALL": "C",
            "HISTFILE": "",
            "EDGEWATT_SH": machine_shell(),
            "EDGEWATT_PYTHON": sys.executable,
            LAB: str(self.tree.lab),
        }
        sh = str(self.tree.bin / "sh")
        asked = _UPTIME.sub(f"{self.tree.root}/proc/uptime", command)
        return Launch((sh, "-c", asked) if command else (sh, "-i"), own, self.tree.root)


@cache
def machine_shell() -> str:
    """The words that begin the shell of this machine that is most like a phone's."""
    bash = shutil.which("bash", path=_MACHINE_PATH)
    if bash is not None:
        words = (bash, "--posix")
        said = subprocess.run([*words, "-c", 'echo "$EPOCHREALTIME"'], capture_output=True, check=False).stdout
        if _MICROSECONDS.fullmatch(said.strip()):
            return " ".join(words)
    return "/bin/sh"


def respect_modes() -> None:
    """Have files without permissions denied to this process and all that it starts, even if it is root's.

    A phone's shell is not root. Where the system allows none of this, such files stay readable.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (_DAC_OVERRIDE, _DAC_READ_SEARCH):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAP_VERSION_3, 0)
    data = (ctypes.c_uint32 * 6)()
    if libc.capget(header, data) == 0:
        kept = ~(1 << _DAC_OVERRIDE | 1 << _DAC_READ_SEARCH) & 0xFFFFFFFF
        for word in (0, 1, 2):  # effective, permitted and inheritable of the first 32
            data[word] &= kept
        libc.capset(header, data)
