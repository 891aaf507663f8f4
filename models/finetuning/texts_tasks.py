"""Five tasks on the texts of the standard library: two to tune on, three held back, of other packages.

No text of a held-back task is of a package that anything was tuned on.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from zlib import crc32

from edgewatt.models.finetuning.texts import Example, Task
from edgewatt.models.finetuning.texts_library import Note, library_folder, notes_of
from edgewatt.profiler.errors import UsageError

# With enough docstrings each in Python 3.11 to 3.13. The two halves share no package.
TUNING_PACKAGES: Final = (
    "asyncio",
    "importlib",
    "logging",
    "xml",
    "ctypes",
    "threading",
    "tarfile",
    "turtle",
    "ssl",
    "inspect",
)
TEST_PACKAGES: Final = (
    "email",
    "unittest",
    "multiprocessing",
    "urllib",
    "http",
    "collections",
    "statistics",
    "typing",
    "mailbox",
    "zipfile",
)
_LEAST_OF_CLASS: Final = 24
_TEST_OF: Final = 4
Make = Callable[[Sequence[Note]], list[tuple[str, str, str]]]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a task is made from notes: as (first text, second text, class)."""

    name: str
    packages: tuple[str, ...]
    make: Make
    what: str


def _package(notes: Sequence[Note]) -> list[tuple[str, str, str]]:
    return [(note.text, "", note.package) for note in notes if note.kind != "comment"]


def _comment(notes: Sequence[Note]) -> list[tuple[str, str, str]]:
    return [(note.text, "", "comment" if note.kind == "comment" else "docstring") for note in notes]


def _named(notes: Sequence[Note]) -> list[tuple[str, str, str]]:
    """Every other docstring beside its own name, the rest beside that of the next of its package."""
    of = [note for note in notes if note.kind == "function" and not note.name.startswith("_")]
    found = []
    for k, note in enumerate(of):
        other = of[(k + 1) % len(of)]
        is_own = crc32(note.text.encode()) % 2 == 0 or other.package != note.package or other.name == note.name
        found.append((_as_words(note.name if is_own else other.name), note.text, "its own" if is_own else "another's"))
    return found


def _as_words(name: str) -> str:
    return " ".join(name.replace("_", " ").split())


RECIPES: Final = (
    Recipe("package-tuning", TUNING_PACKAGES, _package, "the package that a docstring is of"),
    Recipe("comment-tuning", TUNING_PACKAGES, _comment, "whether a text is a docstring or a comment"),
    Recipe("package", TEST_PACKAGES, _package, "the package that a docstring is of"),
    Recipe("comment", TEST_PACKAGES, _comment, "whether a text is a docstring or a comment"),
    Recipe("name", TEST_PACKAGES, _named, "whether a name is that of the function that a docstring describes"),
)
TUNING: Final = ("package-tuning", "comment-tuning")
HELD_BACK: Final = ("package", "comment", "name")


@dataclass(slots=True)
class Library:
    """Tasks on one folder of a library, read once."""

    folder: Path = field(default_factory=library_folder)
    _notes: dict[tuple[str, ...], list[Note]] = field(default_factory=dict)

    def task(self, name: str, most_of_class: int) -> Task:
        """A task with at most so many examples of a class, a fourth of them to test on; in a fixed order.

        Raises UsageError for a name that is none, and where fewer than two classes have enough texts.
        """
        recipe = next((one for one in RECIPES if one.name == name), None)
        if recipe is None:
            raise UsageError(f"task {name!r}: expected one of {', '.join(one.name for one in RECIPES)}")
        if recipe.packages not in self._notes:
            self._notes[recipe.packages] = notes_of(recipe.packages, self.folder)
        by_class: dict[str, list[tuple[str, str]]] = {}
        for first, second, label in recipe.make(self._notes[recipe.packages]):
            by_class.setdefault(label, []).append((first, second))
        classes = tuple(sorted(label for label, of in by_class.items() if len(of) >= _LEAST_OF_CLASS))
        if len(classes) < 2:
            seen = ", ".join(f"{label} {len(of)}" for label, of in by_class.items()) or "none"
            raise UsageError(
                f"task {name!r}: {self.folder} has too few texts ({seen}); two classes need {_LEAST_OF_CLASS} each"
            )
        train: list[Example] = []
        test: list[Example] = []
        for k, label in enumerate(classes):
            chosen = sorted(by_class[label], key=lambda pair: crc32("\0".join(pair).encode()))[:most_of_class]
            examples = [Example(first, second, k) for first, second in chosen]
            test_n = len(examples) // _TEST_OF
            test += examples[:test_n]
            train += examples[test_n:]
        version = ".".join(map(str, sys.version_info[:3]))
        source = f"{recipe.what}; standard library of Python {version}"
        return Task(name, "class", "accuracy", classes, tuple(train), tuple(test), source)
