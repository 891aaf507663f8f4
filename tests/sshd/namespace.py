"""Becomes sshd as uid 1000 in namespaces of its own: `python -m tests.sshd.namespace FOLDER PROGRAM ARGUMENT...`.

To the machine that uid is whoever runs the tests, who may be root: all but FOLDER is read-only in there.
"""

import ctypes
import os
import struct
import sys
from pathlib import Path

from tests.adbd.namespace import NEWNS, NEWUSER, bind, die_with_parent, private_mounts
from tests.adbd.packages import Unavailable

USER = 1000
# linux/mount.h, linux/fcntl.h; mount_setattr(2) has one number on all architectures, from Linux 5.12 on.
MOUNT_SETATTR, AT_FDCWD, AT_RECURSIVE, ATTR_RDONLY = 442, -100, 0x8000, 1

_LIBC = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Does not return unless it cannot."""
    folder, program, *arguments = sys.argv[1:]
    uid, gid = os.geteuid(), os.getegid()
    if _LIBC.unshare(NEWUSER | NEWNS) != 0:
        raise Unavailable("this machine does not let us unshare a user namespace")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{USER} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{USER} {gid} 1")
    private_mounts()
    bind(Path(folder) / "passwd", Path("/etc/passwd"))
    bind(Path(folder), Path(folder))
    writable(Path("/"), yes=False)
    writable(Path(folder), yes=True)
    die_with_parent()
    os.execv(program, [program, *arguments])  # not root: execve(2) takes every capability away


def writable(path: Path, *, yes: bool) -> None:
    """For this process and its children. Raises Unavailable."""
    change = struct.pack("=QQQQ", 0 if yes else ATTR_RDONLY, ATTR_RDONLY if yes else 0, 0, 0)
    if _LIBC.syscall(MOUNT_SETATTR, AT_FDCWD, str(path).encode(), AT_RECURSIVE, change, len(change)) != 0:
        raise Unavailable(f"this machine does not let us make {path} read-only: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
