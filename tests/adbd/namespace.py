"""A place of its own for one phone: user, mounts, network and processes that end with it, by system calls alone.

Everything is done in a process that is about to become the phone; nothing of it is seen, or left, outside.
"""

import ctypes
import fcntl
import os
import signal
import socket
import struct
from pathlib import Path
from typing import Final

from tests.adbd.packages import Unavailable

SHELL: Final = 2000  # the uid of adb's shell on Android
# linux/sched.h, linux/mount.h, linux/prctl.h, linux/if.h, linux/sockios.h
NEWNS, NEWUSER, NEWPID, NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
RDONLY, NOSUID, NODEV, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
PDEATHSIG, CAPBSET_DROP = 1, 24
KEPT: Final = range(8)  # linux/capability.h: CHOWN to SETUID
SIOCGIFFLAGS, SIOCSIFFLAGS, UP = 0x8913, 0x8914, 1

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def enter(*, rooted: bool) -> None:
    """Leave the machine's namespaces; children are in the new ones. Raises Unavailable.

    As root the phone's shell will get uid 2000. Otherwise, and for a root that may not, a user namespace calls this
    user 2000; or 0, for a phone that is `rooted`.
    """
    uid, gid = os.geteuid(), os.getegid()
    rest = NEWNS | NEWPID | NEWNET
    if uid == 0 and not rooted and _LIBC.unshare(rest) == 0:
        return
    _call("unshare a user namespace", _LIBC.unshare(NEWUSER | rest))
    inside = 0 if rooted else SHELL
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{inside} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{inside} {gid} 1")


def die_with_parent() -> None:
    """End this process when the one that started it ends."""
    _LIBC.prctl(PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def loopback_up() -> None:
    """Give the new network its 127.0.0.1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sH14x", b"lo", 0)
        (flags,) = struct.unpack_from("H", fcntl.ioctl(sock, SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | UP))


def private_mounts() -> None:
    """From here on no mount is seen outside. Raises Unavailable."""
    mount("none", Path("/"), flags=REC | PRIVATE)


def mount(source: Path | str, target: Path, *, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2). Raises Unavailable."""
    arguments = (str(source).encode(), str(target).encode(), kind.encode() or None, flags, data.encode() or None)
    _call(f"mount {target.name or target}", _LIBC.mount(*arguments))


def bind(source: Path, target: Path, *, read_only: bool = False) -> None:
    """Show `source`, a file or a folder, at `target` too. Raises Unavailable."""
    mount(source, target, flags=BIND | REC)
    if read_only:
        kept = os.statvfs(target).f_flag & (NOSUID | NODEV | os.ST_NOEXEC)  # a user namespace may not drop these
        mount(source, target, flags=BIND | REMOUNT | RDONLY | kept)


def become_shell(root: Path, arguments: list[str], environment: dict[str, str], *, rooted: bool) -> None:
    """Execute a program below `root` as the shell user, who may do nothing that modes forbid. Does not return.

    On a `rooted` phone that is root, with what concerns files and processes only.
    """
    os.chroot(root)
    os.chdir("/")
    if rooted:
        for number in range(64):
            if number not in KEPT:
                _LIBC.prctl(CAPBSET_DROP, number, 0, 0, 0)
    elif os.geteuid() == 0:
        os.setgroups([])
        os.setgid(SHELL)
        os.setuid(SHELL)
    os.execve(arguments[0], arguments, environment)  # not root: execve(2) takes every capability away


def _call(what: str, result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise Unavailable(f"this machine does not let us {what}: {os.strerror(code)}")
