"""The trainings of a study, each a job: one after the other, or several at a time in processes of their own.

A job is always of one thread of torch: what it finds does not depend on the number of cores, and its processor time is
its own.
"""

import os
import pickle
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from typing import Any, Final

from edgewatt.models.finetuning.checks import torch_here
from edgewatt.models.finetuning.study_kept import as_json, trial_found
from edgewatt.models.shelf import Shelf
from edgewatt.profiler.errors import UsageError


@dataclass(frozen=True, slots=True)
class Job:
    """`do(context, *words)`, told to the user as `said`; functions of modules only, as they travel to a process.

    `key`: under which what it gives is kept; blank where it is not.
    """

    do: Callable[..., Any]
    words: tuple[Any, ...]
    said: str
    key: str = ""


def cores() -> int:
    """How many of them this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def done_of(
    jobs: Sequence[Job], context: Any, at_once: int, progress: Callable[[str, float], None], shelf: Shelf | None = None
) -> list[Any]:
    """What the jobs give, in their order. Raises what one of them raises, the rest being left undone.

    What is on the shelf is not done again; what has a key, a Trial, is put there as soon as it is done.
    """
    found: list[Any] = [_kept(shelf, job) for job in jobs]
    left = [k for k, of in enumerate(found) if of is None]
    at_once = min(at_once, len(left))
    if left:
        beside = f", and {at_once - 1} beside it" if at_once > 1 else ""
        progress(f"{jobs[left[0]].said}{beside}", 0.0)
    doing = _in_processes if at_once > 1 else _in_turn
    with closing(doing([jobs[k] for k in left], context, at_once)) as done:
        for done_n, (place, of) in enumerate(done, 1):
            job = jobs[left[place]]
            found[left[place]] = of
            if shelf is not None and job.key:
                shelf.keep(job.key, as_json(of))
            progress(f"done: {job.said}", done_n / len(left))
    return found


def _kept(shelf: Shelf | None, job: Job) -> Any:
    return trial_found(shelf.find(job.key)) if shelf is not None and job.key else None


_Done = Generator[tuple[int, Any], None, None]


def _in_turn(jobs: Sequence[Job], context: Any, _: int) -> _Done:
    with _one_thread():
        for k, job in enumerate(jobs):
            yield k, job.do(context, *job.words)


def _in_processes(jobs: Sequence[Job], context: Any, at_once: int) -> _Done:
    # Pickled here: torch would pass tensors through shared memory, of which a container has little.
    packed = pickle.dumps(context)
    pool = ProcessPoolExecutor(at_once, get_context("spawn"), _begin, (packed,))
    try:
        at = {pool.submit(_one, job): k for k, job in enumerate(jobs)}
        for future in as_completed(at):
            yield at[future], future.result()
    except BrokenProcessPool:
        raise UsageError(
            f"one of {at_once} processes that trained has ended, most likely for want of memory: --jobs 1, --no-shapes"
        ) from None
    except BaseException:  # an interrupt too: nobody waits for what is not wanted any more
        for child in active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


# Of a process that does jobs: set once, when it begins.
_context: Any = None
_NOTHING_GIVEN: Final = "a process was asked for a job before it was told what about"


def _begin(packed: bytes) -> None:
    global _context  # noqa: PLW0603  (an initializer can hand nothing to the calls that follow)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one ends it
    torch_here().set_num_threads(1)
    _context = pickle.loads(packed)  # noqa: S301  (from the process that started this one)


def _one(job: Job) -> Any:
    assert _context is not None, _NOTHING_GIVEN  # noqa: S101
    return job.do(_context, *job.words)


@contextmanager
def _one_thread() -> Iterator[None]:
    torch = torch_here()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
