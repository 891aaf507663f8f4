"""What is seen as Prometheus reads it: base units, counters that end in `_total`, and nothing where nothing is known.

Names and units follow prometheus.io, "Metric and label naming" (documented). Samples carry no stamps of their own, as
exporters should not; the time of the newest one is a gauge, `edgewatt_last_sample_timestamp_seconds`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.watching.view import DeviceView, LineView, View
from edgewatt.profiler.watching.watch import labels
from edgewatt.reports.escape import printable

LABEL_LIMIT: Final = 120
# Of one device; a phone has some sixty.
CHANNELS_LIMIT: Final = 500
_ACCEPT_LIMIT: Final = 1000
_GAUGES: Final = {
    Quantity.POWER: ("power_watts", "Power now"),
    Quantity.VOLTAGE: ("voltage_volts", "Voltage now"),
    Quantity.CURRENT: ("current_amperes", "Current now"),
    Quantity.TEMPERATURE: ("temperature_celsius", "Temperature now"),
    Quantity.FREQUENCY: ("frequency_hertz", "Clock frequency now"),
    Quantity.LOAD: ("load_ratio", "Share of its time that it was busy"),
    Quantity.MEMORY: ("memory_bytes", "Memory in use"),
    Quantity.RSSI: ("signal_dbm", "Strength of the radio signal"),
}
_SIMULATED: Final = "; SIMULATED where simulated=true"


def exposition(view: View, accept: str) -> tuple[bytes, str]:
    """The body and its content type, in the format that `accept` asks for. Raises UsageError without the extra."""
    try:
        from prometheus_client import CollectorRegistry  # noqa: PLC0415  (the extra's)
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415
    except ImportError:
        raise UsageError("/metrics needs prometheus_client: pip install 'edgewatt[live]'") from None
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_OfView(view))
    try:
        encode, content_type = choose_encoder(accept[:_ACCEPT_LIMIT])
    except (ValueError, TypeError):  # a version that is none
        encode, content_type = choose_encoder("")
    return encode(registry), content_type


class _OfView:
    """A collector of prometheus_client over one view."""

    def __init__(self, view: View) -> None:
        self._view = view
        names = labels([printable(device.label, LABEL_LIMIT) for device in view.devices])
        self._devices = [
            (device, [name, "true" if device.simulated else "false"])
            for device, name in zip(view.devices, names, strict=True)
        ]

    def describe(self) -> Iterable[Any]:
        """Nothing ahead: what there is, is seen when it is asked for."""
        return []

    def collect(self) -> Iterator[Any]:
        """The families, each once, with the samples of all devices."""
        from prometheus_client import core  # noqa: PLC0415  (the extra's)

        view = self._view
        info = core.InfoMetricFamily("edgewatt_device", "What is watched", labels=["device", "simulated"])
        up = core.GaugeMetricFamily("edgewatt_up", f"1 while samples come{_SIMULATED}", labels=["device", "simulated"])
        lost_times = core.CounterMetricFamily(
            "edgewatt_disconnects", f"How often it was lost{_SIMULATED}", labels=["device", "simulated"]
        )
        for device, of in self._devices:
            info.add_metric(of, {"name": printable(device.name, LABEL_LIMIT)})
            up.add_metric(of, float(device.state == "connected"))
            lost_times.add_metric(of, device.lost_times, created=view.began_s)
        yield from (info, up, lost_times)
        yield from self._gauges(core)
        yield self._energy(core)
        yield from self._streams(core)
        yield from self._clocks(core)

    def _gauges(self, core: Any) -> Iterator[Any]:
        for quantity, (name, text) in _GAUGES.items():
            family = core.GaugeMetricFamily(
                f"edgewatt_{name}", f"{text}{_SIMULATED}", labels=["device", "simulated", "channel"]
            )
            for device, of in self._devices:
                for line in _once(device):
                    if line.quantity == quantity.value and line.value is not None:
                        family.add_metric([*of, printable(line.name, LABEL_LIMIT)], line.value)
            yield family

    def _energy(self, core: Any) -> Any:
        family = core.CounterMetricFamily(
            "edgewatt_energy_joules",
            f"Energy since the watch began, of the time that has samples{_SIMULATED}",
            labels=["device", "simulated", "channel"],
        )
        for device, of in self._devices:
            for line in _once(device):
                if line.energy_j is not None:
                    label = [*of, printable(line.name, LABEL_LIMIT)]
                    family.add_metric(label, line.energy_j, created=self._view.began_s)
        return family

    def _streams(self, core: Any) -> Iterator[Any]:
        names = ["device", "simulated", "stream"]
        samples = core.CounterMetricFamily("edgewatt_samples", f"Samples that came{_SIMULATED}", labels=names)
        text = "Samples known to be missing; what nobody counted is only in edgewatt_gaps_total"
        lost = core.CounterMetricFamily("edgewatt_samples_lost", f"{text}{_SIMULATED}", labels=names)
        gaps = core.CounterMetricFamily("edgewatt_gaps", f"Stretches without samples{_SIMULATED}", labels=names)
        last = core.GaugeMetricFamily(
            "edgewatt_last_sample_timestamp_seconds", f"When the newest sample came{_SIMULATED}", labels=names
        )
        for device, of in self._devices:
            for stream in device.streams[:CHANNELS_LIMIT]:
                label = [*of, printable(stream.name, LABEL_LIMIT)]
                samples.add_metric(label, stream.samples, created=self._view.began_s)
                lost.add_metric(label, stream.lost + stream.dropped, created=self._view.began_s)
                gaps.add_metric(label, stream.gaps, created=self._view.began_s)
                if stream.silent_s is not None:
                    last.add_metric(label, self._view.unix_s - stream.silent_s)
        yield from (samples, lost, gaps, last)

    def _clocks(self, core: Any) -> Iterator[Any]:
        names = ["device", "simulated", "clock"]
        residual = core.GaugeMetricFamily(
            "edgewatt_clock_residual_seconds", f"Newest look beside its fit{_SIMULATED}", labels=names
        )
        bound = core.GaugeMetricFamily(
            "edgewatt_clock_bound_seconds", f"How wrong the fit to the host's clock may be{_SIMULATED}", labels=names
        )
        for device, of in self._devices:
            for clock in {clock.name: clock for clock in device.clocks}.values():
                label = [*of, printable(clock.name, LABEL_LIMIT)]
                bound.add_metric(label, clock.bound_s)
                if clock.residual_s is not None:
                    residual.add_metric(label, clock.residual_s)
        yield from (residual, bound)


def _once(device: DeviceView) -> list[LineView]:
    """Its lines, each name of a quantity once, as no two series may have the same labels."""
    found: dict[tuple[str, str], LineView] = {}
    for line in device.lines[:CHANNELS_LIMIT]:
        found.setdefault((line.quantity, printable(line.name, LABEL_LIMIT)), line)
    return list(found.values())
