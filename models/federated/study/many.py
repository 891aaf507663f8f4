"""Many trials, side by side in processes of their own; what is done is kept, and not done again."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from shutil import rmtree

from edgewatt.models.federated.engines.loop import Keeping
from edgewatt.models.federated.study.given import Given
from edgewatt.models.federated.study.one import one
from edgewatt.models.federated.study.trial import Asked, Trial, trial_from
from edgewatt.models.shelf import Shelf

# What is done next, and the share of all that is done before it.
Progress = Callable[[str, float], None]


def many(
    given: Given, asked: Sequence[Asked], shelf: Shelf | None = None, processes: int = 1,
    progress: Progress = lambda _what, _done: None,
) -> Mapping[Asked, Trial]:  # fmt: skip
    """All of them, each once; the same for any number of processes. Raises what a trial raises."""
    wanted = list(dict.fromkeys(asked))
    found = {each: trial for each in wanted if shelf is not None and (trial := _found(shelf, each)) is not None}
    left = [each for each in wanted if each not in found]
    for done_n, (each, trial) in enumerate(_done(given, left, shelf, processes), 1):
        found[each] = trial
        progress(str(each), done_n / len(left))
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
    if shelf is None:
        return one(given, asked)
    running = Keeping(shelf.folder / f"running-{asked.key}", f"{asked}; {shelf.of[:12]}")
    trial = one(given, asked, running)
    shelf.keep(asked.key, trial.to_json())
    rmtree(running.folder, ignore_errors=True)
    return trial


def _found(shelf: Shelf, asked: Asked) -> Trial | None:
    try:
        return trial_from(shelf.find(asked.key))
    except (ValueError, KeyError, TypeError):
        return None
