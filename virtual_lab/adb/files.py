"""A phone's files, in a folder of this machine: no path leads out of it.

Symbolic links are followed as in a chroot: an absolute target starts at the folder, `..` stops there. A client's own
path is absolute and free of `..`, or refused with EACCES. Where a file's mode lets nobody do something it is refused
even if this process is root, since a phone's shell is not.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from edgewatt.virtual_lab.adb.faults import Faults

# The kernel's own limit (path_resolution(7)).
_LINKS: Final = 40
_READ: Final = 0o444
_WRITE: Final = 0o222


class Files:
    """Paths of the phone, as paths of this machine. Every method raises OSError, with a phone's errno."""

    def __init__(self, root: Path, faults: Faults) -> None:
        self._root = root.resolve(strict=True)
        self._faults = faults

    def find(self, remote: bytes, *, follow: bool = True) -> Path:
        """Where `remote` lies on this machine, if it is there or not; its last part is followed only if asked."""
        text = os.fsdecode(remote)
        if not text.startswith("/") or ".." in text.split("/") or "\0" in text:
            raise _error(errno.EACCES)
        todo = _parts(text)[::-1]
        self._check(todo[::-1])
        parts: list[str] = []
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                del parts[-1:]
                continue
            target = self._link([*parts, part]) if todo or follow else None
            if target is None:
                parts.append(part)
                continue
            links += 1
            if links > _LINKS:
                raise _error(errno.ELOOP)
            if target.startswith("/"):
                parts.clear()
            todo += self._inside(target)[::-1]
        self._check(parts)
        return self._root.joinpath(*parts)

    def stat(self, remote: bytes, *, follow: bool) -> os.stat_result:
        """What is known of a file."""
        return self.find(remote, follow=follow).lstat()

    def stat_in(self, folder: bytes, name: str) -> os.stat_result:
        """What is known of one of a folder's `names`."""
        if name == ".":
            return self.stat(folder, follow=True)
        if name == "..":
            above = "/".join(["", *_parts(os.fsdecode(folder))[:-1]]) or "/"
            return self.stat(os.fsencode(above), follow=True)
        return self.stat(folder + b"/" + os.fsencode(name), follow=False)

    def names(self, remote: bytes) -> list[str]:
        """What a folder holds, `.` and `..` first, as readdir gives them."""
        path = self.find(remote)
        _allow(path, _READ)
        return [".", "..", *sorted(entry.name for entry in path.iterdir())]

    def open_to_read(self, remote: bytes) -> int:
        """A descriptor; a pipe or a folder opens too, as on a phone, and ends or fails when it is read."""
        path = self.find(remote)
        _allow(path, _READ)
        return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)

    def open_to_write(self, remote: bytes, mode: int) -> int:
        """A descriptor of a new file, or of what is there already and no plain file."""
        path = self.find(remote)
        flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
        if not path.exists():
            _allow(path.parent, _WRITE)
            return os.open(path, flags | os.O_CREAT | os.O_EXCL, mode)
        _allow(path, _WRITE)
        return os.open(path, flags)

    def make_folders(self, remote: bytes) -> None:
        """All the folders on the way to `remote`."""
        above = self.find(remote).parent
        missing = [folder for folder in (above, *above.parents) if not folder.exists()]
        if missing:
            _allow(missing[-1].parent, _WRITE)
        for folder in reversed(missing):
            folder.mkdir(0o775)

    def link(self, remote: bytes, target: bytes) -> None:
        """Make a symbolic link; its target may be anything, since no path leads out."""
        path = self.find(remote, follow=False)
        _allow(path.parent, _WRITE)
        path.symlink_to(os.fsdecode(target))

    def remove(self, remote: bytes, *, links: bool) -> bool:
        """Make way for a push as adbd does: remove a plain file, a link if told so; whether nothing is in the way."""
        path = self.find(remote, follow=False)
        try:
            mode = path.lstat().st_mode
        except OSError:
            return True
        if not stat.S_ISREG(mode) and not (links and stat.S_ISLNK(mode)):
            return False
        _allow(path.parent, _WRITE)
        path.unlink()
        return True

    def _check(self, parts: list[str]) -> None:
        if self._faults.denies("/" + "/".join(parts)):
            raise _error(errno.EACCES)

    def _link(self, parts: list[str]) -> str | None:
        try:
            return str(self._root.joinpath(*parts).readlink())
        except OSError:
            return None

    def _inside(self, target: str) -> list[str]:
        """The parts of a link's target; one that names the folder as this machine does is meant from there."""
        path = Path(target)
        return _parts(str(path.relative_to(self._root)) if path.is_relative_to(self._root) else target)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in {"", "."}]


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


def _allow(path: Path, bits: int) -> None:
    """Raise what a phone's shell would get where the mode has none of these bits, or where nothing is."""
    if not path.lstat().st_mode & bits:
        raise _error(errno.EACCES)
