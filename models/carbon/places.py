"""The places that are shipped, and those of a user's file."""

from functools import cache
from pathlib import Path
from typing import Final

from edgewatt.models.carbon.place import PLACES, SHIPPED, Basis, Part, Place
from edgewatt.models.carbon.place_file import read_place

__all__ = ["PLACES", "SHIPPED", "Basis", "Part", "Place", "place_of"]

_FOLDER: Final = Path(__file__).parent / "places"


def place_of(name: str) -> Place:
    """One of SHIPPED, or the place in the file of that name. Raises UsageError."""
    return _shipped(name) if name in SHIPPED else read_place(Path(name))


@cache
def _shipped(name: str) -> Place:
    return read_place(_FOLDER / f"{name}.toml")
