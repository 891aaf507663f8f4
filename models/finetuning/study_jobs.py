"""The trainings of a study, each a job: one after the other, or several at a time in processes of their own.

A job is always of one thread of torch: what it finds does not depend on the number of cores, and its processor time is
its own.
"""

import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, get_context
from typing import Any, Final

from edgewatt.models.finetuning.checks import torch_here
from edgewatt.profiler.errors import UsageError


@dataclass(frozen=True, slots=True)
class Job:
    """`do(context, *words)`, told to the user as `said`; functions of modules only, as they travel to a process."""

    do: Callable[..., Any]
    words: tuple[Any, ...]
    said: str


def cores() -> int:
    """How many of them this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def done_of(jobs: Sequence[Job], context: Any, at_once: int, progress: Callable[[str, float], None]) -> list[Any]:
    """What the jobs give, in their order. Raises what one of them raises, the rest being left undone."""
    if at_once > 1 and len(jobs) > 1:
        return _in_processes(jobs, context, min(at_once, len(jobs)), progress)
    found = []
    with _one_thread():
        for k, job in enumerate(jobs):
            progress(job.said, k / len(jobs))
            found.append(job.do(context, *job.words))
    return found


def _in_processes(jobs: Sequence[Job], context: Any, at_once: int, progress: Callable[[str, float], None]) -> list[Any]:
    # Pickled here: torch would pass tensors through shared memory, of which a container has little.
    packed = pickle.dumps(context)
    progress(f"{jobs[0].said}, and {at_once - 1} beside it", 0.0)
    pool = ProcessPoolExecutor(at_once, get_context("spawn"), _begin, (packed,))
    try:
        at = {pool.submit(_one, job): k for k, job in enumerate(jobs)}
        found: list[Any] = [None] * len(jobs)
        for done_n, future in enumerate(as_completed(at), 1):
            found[at[future]] = future.result()
            progress(f"done: {jobs[at[future]].said}", done_n / len(jobs))
    except BrokenProcessPool:
        raise UsageError(
            f"one of {at_once} processes that trained has ended, most likely for want of memory: --jobs 1, --no-shapes"
        ) from None
    except BaseException:  # an interrupt too: nobody waits for what is not wanted any more
        for child in active_children():
            child.terminate()
        raise
    else:
        return found
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
