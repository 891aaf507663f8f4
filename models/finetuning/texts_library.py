"""Texts that every machine with a Python has: docstrings and comments of its standard library, read and never imported.

They differ from one version of Python to the next, so that an accuracy on them is of that version.
"""

import ast
import io
import sysconfig
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edgewatt.profiler.errors import UsageError

FILE_LIMIT_B: Final = 1_000_000
_TEXT_LIMIT: Final = 400
_LEAST_WORDS: Final = 4
_LEFT_OUT: Final = frozenset({"test", "tests", "__pycache__", "site-packages", "idle_test"})
Kind = Literal["module", "class", "function", "comment"]


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote about code: its first paragraph on one line, about what, and in which package."""

    package: str
    kind: Kind
    name: str
    text: str


def library_folder() -> Path:
    """Where the standard library of this Python is. Raises UsageError where its sources are not there."""
    folder = Path(sysconfig.get_path("stdlib"))
    if not (folder / "ast.py").is_file():
        raise UsageError(
            f"{folder}: this Python has no sources of its standard library there, whose docstrings are what is trained "
            "on; use a Python that has, or --data FOLDER with GLUE or SQuAD"
        )
    return folder


def notes_of(packages: Iterable[str], folder: Path) -> list[Note]:
    """The notes of packages (or single modules) of a library, in a fixed order, each text once.

    A package that is not there has none; a file that is no Python, or larger than FILE_LIMIT_B, is passed over.
    """
    found: dict[str, Note] = {}
    for package in packages:
        for path in _files(folder, package):
            for note in _notes(package, path):
                found.setdefault(note.text.lower(), note)
    return list(found.values())


def _files(folder: Path, package: str) -> list[Path]:
    single = folder / f"{package}.py"
    inside = sorted((folder / package).rglob("*.py"))
    return [
        path
        for path in ([single] if single.is_file() else []) + inside
        if not _LEFT_OUT & set(path.relative_to(folder).parts)
    ]


def _notes(package: str, path: Path) -> Iterator[Note]:
    try:
        if path.stat().st_size > FILE_LIMIT_B:
            return
        raw = path.read_bytes()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in the strings of others
            tree = ast.parse(raw)
        comments = list(_comments(raw))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = _first_paragraph(ast.get_docstring(node) or "")
            if _is_prose(text):
                yield Note(package, _kind(node), getattr(node, "name", path.stem), text)
    for text in comments:
        if _is_prose(text):
            yield Note(package, "comment", path.stem, text)


def _kind(node: ast.AST) -> Kind:
    if isinstance(node, ast.Module):
        return "module"
    return "class" if isinstance(node, ast.ClassDef) else "function"


def _comments(raw: bytes) -> Iterator[str]:
    """Comments; those of lines that follow each other in one column are one."""
    lines: list[str] = []
    after = (-1, -1)
    for token in tokenize.tokenize(io.BytesIO(raw).readline):
        if token.type != tokenize.COMMENT:
            continue
        if token.start != after and lines:
            yield _first_paragraph("\n".join(lines))
            lines = []
        lines.append(token.string.lstrip("#! ").strip())
        after = (token.start[0] + 1, token.start[1])
    if lines:
        yield _first_paragraph("\n".join(lines))


def _first_paragraph(text: str) -> str:
    return " ".join(text.strip().split("\n\n", 1)[0].split())[:_TEXT_LIMIT]


def _is_prose(text: str) -> bool:
    """Whether it is words: not a rule of dashes, and no code that was commented out."""
    words = text.split()
    letters = sum(c.isalpha() or c.isspace() for c in text)
    return len(words) >= _LEAST_WORDS and letters >= 0.8 * len(text)
