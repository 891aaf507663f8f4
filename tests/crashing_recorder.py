"""The child that test_crash kills: it records as fast as it can and says how far it is safe. Quick to import."""

from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch
from tests.recorded_runs import begin

PERIOD_NS = 200_000
BATCH_ROWS = 97  # no divisor of anything, so that flushes fall between


def stamps(start: int, end: int) -> NDArray[np.int64]:
    """When the samples from `start` to `end` were taken."""
    return np.arange(start, end) * PERIOD_NS


def record(path: Path, said: Connection, seed: int, flushes: int) -> None:
    """Record and close a run, saying "flushed" and how many samples are on the disk, then "closes" and "closed"."""
    random = np.random.default_rng(seed)
    said.send(("begins", 0))
    writer = begin(path)
    safe = 0
    for _ in range(flushes):
        end = safe + int(random.integers(1, 2000))
        for start in range(safe, end, BATCH_ROWS):
            t_ns = stamps(start, min(start + BATCH_ROWS, end))
            columns = {"main.voltage_v": t_ns / 1e9, "main.current_a": np.full(len(t_ns), 0.5)}
            writer.batch("meter", Batch(t_ns, columns))
        writer.raw("log.txt", b"line\n")
        writer.flush()
        safe = end
        said.send(("flushed", safe))
    said.send(("closes", safe))
    writer.close()
    said.send(("closed", safe))
