"""A folder of finished trials of one study: what is done is kept, and not done again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.durable import replace_file

HEAD: Final = "study.json"


@dataclass(frozen=True, slots=True)
class Shelf:
    """`of`: which study the trials in `folder` are of."""

    folder: Path
    of: str

    def find(self, key: str) -> Any:
        """The JSON value of a finished trial; None where it is not, or its file is damaged."""
        try:
            return json.loads(self._path(key).read_bytes())
        except (OSError, ValueError, RecursionError):
            return None

    def keep(self, key: str, value: Any) -> None:
        """Keep the JSON value of a finished trial. Raises UsageError where nothing can be written."""
        try:
            replace_file(self._path(key), json.dumps(value).encode())
        except OSError as error:
            raise UsageError(f"cannot write into {self.folder}: {error.strerror or error}") from None

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.json"


def shelf_of(folder: str | None, words: str) -> Shelf | None:
    """The folder of a study, opened; None without one. `words`: all that decides what its trials come to.

    Raises UsageError for a folder of another study, or of something else.
    """
    if folder is None:
        return None
    shelf = Shelf(Path(folder), sha256(words.encode()).hexdigest())
    head = shelf.folder / HEAD
    try:
        shelf.folder.mkdir(parents=True, exist_ok=True)
        if head.exists():
            if json.loads(head.read_bytes()) != {"of": shelf.of}:
                raise UsageError(
                    f"{folder} keeps trials of another calibration, data, engine or version of edgewatt; give another "
                    "folder, or delete it"
                )
        elif any(shelf.folder.iterdir()):
            raise UsageError(f"{folder} is no folder of kept trials and is not empty; give another")
        else:
            replace_file(head, json.dumps({"of": shelf.of}).encode())
    except OSError as error:
        raise UsageError(f"cannot use {folder}: {error.strerror or error}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{head} is no JSON; delete {folder} to begin anew") from None
    return shelf


def key_of(asked: Mapping[str, Any]) -> str:
    """A name for the file of a trial, from what is asked of it."""
    return sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:24]
