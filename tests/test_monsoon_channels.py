"""The channels beside main: asked for alone, what their numbers mean, and where there are joules."""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest

from edgewatt.collectors.monsoon.device import open_meter
from edgewatt.collectors.monsoon.frames import encode
from edgewatt.collectors.monsoon.offered import channels_of, sources_of
from edgewatt.collectors.monsoon.options import options_of
from edgewatt.collectors.monsoon.serial_meter import ASK, SerialMeter, parse_status
from edgewatt.collectors.monsoon.usb_scales import read_scales
from edgewatt.collectors.monsoon.wiring import Wiring, wiring_of
from edgewatt.device_profiles.loader import load
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError
from tests.monsoon_wire import sample_frame, wire

AUX_LED = 0x08


def body(leds: int = 0) -> bytes:
    """A status of hardware revision C; `leds` 0x08: its voltage is that of the AUX terminals."""
    made = bytearray(58)
    made[0], made[1], made[2], made[19], made[23], made[27], made[43] = 0x10, 20, 16, 200, leds, 5, 3
    struct.pack_into(">H", made, 25, 12431)
    return bytes(made)


@contextmanager
def wired(leds: int = 0) -> Iterator[Wiring]:
    """What a meter with that status is, by its transcript."""
    with wire((ASK, encode(body(leds)))) as line:
        yield wiring_of(SerialMeter(line))


def frames_of(main: int, usb: int, aux: int) -> bytes:
    """Zero, reference and data in which each channel has counts of its own."""
    zero = [struct.pack(">hhhH", 100, 200, 300, 0), struct.pack(">hhhH", 60, 70, 80, 0)]
    reference = [struct.pack(">hhhH", 16_700, 16_800, 16_900, 0), struct.pack(">hhhH", 28_860, 28_870, 28_880, 0)]
    data = [struct.pack(">hhhH", main, usb, aux, 40_000)] * 7
    return sample_frame(0, zero, 1) + sample_frame(1, reference, 2) + sample_frame(2, data)


def columns(said: str, wiring: Wiring, data: bytes) -> dict[str, np.ndarray]:
    options = options_of(parse_uri(f"monsoon:?{said}"))
    (frames,) = wiring.samples(options.channels).take(data)
    names = [channel.column for channel in channels_of(options, wiring, load("monsoon_lvpm"))]
    assert list(frames.columns) == names, "what is decoded is what is offered"
    return {name: values[frames.measured()] for name, values in frames.columns.items()}


def test_usb_alone_has_its_own_calibration_and_no_voltage_on_a_serial_line() -> None:
    with wired() as wiring:
        found = columns("channel=usb", wiring, frames_of(100, 200 + 8300, 300))
    assert list(found) == ["usb.current_a"]
    assert found["usb.current_a"] == pytest.approx([0.0332 / 2] * 7, rel=1e-5)


def test_aux_alone_is_coarse_where_its_own_bit_says_so() -> None:
    with wired() as wiring:
        found = columns("channel=aux&boundary=battery_series", wiring, frames_of(100, 200, 80 + 14_401))
    assert found["aux.current_a"] == pytest.approx([2.88 / 2] * 7, rel=1e-4)


def test_where_the_meter_measures_the_voltage_of_aux_it_is_that_of_aux() -> None:
    with wired(AUX_LED) as wiring:
        found = columns("channel=aux&boundary=battery_series", wiring, frames_of(100, 200, 80 + 14_401))
        options = options_of(parse_uri("monsoon:?channel=aux&boundary=battery_series"))
        (source,) = sources_of(options, wiring)
    assert found["aux.voltage_v"] == pytest.approx([5.0] * 7)
    assert (source.name, source.terms, source.boundary) == (
        "monsoon/aux",
        (("aux.voltage_v", "aux.current_a"),),
        "battery_series",
    )


def boundaries(said: str, wiring: Wiring) -> Sequence[tuple[str, str | None]]:
    options = options_of(parse_uri(f"monsoon:?{said}"))
    return [(one.column, one.boundary) for one in channels_of(options, wiring, load("monsoon_lvpm"))]


def test_usb_is_always_in_the_cable_and_aux_only_where_it_was_said() -> None:
    with wired() as wiring:
        assert boundaries("channel=usb", wiring) == [("usb.current_a", "usb_inline")]
        assert boundaries("channel=aux&boundary=battery_series", wiring) == [("aux.current_a", "battery_series")]
        assert boundaries("channels=usb,aux&boundary=battery_bypass", wiring)[-3:] == [
            ("main.voltage_v", "battery_bypass"),
            ("usb.current_a", "usb_inline"),
            ("aux.current_a", None),
        ]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("channel=usb&boundary=battery_bypass", "boundary is usb_inline, not battery_bypass"),
        ("channel=aux", "where on the power path"),
        ("channel=moon&boundary=usb_inline", "expected one of main, usb, aux"),
        ("channel=usb&channels=main", "give one of them"),
        ("channel=usb&lead=0.1", "lead is of the main channel"),
    ],
)
def test_what_makes_no_sense_is_refused(said: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        options_of(parse_uri(f"monsoon:?{said}"))


def test_main_without_its_voltage_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Line:
        where = "/dev/test"

        def stop(self) -> None: ...

        def close(self) -> None: ...

        def status(self) -> object:
            return parse_status(body(AUX_LED))

    monkeypatch.setattr("edgewatt.collectors.monsoon.addresses.Address.open", lambda *_: Line())
    with pytest.raises(DeviceError, match="voltage of its AUX terminals, not of main"):
        open_meter(parse_uri("monsoon:/dev/test-aux?boundary=battery_bypass"))


class Resistors:
    """An LVPM over USB whose resistors are as they should be, but for one."""

    model = "lvpm"

    def get(self, operation: int, size: int) -> int:
        """An offset of 0.1 milliohm a step, signed."""
        assert size == 1
        return {0x0E: 100, 0x13: 256 - 100}.get(operation, 0)


def test_the_scale_of_aux_over_usb_is_read_with_its_resistors_and_its_unit_is_said_to_be_assumed() -> None:
    scales, names = read_scales(Resistors())  # type: ignore[arg-type]
    assert names == ("main", "usb", "aux")
    assert scales.between_a == pytest.approx(
        [0.035946, 3.1034, 0.035946, 3.1034, 0.05049 * 0.1 / 0.11, 1.289 * 0.1 / 0.09]
    )
