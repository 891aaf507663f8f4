"""The runs in a folder, as the page lists them; nothing outside the folder is ever opened."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.manifest import FILE_NAME, read_manifest
from edgewatt.reports.escape import printable

RUNS_LIMIT: Final = 500
LOOKED_AT_LIMIT: Final = 5_000
ENTRIES_LIMIT: Final = 20_000
MANIFEST_LIMIT_B: Final = 1 << 20
PATH: Final = "/runs/"
_CELL: Final = 120


@dataclass(frozen=True, slots=True)
class Listed:
    """A run of the folder: its folder's name there, when it was last written, and what it says of itself."""

    name: str
    path: Path
    changed_ns: int
    device: str
    created: str
    status: str
    simulated: bool

    @property
    def href(self) -> str:
        """Its address on the page."""
        return PATH + quote(os.fsencode(self.name), safe="")

    def to_json(self) -> dict[str, Any]:
        """What the page shows of it: printable, bounded texts."""
        texts = {key: printable(getattr(self, key), _CELL) for key in ("name", "device", "created", "status")}
        return {**texts, "href": self.href, "simulated": self.simulated}


class Runs:
    """The runs directly in a folder. What has not changed since the last time is not read again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._known: dict[str, Listed] = {}

    def listed(self) -> tuple[list[Listed], str]:
        """The newest first, and a sentence on what is not shown."""
        found: dict[str, Listed] = {}
        unreadable = 0
        for entry in self._entries():
            try:
                run = self._run(entry)
            except (UsageError, OSError, ValueError):
                unreadable += 1
                continue
            if run is not None:
                found[run.name] = run
        self._known = found
        newest = sorted(found.values(), key=lambda run: (-run.changed_ns, run.name))
        notes = [f"{len(newest) - RUNS_LIMIT} older ones are not shown."] if len(newest) > RUNS_LIMIT else []
        notes += [f"{unreadable} could not be read."] if unreadable else []
        return newest[:RUNS_LIMIT], " ".join(notes) or ("" if newest else "No run is in this folder yet.")

    def find(self, path: str) -> Listed | None:
        """The run at an address of the page; None unless it is one of those that `listed` would show."""
        if not path.startswith(PATH):
            return None
        name = os.fsdecode(unquote_to_bytes(path[len(PATH) :]))
        return next((run for run in self.listed()[0] if run.name == name), None)

    def _entries(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.folder) as entries:
                return [entry for entry, _ in zip(entries, range(LOOKED_AT_LIMIT), strict=False)]
        except OSError:
            return []

    def _run(self, entry: os.DirEntry[str]) -> Listed | None:
        path = self.folder / entry.name
        if not self.holds(path) or not entry.is_dir():
            return None
        manifest_path = path / FILE_NAME
        if not self.holds(manifest_path) or not manifest_path.is_file():
            return None
        seen = manifest_path.stat()
        known = self._known.get(entry.name)
        if known is not None and known.changed_ns == seen.st_mtime_ns:
            return known
        if seen.st_size > MANIFEST_LIMIT_B:
            raise UsageError(f"{manifest_path} is over {MANIFEST_LIMIT_B} bytes")
        manifest = read_manifest(path)
        device = str(manifest.device.get("name", ""))
        return Listed(entry.name, path, seen.st_mtime_ns, device, manifest.created, manifest.status, manifest.simulated)

    def holds(self, path: Path) -> bool:
        """True if what is really at `path`, links followed, lies in the folder."""
        try:
            return path.resolve(strict=True).is_relative_to(self.folder)
        except (OSError, RuntimeError, ValueError):
            return False

    def leads_outside(self, run: Path) -> bool:
        """True if a link in the run leads out of the folder, or there is too much in it to say."""
        looked_at = 0
        for base, folders, files in os.walk(run, followlinks=False):
            for name in (*folders, *files):
                looked_at += 1
                path = Path(base, name)
                if looked_at > ENTRIES_LIMIT or (path.is_symlink() and not self.holds(path)):
                    return True
        return False
