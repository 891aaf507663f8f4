"""Many trials, side by side in processes of their own; what is done is kept, and not done again."""

import json
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from shutil import rmtree
from typing import Final

from edgewatt.models.federated.engines.loop import Keeping
from edgewatt.models.federated.study.given import Given
from edgewatt.models.federated.study.one import one
from edgewatt.models.federated.study.trial import Asked, Trial, trial_from
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.durable import replace_file

# What is done next, and the share of all that is done before it.
Progress = Callable[[str, float], None]
HEAD: Final = "study.json"


@dataclass(frozen=True, slots=True)
class Shelf:
    """A folder of finished trials, and of those that are running; `of`: which study they are of."""

    folder: Path
    of: str

    def open(self) -> None:
        """Make it, or look whether it is of the same study. Raises UsageError."""
        head = self.folder / HEAD
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if head.exists():
                if json.loads(head.read_bytes()) != {"of": self.of}:
                    raise UsageError(
                        f"{self.folder} keeps trials of another calibration, data, engine or version of edgewatt; "
                        "give another folder, or delete it"
                    )
            elif any(self.folder.iterdir()):
                raise UsageError(f"{self.folder} is no folder of kept trials and is not empty; give another")
            else:
                replace_file(head, json.dumps({"of": self.of}).encode())
        except OSError as error:
            raise UsageError(f"cannot use {self.folder}: {error.strerror or error}") from None
        except ValueError:
            raise UsageError(f"{head} is no JSON; delete {self.folder} to begin anew") from None

    def find(self, asked: Asked) -> Trial | None:
        """A finished trial; None where it is not, or its file is damaged."""
        try:
            return trial_from(json.loads(self._path(asked).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, asked: Asked, trial: Trial) -> None:
        """Keep a finished trial. Raises UsageError."""
        try:
            replace_file(self._path(asked), json.dumps(trial.to_json()).encode())
            rmtree(self.running(asked).folder, ignore_errors=True)
        except OSError as error:
            raise UsageError(f"cannot write into {self.folder}: {error.strerror or error}") from None

    def running(self, asked: Asked) -> Keeping:
        """Where a trial keeps its rounds."""
        return Keeping(self.folder / f"running-{asked.key}", f"{asked}; {self.of[:12]}")

    def _path(self, asked: Asked) -> Path:
        return self.folder / f"{asked.key}.json"


def shelf_of(folder: str | None, given: Given) -> Shelf | None:
    """The folder of a study, opened; None without one. Raises UsageError."""
    if folder is None:
        return None
    shelf = Shelf(Path(folder), sha256(given.words().encode()).hexdigest())
    shelf.open()
    return shelf


def many(
    given: Given, asked: Sequence[Asked], shelf: Shelf | None = None, processes: int = 1,
    progress: Progress = lambda _what, _done: None,
) -> Mapping[Asked, Trial]:  # fmt: skip
    """All of them, each once; the same for any number of processes. Raises what a trial raises."""
    wanted = list(dict.fromkeys(asked))
    found = {each: trial for each in wanted if shelf is not None and (trial := shelf.find(each)) is not None}
    left = [each for each in wanted if each not in found]
    for each, trial in _done(given, left, shelf, processes):
        found[each] = trial
        progress(str(each), len(found) / len(wanted))
    return {each: found[each] for each in wanted}


def _done(given: Given, asked: list[Asked], shelf: Shelf | None, processes: int) -> Iterator[tuple[Asked, Trial]]:
    if processes == 1 or len(asked) < 2:
        for each in asked:
            yield each, _tried(given, each, shelf)
        return
    # Torch and Arrow have threads, which a forked process would lose.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(given, shelf)) as pool:
        futures = {pool.submit(_in_worker, each): each for each in asked}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


_WORKER: dict[str, tuple[Given, Shelf | None]] = {}


def _begin(given: Given, shelf: Shelf | None) -> None:
    _WORKER["of"] = given, shelf


def _in_worker(asked: Asked) -> Trial:
    given, shelf = _WORKER["of"]
    return _tried(given, asked, shelf)


def _tried(given: Given, asked: Asked, shelf: Shelf | None) -> Trial:
    trial = one(given, asked, None if shelf is None else shelf.running(asked))
    if shelf is not None:
        shelf.keep(asked, trial)
    return trial
