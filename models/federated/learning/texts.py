"""Text that every Python brings: the documentation strings of its standard library, for the character LSTM.

What it says depends on the version of Python, so accuracies compare only under one. Modules are read, not imported.
"""

import ast
import sysconfig
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.learning.data import Data, split
from edgewatt.profiler.errors import UsageError

# Printable ASCII and the line break; all else is one more class.
CHARACTERS: Final = "\n" + "".join(map(chr, range(32, 127)))
LENGTH: Final = 20
SAMPLES: Final = 8_000


def texts() -> Data:
    """Stretches of 20 characters and the one that follows; every fifth is held back. Raises UsageError without text."""
    library = Path(sysconfig.get_paths()["stdlib"])
    found = ""
    for path in sorted(library.glob("*.py")):
        if len(found) <= LENGTH * SAMPLES:
            found += "".join(f"{text}\n" for text in _documentation(path))
    numbers = numbered(found, CHARACTERS)
    count = min((len(numbers) - 1) // LENGTH, SAMPLES)
    if count < SAMPLES // 10:
        raise UsageError(
            f"the standard library of this Python documents itself with {len(found)} characters; expected at least "
            f"{LENGTH * SAMPLES // 10} (it may have been installed without its sources)"
        )
    inputs = numbers[: count * LENGTH].reshape(count, LENGTH)
    targets = numbers[LENGTH : count * LENGTH + 1 : LENGTH]
    return split(
        f"documentation strings of Python's standard library, {count * LENGTH} characters",
        inputs,
        targets,
        len(CHARACTERS) + 1,
        names=(*CHARACTERS, "other"),
    )


def numbered(text: str, characters: str) -> NDArray[np.int64]:
    """The number of each character in `characters`, those that are not in it the number after the last."""
    codes = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32)
    table = np.full(0x110000, len(characters), np.int64)
    table[[ord(of) for of in characters]] = np.arange(len(characters))
    return table[codes]


def _documentation(path: Path) -> list[str]:
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return []
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, documented))
    return [text for text in found if text]
