"""A Monsoon as a device: `monsoon:/dev/ttyACM0`, `monsoon:SERIAL`, or `monsoon:` for the only one at hand.

`boundary` says where on the power path it measures, and has to be said. `channels` are main and some of usb,aux;
`channel=usb` or `channel=aux` is one alone, and usb needs no boundary: it is usb_inline. `rate` is
how many rows a second are stored (default 5000: every sample). The output is left alone unless `voltage` is given, and
stays on unless `off=yes`; `current_limit` sets both limits, `passthrough` the USB passthrough for as long as is
measured; `lead` is the resistance of the leads in ohm, `profile` a device profile with the meter's accuracy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from edgewatt.collectors.monsoon.addresses import Address
from edgewatt.collectors.monsoon.capture import Request
from edgewatt.collectors.monsoon.collector import Monsoon
from edgewatt.collectors.monsoon.discover import discover
from edgewatt.collectors.monsoon.lock import Lock
from edgewatt.collectors.monsoon.meter import Meter
from edgewatt.collectors.monsoon.options import Options, options_of
from edgewatt.collectors.monsoon.passthrough import FAMILY as SCHEME
from edgewatt.collectors.monsoon.passthrough import WHAT, put_back
from edgewatt.collectors.monsoon.running import Running, in_process, in_thread
from edgewatt.collectors.monsoon.searching import address_of
from edgewatt.collectors.monsoon.simulated import is_simulated
from edgewatt.collectors.monsoon.voltage import Range, set_voltage
from edgewatt.collectors.monsoon.wiring import Wiring, terminal_voltage, wiring_of
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.profiler import undo
from edgewatt.profiler.device import Device, DeviceUri, Family, parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError


def open_meter(uri: DeviceUri, backend: Any = None) -> Device:
    """The meter behind a URI, taken until the device is closed.

    `backend` is pyusb's, for a meter that only this process can open. Raises UsageError, DeviceError.
    """
    options = options_of(uri)
    address = address_of(uri.rest, options.backend, backend)
    lock = address.lock()
    try:
        return _Bench(uri, options, address, lock, backend).device()
    except BaseException:
        lock.release()
        raise


@dataclass(frozen=True, slots=True)
class _Bench:
    """One meter that is ours."""

    uri: DeviceUri
    options: Options
    address: Address
    lock: Lock
    backend: Any

    def device(self) -> Device:
        wiring, profile, measured_v = self._briefly(self._set_up)
        status = wiring.status
        collector = Monsoon(
            wiring, self.options, profile, self._launch, partial(self._briefly, self._put_back_noted, status.device_id)
        )
        return Device(
            uri=self.uri.text,
            name=f"Monsoon {status.model.upper()} {status.serial}",
            device_id=status.device_id,
            collectors=(collector,),
            facts={"boundary": self.options.boundary, "measured_v": measured_v, **status.to_json()},
            close=self._close,
            simulated=is_simulated(self.address, self.backend),
        )

    def _briefly(self, do: Callable[..., Any], *args: Any) -> Any:
        """What `do` gives for the meter, opened for it alone and not sampling."""
        meter = self.address.open(self.backend)
        try:
            meter.stop()
            return do(meter, *args)
        finally:
            meter.close()

    def _set_up(self, meter: Meter) -> tuple[Wiring, DeviceProfile, float | None]:
        """Set what was asked for; nothing is touched before all of it was checked."""
        wiring = wiring_of(meter)
        self._check_channels(wiring)
        profile = load(self.options.profile or f"monsoon_{wiring.status.model}")
        volt, limit_a = self.options.volt, self.options.limit_a
        if limit_a is not None:
            most_a = profile.number("current_limit_a")
            if limit_a > most_a:
                raise UsageError(f"current_limit={limit_a:g}: a {wiring.status.model.upper()} has at most {most_a:g} A")
        measured_v = None
        allowed = Range(profile.number("voltage_low_v"), profile.number("voltage_high_v"))
        if volt is not None:
            allowed.check(volt, wiring.status.model)
        if limit_a is not None:
            meter.set_current_limits(limit_a)
        if volt is not None:
            measured_v = set_voltage(meter, wiring.status, volt, allowed, partial(terminal_voltage, wiring=wiring))
        return (wiring_of(meter) if (volt, limit_a) != (None, None) else wiring), profile, measured_v

    def _check_channels(self, wiring: Wiring) -> None:
        for name in self.options.channels:
            if name not in wiring.channels:
                raise UsageError(f"device {self.uri.text!r}: no scale of the {name} channel is known")
        if "main" in self.options.channels and "main" not in wiring.voltages:
            raise DeviceError(
                f"{self.address}: it measures the voltage of its AUX terminals, not of main, so there are no joules of "
                "main; ask for channel=aux, or switch its voltage channel with the vendor's tools"
            )

    def _launch(self) -> Running:
        request = Request(self.address, _noted(self.uri), self.options.passthrough)
        if self.backend is not None:
            return in_thread(request, partial(self.address.open, self.backend))
        return in_process(request, (self.lock.fileno(),))

    def _put_back_noted(self, meter: Meter, device_id: str) -> None:
        note = undo.find(SCHEME, device_id, WHAT)
        if note is not None:
            put_back(meter, note)
            undo.forget(note)

    def _close(self) -> None:
        try:
            if self.options.off:
                self._briefly(_switch_off)
        finally:
            self.lock.release()


def _switch_off(meter: Meter) -> None:
    meter.set_voltage(0.0)
    if seen_v := meter.status().output_v:
        raise DeviceError(f"{meter.where}: its output was switched off and reads back {seen_v:g} V")


def put_back_noted(note: undo.Note) -> None:
    """Put back what a killed run left changed on a meter. Raises DeviceError, UsageError where that cannot be."""
    uri = parse_uri(note.uri)
    address = address_of(uri.rest, uri.options.get("backend"), None)
    with address.lock():
        meter = address.open()
        try:
            meter.stop()
            put_back(meter, note)
        finally:
            meter.close()


def _noted(uri: DeviceUri) -> str:
    """How the meter is reached, for a note: without what was asked of it."""
    backend = uri.options.get("backend")
    return f"{uri.scheme}:{uri.rest}" + ("" if backend is None else f"?{urlencode({'backend': backend})}")


FAMILY: Final = Family(
    usage="monsoon:[SERIAL|/dev/ttyACM0]?boundary=battery_bypass|battery_series|usb_inline",
    open=open_meter,
    discover=discover,
    put_back=put_back_noted,
)
