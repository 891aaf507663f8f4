"""A real GPU through real NVML: its sensor, and the energy of a loop of copies by counter and by integration.

    python -m tests.with_device.gpu [--gpu 0] [--seconds 10] [-o docs/validation/gpu-NAME.md]

It prints a page for docs/validation. The loop needs torch with CUDA; without it the GPU is measured as it is, which the
page says.
"""

import argparse
import importlib.metadata
import platform
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from edgewatt.collectors.nvidia.collector import Nvml
from edgewatt.collectors.nvidia.device import FAMILY
from edgewatt.collectors.nvidia.finding import Sensor, find_sensor
from edgewatt.collectors.nvidia.load import pulses_on
from edgewatt.collectors.nvidia.window_fit import WindowFit
from edgewatt.profiler.batch import Batch, End
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import NS_PER_S, HostClock
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.energy.windows import WindowEnergies, energy_of_windows
from edgewatt.profiler.errors import DeviceError, EdgewattError

# The GPU is measured so long before and after the loop.
AROUND_S = 3.0


@dataclass(frozen=True)
class Measured:
    """A window and its joules by source; `loop` False: nothing was executed in it."""

    loop: bool
    why_not: str
    seconds: float
    energies: dict[str, WindowEnergies]
    opened: Opened
    learnt: dict[str, Any]

    def joules(self, source: str) -> float:
        """With what its edges lost."""
        found = self.energies[source]
        return float(found.energy_j[0] + found.edge_loss_j[0])


def measure(asked: str, uuid: str, seconds: float) -> Measured:
    """Record the GPU around a loop of `seconds`, and form its energy from every source."""
    clock, collector = HostClock(), Nvml(asked)
    opened = collector.open(clock)
    rows: list[Batch] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            item = collector.read(0.2)
            if isinstance(item, End):
                return
            if isinstance(item, Batch) and not item.stream and len(item):
                rows.append(item)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    clock.sleep(AROUND_S)
    pulses, why_not = pulses_on(uuid), ""
    if pulses is None:
        why_not = "torch is not installed, so nothing was executed"
    else:
        try:
            edges = pulses([(seconds, 0.1)])
            t0_ns, t1_ns = int(edges.begin_ns[0]), int(edges.end_ns[0])
        except DeviceError as error:
            why_not = str(error)
    if why_not:
        t0_ns = clock.now_ns()
        clock.sleep(seconds)
        t1_ns = clock.now_ns()
    clock.sleep(AROUND_S)
    stop.set()
    reader.join(5)
    collector.close()
    energies = _energies(opened, rows, t0_ns, t1_ns)
    learnt = dict(collector.learnt().facts)
    return Measured(not why_not, why_not, (t1_ns - t0_ns) / NS_PER_S, energies, opened, learnt)


def _energies(opened: Opened, rows: Sequence[Batch], t0_ns: int, t1_ns: int) -> dict[str, WindowEnergies]:
    if not rows:
        return {}
    columns = {name: np.concatenate([row.columns[name] for row in rows]) for name in rows[0].columns}
    together = Batch(np.concatenate([row.t_ns for row in rows]), columns)
    channels = {channel.column: channel for channel in opened.channels[""]}
    return {
        source.name: energy_of_windows(
            [together], [tuple(channels[c] for c in term) for term in source.terms], [t0_ns], [t1_ns], spread=True
        )
        for source in opened.sources
    }


def page(facts: dict[str, Any], sensor: Sensor, measured: Measured, *, simulated: bool) -> str:
    """The report, as Markdown."""
    torch = importlib.metadata.version("torch") if find_spec("torch") else "not installed"
    known = measured.learnt
    versions = f"nvidia-ml-py {importlib.metadata.version('nvidia-ml-py')}, torch {torch}, Python"
    spread = f"5 to 95 %: {_ms(sensor.period_low_s)} to {_ms(sensor.period_high_s)}; {sensor.updates} seen"
    counter = "moves" if sensor.counter else "not there"
    caught = f"{known.get('updates_caught')} of {known.get('updates_followed')} caught"
    lines = [
        f"# {'SIMULATED ' if simulated else ''}{sensor.gpu}, {datetime.now(UTC):%Y-%m-%d}",
        "",
        f"Driver {facts.get('gpu_driver')}, NVML through {versions} {platform.python_version()}.",
        "",
        "| condition | value |",
        "|---|---|",
        *(f"| {key} | {value} |" for key, value in facts.items() if key not in {"gpu_uuid", "gpu_name"}),
        "",
        "## Sensor",
        "",
        f"- new value every {_ms(sensor.period_s)} ({sensor.period_basis}; {spread})",
        f"- instantaneous power averages over {_ms(sensor.window_s)} ({sensor.window_basis})",
        *([f"- {fit_in_words(sensor.window)}"] if sensor.window else []),
        f"- energy counter: {counter}; power new with it: {sensor.power_with_counter}",
        *(f"- {note}" for note in sensor.notes),
        "",
        "| call | mean |",
        "|---|---|",
        *(f"| {call} | {seconds * 1e6:.0f} us |" for call, seconds in sensor.call_s.items()),
        "",
        f"## {'A loop of copies' if measured.loop else 'Nothing executed'}, {measured.seconds:.2f} s",
        "",
        *([measured.why_not, ""] if measured.why_not else []),
        "| source | energy | mean power | updates | edges (u) |",
        "|---|---|---|---|---|",
        *(_row(measured, name) for name in measured.energies),
        "",
        "Counter and integral share one sensor: that they agree says nothing of its gain.",
        "",
        f"Followed updates: {caught}, stamps within {_ms(known.get('stamp_bound_s'))}.",
        f"Asking took {known['polling']['share']:.2%} of the time.",
        "",
        *(f"- not measured: {one.what}: {one.reason}" for one in measured.opened.unavailable),
    ]
    return "\n".join(lines) + "\n"


def fit_in_words(fit: WindowFit) -> str:
    """What a train of pulses told of the window, in a sentence."""
    load = f"the load, {fit.step_w:.0f} W above idle, was felt {_ms(fit.delay_s)} late"
    return (
        f"the window's fit: {_ms(fit.window_s)}, 95 % from {_ms(fit.low_s)} to {_ms(fit.high_s)}; {load}, "
        f"rose with a time constant of {_ms(fit.rise_s)} and fell with {_ms(fit.fall_s)}; "
        f"{fit.explained:.1%} of the variance of {fit.updates} updates is explained"
    )


def _row(measured: Measured, name: str) -> str:
    found, joules = measured.energies[name], measured.joules(name)
    watts, edges_j = joules / measured.seconds, float(found.u_edge_j[0])
    return f"| {name} | {joules:.2f} J | {watts:.2f} W | {int(found.updates[0])} | {edges_j:.2f} J |"


def _ms(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds * 1e3:.2f} ms"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", default="0", help="index or UUID (default: 0)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of the loop (default: 10)")
    parser.add_argument("-o", "--output", type=Path, help="also write the page there")
    args = parser.parse_args()
    try:
        device = FAMILY.open(parse_uri(f"nvml:{args.gpu}"))
        sensor = find_sensor(args.gpu, HostClock())
        measured = measure(args.gpu, device.device_id, args.seconds)
    except EdgewattError as error:
        raise SystemExit(f"not measured: {error}") from None
    text = page(dict(device.facts), sensor, measured, simulated=device.simulated)
    print(text)
    if args.output:
        args.output.write_text(text)


if __name__ == "__main__":
    main()
