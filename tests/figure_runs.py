"""Runs to draw and to trace: with results of our choosing, or recorded with a known power."""

from pathlib import Path
from typing import Any

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.protocols import Operator
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity
from tests.measured_runs import CONFIG, FACTS, Instrument, Plan, rail, written
from tests.sample_runs import RESULT, make_run

FREQUENCIES_HZ = (None, 0.9e9, 1.5e9, 2.3e9)


def over_frequencies(folder: Path, name: str = "night", **other: Any) -> Trace:
    """Results of one network over three frequencies and one left free; `other` replaces columns of all."""
    rows = []
    for place, frequency_hz in enumerate(FREQUENCIES_HZ):
        slower = 1.0 if frequency_hz is None else 2.3e9 / frequency_hz
        scaled = {key: RESULT[key] * slower for key in RESULT if key.startswith("latency_s_") and key != "latency_s_n"}
        joules = {key: RESULT[key] / slower**0.5 for key in RESULT if key.startswith("energy_") and key.endswith(ENDS)}
        rows.append({**RESULT, **scaled, **joules, "config_id": f"c{place}", "frequency_hz": frequency_hz, **other})
    return Trace.open(make_run(folder / name, repeats=[], results=rows, simulated=bool(other.get("simulated"))))


ENDS = ("_mean", "_low", "_high")


def recorded(folder: Path, name: str = "run", *, energy: bool = True, lost: bool = False, **manifest: Any) -> Trace:
    """A processed run of three repeats at 10 W above an idle of 2 W, a sample every 10 ms, and a sensor of heat."""
    instruments = [Instrument(rail(), boundary="board", lost=((107.0, 107.2),) if lost else ())] if energy else []
    heat = Channel("cpu", Quantity.TEMPERATURE)
    plan = Plan(
        manifest=manifest,
        also=[(heat, [(100.5 + second, 30.0 + second) for second in range(18)])],
        operators={CONFIG: [Operator("CONV_2D", "a", 0.06, "measured"), Operator("SOFTMAX", "b", 0.03, "measured")]},
        configs={CONFIG: {**FACTS, **manifest.pop("facts", {})}},
    )
    path = written(folder / name, instruments, plan)
    process(path)
    return Trace.open(path)
