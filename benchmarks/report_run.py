"""A run as long as reports are made for: an hour of a meter at 5 kHz beside what a phone tells of itself."""

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Accuracy, Channel, EnergySource, Opened
from edgewatt.profiler.identity import config_id
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import IDLE_AFTER, IDLE_BEFORE, WARMUP, Window, measure_window

S: Final = 1_000_000_000
RATE_HZ: Final = 5000
LATENCY_S: Final = 0.02
SPIKE_W: Final = 40.0  # one sample that a report must not lose
_FACTS: Final = {
    "device": "synthetic phone",
    "device_id": "f00d",
    "soc": "none",
    "model": "net.tflite",
    "model_sha256": "ab" * 32,
    "runtime": "litert",
    "runtime_version": "2.1.0",
    "target_asked": "cpu",
    "precision": "int8",
    "threads": 4,
    "batch": 1,
    "frequency_hz": None,
}
CONFIG: Final = config_id(_FACTS)
_STATED: Final = Accuracy(0.01, 0.0, "assumed for the benchmark")
METER: Final = Opened(
    "meter",
    {
        "": (
            Channel(
                "main", Quantity.VOLTAGE, boundary="battery_bypass", period_s=2e-4, window_s=2e-4, accuracy=_STATED
            ),
            Channel(
                "main", Quantity.CURRENT, boundary="battery_bypass", period_s=2e-4, window_s=2e-4, accuracy=_STATED
            ),
        )
    },
    sources=(EnergySource("meter/main", (("main.voltage_v", "main.current_a"),), "battery_bypass", ("phone",)),),
)
PHONE: Final = Opened(
    "phone",
    {
        "freq": tuple(Channel(f"cpu{first}", Quantity.FREQUENCY) for first in (0, 4, 6)),
        "": (
            *(Channel(zone, Quantity.TEMPERATURE) for zone in ("big", "little", "skin")),
            *(Channel(unit, Quantity.LOAD) for unit in ("cpu", "gpu")),
            Channel("thermal_status", Quantity.STATE),
        ),
    },
)


def long_run(path: Path, minutes: int = 60) -> Path:
    """A run of so many minutes, closed and not yet analysed: idle, six repeats with a gap in the second, idle."""
    writer = RunWriter.create(path, _manifest())
    for opened in (METER, PHONE):
        writer.add_collector(opened)
    total_s = minutes * 60
    windows = _windows(total_s)
    busy = [(w.t0_ns, w.t1_ns) for w in windows if w.name.startswith(("measure", "warmup"))]
    rng = np.random.default_rng(0)
    for minute in range(minutes):
        writer.batch("meter", _metered(minute, busy, rng, lost=minute == minutes // 3))
        for batch in _told(minute, busy, rng):
            writer.batch("phone", batch)
        writer.flush(sync=False)
    gap_ns = (minutes // 3) * 60 * S
    writer.gap("meter", Gap(gap_ns + 20 * S, gap_ns + 22 * S, "unplugged", 2 * RATE_HZ))
    for window in windows:
        if window.name.startswith("measure/"):
            edges = np.linspace(window.t0_ns, window.t1_ns, window.attributes["iterations"] + 1).astype(np.int64)
            repeat = int(window.name.removeprefix("measure/"))
            writer.begin_repeat(CONFIG, repeat)
            writer.iterations(repeat, edges[:-1], edges[1:])
        writer.window(window)
    writer.close()
    return path


def _manifest() -> Manifest:
    return Manifest(
        simulated=True,
        created="2026-01-02T03:04:05.678+00:00",
        command=["edgewatt", "profile"],
        versions={"edgewatt": "0.1.0"},
        device={
            "name": "synthetic phone",
            "device_id": "f00d",
            "soc": "none",
            "idle_state": "awake",
            "session": "one",
        },
        conditions={"governor": "performance"},
        configs={CONFIG: dict(_FACTS)},
    )


def _windows(total_s: int) -> list[Window]:
    """Idle for a twelfth at either end, six repeats with a warm-up each between."""
    idle_s, busy_s = total_s / 12, total_s * 10 / 12
    told = {"target_used": "xnnpack", "steady": True, "init_s": 0.5, "first_s": 0.2, "memory_peak_b": 23_400_000}
    windows = [_window(IDLE_BEFORE, 0.5, idle_s - 0.5)]
    for repeat in range(6):
        begin_s, end_s = idle_s + busy_s / 6 * repeat + 1, idle_s + busy_s / 6 * (repeat + 1) - 1
        warm_s = begin_s + (end_s - begin_s) * 0.1
        count = int((end_s - warm_s) / LATENCY_S)
        measured_s = warm_s + count * LATENCY_S
        attributes = {**told, "latency_stat": "median", "reasons": [], "iterations": count, "order": repeat}
        windows.append(_window(WARMUP, begin_s, warm_s))
        windows.append(_window(measure_window(repeat), warm_s, measured_s, CONFIG, attributes))
    return [*windows, _window(IDLE_AFTER, total_s - idle_s + 0.5, total_s - 0.5)]


def _window(
    name: str, t0_s: float, t1_s: float, config: str | None = None, told: dict[str, Any] | None = None
) -> Window:
    return Window(name, round(t0_s * S), round(t1_s * S), config_id=config, attributes=told or {})


def _is_busy(t_ns: NDArray[np.int64], busy: list[tuple[int, int]]) -> NDArray[np.bool_]:
    edges = np.array([edge for span in busy for edge in span])
    return np.searchsorted(edges, t_ns, "right") % 2 == 1


def _metered(minute: int, busy: list[tuple[int, int]], rng: np.random.Generator, *, lost: bool) -> Batch:
    t_ns = (minute * 60 * RATE_HZ + np.arange(60 * RATE_HZ)) * (S // RATE_HZ)
    works = _is_busy(t_ns, busy) & (t_ns % round(LATENCY_S * S) < 0.8 * LATENCY_S * S)
    current_a = 0.15 + 0.7 * works + rng.normal(0, 0.01, len(t_ns))
    voltage_v = 4.2 - 0.1 * current_a + rng.normal(0, 0.002, len(t_ns))
    current_a[len(t_ns) // 2] = SPIKE_W / voltage_v[len(t_ns) // 2] if lost else current_a[len(t_ns) // 2]
    kept = (t_ns % (60 * S) < 20 * S) | (t_ns % (60 * S) > 22 * S) if lost else np.ones(len(t_ns), np.bool_)
    columns = {"main.voltage_v": voltage_v, "main.current_a": current_a}
    return Batch(t_ns[kept], {name: values[kept].astype(np.float32) for name, values in columns.items()})


def _told(minute: int, busy: list[tuple[int, int]], rng: np.random.Generator) -> list[Batch]:
    fast_ns, slow_ns = (minute * 60 * hz + np.arange(60 * hz) for hz in (10, 1))
    fast_ns, slow_ns = fast_ns * (S // 10), slow_ns * S
    works, warm = _is_busy(fast_ns, busy), _is_busy(slow_ns, busy)
    speeds = {
        f"cpu{first}.frequency_hz": np.where(works, top, 3e8) for first, top in ((0, 1.8e9), (4, 2.2e9), (6, 2.8e9))
    }
    heat = {
        f"{zone}.temperature_c": 30 + add * warm + rng.normal(0, 0.1, 60)
        for zone, add in (("big", 25), ("little", 15), ("skin", 5))
    }
    load = {"cpu.load_ratio": 0.02 + 0.5 * warm, "gpu.load_ratio": np.full(60, 0.01)}
    status = {"thermal_status.state_code": np.where(warm & (minute % 20 == 15), 2.0, 0.0)}
    return [Batch(fast_ns, speeds, "freq"), Batch(slow_ns, {**heat, **load, **status})]
