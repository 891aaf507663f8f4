"""Which photographs there are: DEVICE/SCENE.jpg, a scene having one name in the folder of every device."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.isp.photos import SUFFIXES
from edgewatt.profiler.storage.checked import shown

Scenes = Mapping[str, Path]
LAYOUT: Final = "expected DEVICE/SCENE.jpg or .png: a folder per device, and the same scene by the same name in each"
SCENES_LIMIT: Final = 2000
NAME_LIMIT: Final = 64


def devices_in(folders: Sequence[Path]) -> dict[str, Scenes]:
    """The photographs of each device by scene; a folder is a device's, or holds folders of devices.

    Raises UsageError for anything else.
    """
    found: dict[str, Scenes] = {}
    for folder in folders:
        entries = _entries(folder)
        photographs = [entry for entry in entries if entry.is_file() and entry.suffix.lower() in SUFFIXES]
        inside = [entry for entry in entries if entry.is_dir()]
        of_devices = {entry: _photographs(entry) for entry in inside}
        below = {entry: scenes for entry, scenes in of_devices.items() if scenes}
        if photographs and below:
            raise UsageError(f"{folder} holds photographs beside folders of photographs; {LAYOUT}")
        if not photographs and not below:
            raise UsageError(f"{folder}: no photographs in it; {LAYOUT}")
        for device, scenes in below.items() if below else [(folder, photographs)]:
            _add(found, device, scenes)
    return found


def _add(found: dict[str, Scenes], folder: Path, photographs: Sequence[Path]) -> None:
    name = folder.resolve().name
    if not name.isprintable() or not 0 < len(name) <= NAME_LIMIT:
        raise UsageError(f"{shown(name)}: a device's folder has a name of 1 to {NAME_LIMIT} printable characters")
    if name in found:
        raise UsageError(f"two folders are called {name}; a device is told by its folder's name: rename one")
    if len(photographs) > SCENES_LIMIT:
        raise UsageError(f"{folder}: {len(photographs)} photographs; at most {SCENES_LIMIT} are compared")
    scenes: dict[str, Path] = {}
    for path in photographs:
        if path.stem in scenes:
            raise UsageError(f"{folder}: {scenes[path.stem].name} and {path.name} are one scene twice; leave one out")
        scenes[path.stem] = path
    found[name] = scenes


def _photographs(folder: Path) -> list[Path]:
    return [entry for entry in _entries(folder) if entry.is_file() and entry.suffix.lower() in SUFFIXES]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{folder}: cannot be read ({why}); {LAYOUT}") from None
