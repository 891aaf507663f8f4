"""HeteroSwitch's photographs: the same twelve classes through nine phones, each data set of Kaggle a folder.

Its README (github.com/CASL-KU/HeteroSwitch) names phones and classes, not the folders inside; DEVICE/CLASS/picture is
assumed, or DEVICE/(train|test)/CLASS/picture. An owner is a phone model; who splits them further says so (study).
"""

from pathlib import Path
from typing import Final

import numpy as np

from edgewatt.models.federated.learning.data import Data, split
from edgewatt.models.federated.learning.pictures import SAMPLES_LIMIT, read_all
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.isp.photos import SUFFIXES

EXPECTED: Final = "a folder of photographs, DEVICE/CLASS/*.jpg or DEVICE/train/CLASS/*.jpg and DEVICE/test/CLASS/*.jpg"
HALVES: Final = ("train", "test")
FOLDERS_LIMIT: Final = 1000


def phones(folder: Path) -> Data:
    """Photographs by phone and class. Where no test folders say so, every fifth is held back. Raises UsageError."""
    rows = [(device, *of) for device in _folders(folder) for of in _pictures(device)]
    if len(rows) > SAMPLES_LIMIT:
        raise UsageError(f"{folder}: {len(rows)} photographs; at most {SAMPLES_LIMIT:,} are read")
    devices = sorted({device.name for device, _, _, _ in rows})
    names = sorted({name for _, name, _, _ in rows})
    if len(names) < 2:
        raise UsageError(f"{folder}: photographs of {len(names)} classes; expected two or more, in {EXPECTED}")
    inputs, readable, refused = read_all((path for _, _, path, _ in rows), EXPECTED)
    owners = np.array([devices.index(device.name) for device, _, _, _ in rows], np.int64)[readable]
    targets = np.array([names.index(name) for _, name, _, _ in rows], np.int64)[readable]
    held = np.array([half == "test" for _, _, _, half in rows])[readable]
    more = {"owner_names": devices, "names": names, "refused": refused}
    told = held if held.any() else None
    return split(f"photographs from {folder.name}", inputs, targets, len(names), told, owners, **more)


def _folders(folder: Path) -> list[Path]:
    found = [of for of in _within(folder) if of.is_dir()]
    if len(found) > FOLDERS_LIMIT:
        raise UsageError(f"{folder}: {len(found)} folders; at most {FOLDERS_LIMIT} are read, of {EXPECTED}")
    return found


def _within(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder}: cannot be read ({error.strerror}); expected {EXPECTED}") from None


def _pictures(device: Path) -> list[tuple[str, Path, str]]:
    """Class, path and half (or blank) of each photograph of a phone."""
    inner = _folders(device)
    halves = [(half.name, of) for half in inner if half.name in HALVES for of in _folders(half)]
    classes = halves or [("", of) for of in inner]
    return [
        (of.name, path, half)
        for half, of in classes
        for path in _within(of)
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
