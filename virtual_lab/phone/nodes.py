"""The files of a phone that change by themselves, each with how often, and what it says at an instant."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from edgewatt.virtual_lab.phone import services
from edgewatt.virtual_lab.phone.body import Body, Draw
from edgewatt.virtual_lab.phone.gauge import Counted, FuelGauge, RailCounters
from edgewatt.virtual_lab.phone.personality import Zone
from edgewatt.virtual_lab.phone.tree import IIO, LAB, POLICIES, SUPPLY, THERMAL, gpu_folder

# What a kernel makes up when it is read is made here in advance, so often.
_LIVE_S: Final = 0.02
_COUNTED_S: Final = 0.1
_ZONES_S: Final = 0.25
_WIFI_S: Final = 3.0
# The statistics window of Adreno's busy counter (remembered: it closes after about a second of activity).
_WINDOW_US: Final = 1_000_000
_HOT_C: Final = 2.0

Texts = dict[str, str | None]


@dataclass(frozen=True, slots=True)
class Node:
    """Files below the tree's root that are written together every `period_s`; None for one that is not there."""

    period_s: float
    texts: Callable[[int], Texts]


def nodes(body: Body, seed: int) -> Iterator[Node]:
    """All files of this phone that change, but for its /proc/uptime (clockwork.py)."""
    phone, draw = body.phone, Draw(seed)
    gauge, rails = FuelGauge(body, draw), RailCounters(body, draw)
    told = FuelGauge(body, draw, phone.service_period_s)
    supply = f"{SUPPLY}/{phone.gauge_node}"
    yield Node(_LIVE_S, lambda t_ns: {f"{LAB}/run/monotonic": f"{body.monotonic_ns(t_ns) // 10**6}\n"})
    yield Node(_LIVE_S, lambda _: _frequencies(body))
    yield Node(_COUNTED_S, lambda t_ns: {**_states(body, t_ns), "proc/stat": _stat(body, t_ns)})
    yield Node(_COUNTED_S, lambda t_ns: _gpu(body, t_ns))
    yield Node(_ZONES_S, lambda t_ns: _zones(body, t_ns))
    if phone.odpm:
        yield Node(_LIVE_S, lambda t_ns: _odpm(body, rails.read(t_ns)))
        yield Node(1.0, lambda t_ns: {_run("power_stats"): services.power_stats(body, rails.read(t_ns))})
    if phone.gauge_readable:
        yield Node(_LIVE_S, lambda t_ns: {f"{supply}/{n}": text for n, text in gauge.files(gauge.see(t_ns)).items()})
    yield Node(_ZONES_S, lambda t_ns: {_run("battery"): services.battery(body, told.see(t_ns))})
    yield Node(1.0, lambda t_ns: {_run("thermal"): services.thermal(body, t_ns)})
    yield Node(1.0, lambda t_ns: {_run("gpu"): services.gpu_work(body, t_ns)})
    yield Node(_WIFI_S, lambda t_ns: {f"{LAB}/run/wifi": services.wifi(body, t_ns)})


_SERVICES: Final = {
    "power_stats": "android.hardware.power.stats.IPowerStats_default",
    "thermal": "thermalservice",
    "gpu": "gpu",
    "battery": "battery",
}


def _run(service: str) -> str:
    return f"{LAB}/run/{_SERVICES[service]}"


def _frequencies(body: Body) -> Texts:
    found: Texts = {}
    for number, cluster in enumerate(body.phone.clusters):
        if cluster.online:
            at = f"{POLICIES}/policy{cluster.cpus[0]}"
            found[f"{at}/scaling_cur_freq"] = f"{body.known_hz(f'cpu{number}') / 1e3:.0f}\n"
    return found


def _states(body: Body, t_ns: int) -> Texts:
    found: Texts = {}
    for number, cluster in enumerate(body.phone.clusters):
        if cluster.online:
            spent = body.timeline.residency_s(t_ns, f"cpu{number}")
            rows = "".join(f"{khz} {round(spent.get(khz * 1e3, 0.0) * 100)}\n" for khz in cluster.khz)
            found[f"{POLICIES}/policy{cluster.cpus[0]}/stats/time_in_state"] = rows
    return found


def _stat(body: Body, t_ns: int) -> str:
    awake = body.monotonic_ns(t_ns) // 10**7
    lines, total = [], 0
    for number, cluster in enumerate(body.phone.clusters):
        busy = round(body.busy_s(f"cpu{number}", t_ns) * 100)
        for cpu in cluster.cpus if cluster.online else ():
            lines.append((cpu, f"cpu{cpu} {busy} 0 0 {max(awake - busy, 0)} 0 0 0 0 0 0\n"))
            total += busy
    idle = max(awake * len(lines) - total, 0)
    rows = "".join(text for _, text in sorted(lines))
    return (
        f"cpu  {total} 0 0 {idle} 0 0 0 0 0 0\n{rows}intr 0\nctxt {t_ns // 10**5}\nbtime 1700000000\nprocesses 4242\n"
    )


def _zones(body: Body, t_ns: int) -> Texts:
    found: Texts = {}
    for number, zone in enumerate(body.phone.zones):
        at = f"{THERMAL}/thermal_zone{number}/temp"
        if zone.readable:
            found[at] = f"{_degrees(body, zone, t_ns) * zone.per_c:.0f}\n"
    body.look_at_caps(t_ns)
    for number in range(len(body.phone.clusters)):
        found[f"{THERMAL}/cooling_device{number}/cur_state"] = f"{body.throttled_steps(number)}\n"
    return found


def _degrees(body: Body, zone: Zone, t_ns: int) -> float:
    of = "soc" if zone.above_c >= _HOT_C else "battery" if "bat" in zone.kind.lower() else "skin"
    return body.temperature_c(of, t_ns) + zone.above_c


def _gpu(body: Body, t_ns: int) -> Texts:
    kind, at = body.phone.gpu, gpu_folder(body.phone)
    hz, use = body.hz("gpu", t_ns), float(body.timeline.use(t_ns, "gpu"))
    percent = round(100 * use)
    if kind == "adreno":
        busy = f"{round(use * _WINDOW_US):7d} {_WINDOW_US:7d}" if use else f"{0:7d} {0:7d}"
        return {
            f"{at}/gpuclk": f"{hz:.0f}\n",
            f"{at}/devfreq/cur_freq": f"{hz:.0f}\n",
            f"{at}/gpu_busy_percentage": f"{percent} %\n",
            f"{at}/gpubusy": f"{busy}\n",
        }
    if kind == "samsung":
        return {f"{at}/gpu_busy": f"{percent} %\n", f"{at}/gpu_clock": f"{hz / 1e3:.0f}\n"}
    if kind == "tensor":
        spent = body.timeline.residency_s(t_ns, "gpu")
        rows = "".join(f"{step / 1e3:.0f} {round(spent.get(step, 0.0) * 1e3)}\n" for step in body.steps_hz("gpu"))
        return {f"{at}/cur_freq": f"{hz / 1e3:.0f}\n", f"{at}/utilization": f"{percent}\n", f"{at}/time_in_state": rows}
    if kind == "mediatek":
        row = f"Index: 12, Freq: {hz / 1e3:.0f}, Volt: 62500, Vsram: 75000"
        status = f"[GPUFREQ-DEBUG] Current Status of GPUFREQ\n[GPU-OPP]       {row}\n"
        return {f"{at}/gpufreq_status": status, "sys/kernel/ged/hal/gpu_utilization": f"{percent} 0 {100 - percent}\n"}
    return {}


def _odpm(body: Body, counted: Mapping[str, Counted]) -> Texts:
    """Both PMICs, each with a time base of its own in ms."""
    found: Texts = {}
    for pmic in sorted({rail.pmic for rail in body.phone.rails}):
        rows = [(rail.label, counted[rail.label]) for rail in body.phone.rails if rail.pmic == pmic]
        lines = "".join(f"CH{n}(T={c.stamp_ms})[{label}], {c.uws}\n" for n, (label, c) in enumerate(rows))
        found[f"{IIO}/iio:device{pmic}/energy_value"] = f"t={rows[0][1].stamp_ms}\n{lines}"
    return found
