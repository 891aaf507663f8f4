"""What an hour of t, I and V at 5 kHz takes on the disk, and how fast samples are captured.

The signal is that of facts/peers.md, section 6: bursts and noise, quantised to 16 bits. The noise is such that its raw
codes, delta-encoded, take what they took there (43 and 42.3 MB per hour). Capture is compared with 1 M samples/s, and
with a bare pyarrow IPC stream of the same arrays in the same process, in turns, both synchronised to the disk once per
million samples.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel, Opened
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity

RATE_HZ = 5000
LIMIT_MB, LIMIT_HZ = 65.0, 1e6
LSB = 5 / 65536  # a full scale of 5 A and 5 V in 16 bits
NOISE_A, NOISE_V = 0.010, 0.002
COLUMNS = ("main.current_a", "main.voltage_v")
CHANNELS = (Channel("main", Quantity.CURRENT), Channel("main", Quantity.VOLTAGE))
CAPTURED = 5_000_000


def signal(seconds: int, rng: np.random.Generator, first: int = 0) -> Batch:
    """That many seconds of an inference load: 0.1 s bursts of 0.9 A over 0.25 A on a battery of 0.1 ohm."""
    n = seconds * RATE_HZ
    bursts = np.repeat(rng.random(n // 500) < 0.4, 500)
    current_a = 0.25 + 0.9 * bursts + rng.normal(0, NOISE_A, n)
    voltage_v = 4.2 - 0.1 * current_a + rng.normal(0, NOISE_V, n)
    quantised = [(np.rint(values / LSB) * LSB).astype(np.float32) for values in (current_a, voltage_v)]
    t_ns = (first + np.arange(n)) * (1_000_000_000 // RATE_HZ)
    return Batch(t_ns, dict(zip(COLUMNS, quantised, strict=True)))


def new_run(path: Path) -> RunWriter:
    """A run with the one stream."""
    manifest = Manifest(
        simulated=True, created="2026-01-01T00:00:00Z", command=[], versions={}, device={"name": "synthetic"}
    )
    writer = RunWriter.create(path, manifest)
    writer.add_collector(Opened("meter", {"": CHANNELS}))
    return writer


def hour_on_disk(folder: Path) -> tuple[float, float, float]:
    """MB of the stream of one hour; seconds that closing took; MB that the process grew by while closing."""
    rng = np.random.default_rng(0)
    writer = new_run(folder / "hour")
    for minute in range(60):
        writer.batch("meter", signal(60, rng, minute * 60 * RATE_HZ))
        writer.flush(sync=False)
    before_kb, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    writer.close()
    close_s = time.perf_counter() - begin
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb) / 1024
    return (folder / "hour" / "streams" / "meter.parquet").stat().st_size / 1e6, close_s, grown_mb


def batches_of(rows: int) -> list[Batch]:
    """CAPTURED samples in batches of that many rows."""
    second = signal(200, np.random.default_rng(1))
    step_ns = int(second.t_ns[1])
    whole = CAPTURED // len(second)
    parts = []
    for turn in range(whole):
        for start in range(0, len(second), rows):
            t_ns = second.t_ns[start : start + rows] + turn * len(second) * step_ns
            columns = {name: values[start : start + rows] for name, values in second.columns.items()}
            parts.append(Batch(t_ns, columns))
    return parts


def by_million(batches: list[Batch]) -> Iterator[list[Batch]]:
    """The batches in portions of a million samples."""
    count = 1_000_000 // len(batches[0])
    for start in range(0, len(batches), count):
        yield batches[start : start + count]


def capture(path: Path, batches: list[Batch]) -> None:
    """Our writer."""
    writer = new_run(path)
    for portion in by_million(batches):
        for batch in portion:
            writer.batch("meter", batch)
        writer.flush()
    writer.abandon()


def bare(path: Path, batches: list[Batch]) -> None:
    """Pyarrow's IPC stream alone."""
    schema = pa.schema([("t_ns", pa.int64()), *((name, pa.float32()) for name in COLUMNS)])
    with path.open("wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for portion in by_million(batches):
            for batch in portion:
                stream.write_batch(pa.record_batch([batch.t_ns, *batch.columns.values()], schema=schema))
            file.flush()
            os.fdatasync(file.fileno())


def rate_hz(write: Callable[[Path, list[Batch]], None], path: Path, batches: list[Batch]) -> float:
    """Samples per second of one capture."""
    begin = time.perf_counter()
    write(path, batches)
    return CAPTURED / (time.perf_counter() - begin)


def measure(folder: Path, runs: int) -> list[dict[str, object]]:
    """One row per figure."""
    size_mb, close_s, grown_mb = hour_on_disk(folder)
    rows: list[dict[str, object]] = [
        {
            "figure": "one hour of t, I, V at 5 kHz / 65 MB",
            "ratio": size_mb / LIMIT_MB,
            "limit": "at most 1",
            "detail": f"{size_mb:.1f} MB; closed in {close_s:.2f} s, growing by {grown_mb:.0f} MB",
        }
    ]
    for size in (1000, 10_000):
        batches = batches_of(size)
        ours, theirs = [], []
        for turn in range(runs):
            ours.append(rate_hz(capture, folder / f"run-{size}-{turn}", batches))
            theirs.append(rate_hz(bare, folder / f"bare-{size}-{turn}", batches))
        ours_hz, theirs_hz = statistics.median(ours), statistics.median(theirs)
        detail = f"{ours_hz / 1e6:.1f} M samples/s; bare {theirs_hz / 1e6:.1f} M samples/s"
        name = f"capture in batches of {size}"
        rows.append(
            {"figure": f"{name} / 1 M samples/s", "ratio": ours_hz / LIMIT_HZ, "limit": "at least 1", "detail": detail}
        )
        paired = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
        rows.append({"figure": f"{name} / bare pyarrow IPC", "ratio": paired, "limit": "", "detail": ""})
    return rows


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write (default: the system's temporary folder)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        rows = measure(Path(folder), args.runs)
    if args.json:
        print(json.dumps(rows))
        return
    for row in rows:
        notes = "; ".join(str(row[key]) for key in ("limit", "detail") if row[key])
        print(f"{row['figure']}: {row['ratio']:.2f}" + (f" ({notes})" if notes else ""))


if __name__ == "__main__":
    main()
