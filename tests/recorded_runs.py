"""Small recorded runs, and everything that can be read of one: for the tests of storage."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, Gap
from edgewatt.profiler.channel import Accuracy, Channel, EnergySource, Opened, Unavailable
from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.series import Chunk
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import Window

CONFIG = "0123456789ab"
METER_CLOCK = "meter.uptime"
METER_FIT = ClockFit(METER_CLOCK, origin_ns=0, offset_ns=5 * NS_PER_S, drift=20e-6, bound_ns=100_000)
METER = Opened(
    name="meter",
    channels={
        "": (
            Channel("main", Quantity.VOLTAGE, boundary="battery_bypass", period_s=2e-4, window_s=0.0),
            Channel(
                "main",
                Quantity.CURRENT,
                boundary="battery_bypass",
                period_s=2e-4,
                accuracy=Accuracy(0.01, 5e-5, "datasheet, p. 3"),
                covers=("phone",),
            ),
        ),
        "slow": (
            Channel("package-0", Quantity.ENERGY, "counter", scale=6.1e-5, counter_range=2**32, boundary="rail"),
            Channel("meter", Quantity.TEMPERATURE),
        ),
    },
    unavailable=(Unavailable("usb", "passthrough is off", "switch it on"),),
    sources=(EnergySource("meter/main", (("main.voltage_v", "main.current_a"),), "battery_bypass", ("phone",)),),
    clock=METER_CLOCK,
)
LOAD = Opened(name="load", channels={"": (Channel("cpu", Quantity.LOAD),)})
COLLECTORS = (METER, LOAD)


def manifest(**fields: Any) -> Manifest:
    """What a run says of itself."""
    said = {
        "simulated": True,
        "created": "2026-01-02T03:04:05.678+00:00",
        "command": ["edgewatt", "profile"],
        "versions": {"edgewatt": "0.1.0"},
        "device": {
            "uri": "virtual:phone",
            "name": "Galaxy S10e",
            "device_id": "f00d",
            "soc": "Exynos 9820",
            "idle_state": "awake",
            "session": "monday",
            "build": "SP1A",
        },
        "conditions": {"screen": "off", "temperature_c": 31.5},
        "configs": {CONFIG: {"model": "mobilenet_v2.tflite", "threads": 4, "frequency_hz": None}},
        "clocks": {METER_CLOCK: METER_FIT.to_json()},
    }
    return Manifest(**{**said, **fields})


def batches(step: int, rows: int = 20) -> Iterator[tuple[str, Batch]]:
    """What the collectors give in step `step`, a tenth of a second: with nulls, and a counter that wraps."""
    t_ns = np.arange(rows) * (NS_PER_S // 10 // rows) + step * (NS_PER_S // 10)
    phase = np.arange(step * rows, (step + 1) * rows)
    current_a = np.where(phase % 17 == 3, np.nan, 0.25 + 0.01 * (phase % 50))
    yield "meter", Batch(t_ns, {"main.voltage_v": 4.2 - 0.1 * (phase % 7), "main.current_a": current_a})
    count = COUNTER_ABSENT if step % 5 == 4 else (2**32 - 3000 + 1000 * step) % 2**32
    slow = Batch.row(int(t_ns[0]), {"package-0.energy_j": count, "meter.temperature_c": 30.0 + step}, stream="slow")
    yield "meter", slow
    yield "load", Batch.row(int(t_ns[0]) + 5 * NS_PER_S, {"cpu.load_ratio": None if step % 7 == 2 else 0.5})


def step(writer: RunWriter, number: int, rows: int = 20) -> None:
    """Give the writer everything of one step: samples, and a window with an iteration; a gap in every third."""
    for collector, batch in batches(number, rows):
        writer.batch(collector, batch)
    t0_ns = 5 * NS_PER_S + number * (NS_PER_S // 10)
    if number % 3 == 0:
        writer.gap("meter", Gap(t0_ns - 10, t0_ns, "1 frame lost", 1, "slow"))
    writer.begin_repeat(CONFIG, number // 4)
    writer.iterations(number // 4, np.array([t0_ns, t0_ns + 400]), np.array([t0_ns + 300, t0_ns + 900]))
    writer.window(Window(f"measure/{number}", t0_ns, t0_ns + 1000, config_id=CONFIG, attributes={"iterations": 2}))
    writer.raw("runner.txt", f"step {number}\n".encode())


def begin(path: Path, **fields: Any) -> RunWriter:
    """The writer of a run with both collectors."""
    writer = RunWriter.create(path, manifest(**fields))
    for opened in COLLECTORS:
        writer.add_collector(opened)
    writer.operators(CONFIG, [("CONV_2D", "first"), ("SOFTMAX", "last")])
    return writer


def recorded(path: Path, steps: int = 10, *, closed: bool = True) -> Path:
    """A run of that many steps, flushed after each."""
    writer = begin(path)
    for number in range(steps):
        step(writer, number)
        writer.flush(sync=False)
    if closed:
        writer.close()
    else:
        writer.abandon()
    return path


def everything(trace: Trace) -> dict[str, Any]:
    """Whatever can be read of a run, in a form that can be compared; NaN as None."""
    return {
        "streams": {name: samples(trace, name) for name in trace.streams},
        "columns": trace.columns,
        "sources": trace.sources,
        "windows": trace.windows(),
        "gaps": sorted(trace.gaps(), key=lambda gap: (gap.stream, gap.t0_ns)),
        "iterations": trace.iterations().to_pylist(),
        "operators": trace.operators().to_pylist(),
        "raw": {file.name: file.read_bytes() for file in sorted((trace.path / "raw").glob("*"))},
    }


def samples(trace: Trace, stream: str, *, host_clock: bool = False) -> dict[str, list[Any]]:
    """All samples of a stream, as stamped."""
    chunks = list(trace.chunks(stream, host_clock=host_clock))
    names = trace.stored_streams[stream].channels
    return {
        "t_ns": [t for chunk in chunks for t in chunk.t_ns.tolist()],
        **{name: [_comparable(v) for chunk in chunks for v in chunk.columns[name].tolist()] for name in names},
    }


def _comparable(value: float) -> float | None:
    return None if value != value or value == COUNTER_ABSENT else value  # noqa: PLR0124  (true of NaN alone)


def rows_by_stream(trace: Trace) -> dict[str, int]:
    """How many samples each stream holds, counted by reading them."""
    return {name: sum(len(chunk) for chunk in _chunks(trace, name)) for name in trace.streams}


def _chunks(trace: Trace, stream: str) -> Iterator[Chunk]:
    return trace.chunks(stream, host_clock=False)
