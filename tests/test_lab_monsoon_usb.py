"""The USB meters of the virtual lab, as pyusb finds them, on a clock that only waiting moves."""

import contextlib
import errno
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import usb.core
import usb.util
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.monsoon.feeds import Constant
from edgewatt.virtual_lab.monsoon.setup import assembled
from edgewatt.virtual_lab.monsoon.usb import Backend, backend
from edgewatt.virtual_lab.monsoon.usb_meter import UsbMeter
from tests.monsoon_decode import decode_packets

S = 1_000_000_000
HVPM = (np.array([6.4, 0.0365, 0.6, 0.014]), np.array([15, 15, 0, 0]), 64_000)
LVPM = (np.array([3.1034, 0.035946, 3.1034, 0.035946]), np.zeros(4), 30_000)


def found(backend: Backend) -> Any:
    device = usb.core.find(backend=backend, idVendor=0x2AB9, idProduct=1)
    assert device is not None
    device.set_configuration()
    return device


def get(device: Any, opcode: int) -> int:
    return int.from_bytes(bytes(device.ctrl_transfer(0xC0, 1, 0, opcode, 4)), "little")


def put(device: Any, opcode: int, value: int) -> None:
    low, high = value & 0xFFFF, (value >> 16) & 0xFF
    device.ctrl_transfer(0x40, 1, low, opcode | high << 8, (value & 0xFFFFFFFF).to_bytes(4, "little"))


def start(device: Any, calibration_ms: int = 1250) -> None:
    device.ctrl_transfer(0x40, 2, calibration_ms, 0, b"\xff\xff\xff\xff")


def packets(device: Any, samples: int) -> Iterator[bytes]:
    while samples > 0:
        packet = bytes(device.read(0x81, 64, 1000))
        samples -= packet[3]
        yield packet


def until_silence(device: Any) -> Iterator[bytes]:
    with contextlib.suppress(usb.core.USBTimeoutError):
        while True:
            yield bytes(device.read(0x81, 64, 100))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(5 * S)


def test_it_is_found_by_its_serial_number(clock: ManualClock) -> None:
    there = backend(Constant(), seed=4, clock=clock)
    device = found(there)
    assert device.serial_number == str(there.meter.build.serial)
    assert get(device, 0x42) == there.meter.build.serial
    (interface,) = device[0]
    assert {(one.bEndpointAddress, one.bmAttributes) for one in interface} == {(0x81, 2), (0x02, 2)}
    assert interface.bInterfaceClass == 0xFF


@pytest.mark.parametrize(("model", "hardware", "low", "high"), [("hvpm", 2, 0.8, 13.5), ("lvpm", 1, 2.01, 4.55)])
def test_what_is_set_is_read_back(clock: ManualClock, model: str, hardware: int, low: float, high: float) -> None:
    there = backend(Constant(), model=model, clock=clock)
    device = found(there)
    assert (get(device, 0x45), get(device, 0xC0)) == (hardware, 32)
    for volts in (low, high, 0.0, 4.2):
        put(device, 0x41, round(volts * 1048576))
        assert there.meter.voltage_v == pytest.approx(volts, abs=1e-6)
        assert get(device, 0x41) == round(volts * 1048576)
    put(device, 0x10, 1)
    put(device, 0x0C, 40)
    raw = {2: round(61695 * 3 / 15.625) + 3840, 1: round(1023 * (1 - 3 / 8))}[hardware]
    put(device, 0x44, raw)
    put(device, 0x43, raw)
    assert [get(device, opcode) for opcode in (0x10, 0x0C, 0x43, 0x44)] == [1, 40, raw, raw]
    assert there.meter.run_limit_a == pytest.approx(3, abs=0.01)
    assert 0xD000 < get(device, 0x88) < 0xF000
    assert 0xC000 < get(device, 0x89) < 0xD000
    assert [one.value for one in there.meter.log if one.what == "passthrough"] == [1]


@pytest.mark.parametrize(("model", "how"), [("hvpm", HVPM), ("lvpm", LVPM)])
@pytest.mark.parametrize("main_a", [0.0, 0.01, 0.75, 2.5])
def test_the_documented_scaling_gives_the_current(clock: ManualClock, model: str, how: Any, main_a: float) -> None:
    there = backend(Constant(main_a, usb_a=0.3), model=model, seed=6, exact=True, passthrough=1, clock=clock)
    device = found(there)
    start(device, 200)
    seen = decode_packets(packets(device, 3000), *how)
    assert seen.main_a.mean() == pytest.approx(main_a, rel=1e-3, abs=3e-4 if main_a > 0.04 else 5e-6)
    assert seen.usb_a.mean() == pytest.approx(0.3, rel=3e-3)
    assert seen.main_v.mean() == pytest.approx(4.0, abs=1e-3)
    assert seen.usb_v.mean() == pytest.approx(5.0, abs=1e-3)
    assert set(np.diff(seen.sequence) % 16) == {1}
    assert (set(seen.dropped), set(seen.sizes), set(seen.flags)) == ({0}, {3}, {0x20})
    spent_s = (clock.now_ns() - 5 * S) * 1e-9
    assert spent_s == pytest.approx(3000 / 5000, abs=0.01)


def test_while_it_samples_it_refuses_and_says_so(clock: ManualClock) -> None:
    there = backend(Constant(), clock=clock)
    device = found(there)
    assert get(device, 0xC4) & 0x80 == 0
    start(device)
    assert get(device, 0xC4) & 0x80
    assert get(device, 0x41) == 0xFFFFFFFE
    assert get(device, 0xC0) == 32
    put(device, 0x41, 0)
    assert there.meter.voltage_v == 4.0
    device.ctrl_transfer(0x40, 3, 0, 0, None)
    assert get(device, 0x41) == 4 * 1048576
    assert "refused 0x41" in [one.what for one in there.meter.log]


def test_who_reads_late_loses_what_the_queue_did_not_hold(clock: ManualClock) -> None:
    device = found(backend(Constant(), clock=clock, faults=["dropped=65530"]))
    start(device)
    assert bytes(device.read(0x81, 64, 1000))[:2] == b"\xfa\xff"
    clock.advance(0.1)
    after = list(packets(device, 60))
    counts = [int.from_bytes(one[:2], "little") for one in after]
    assert len({count for count in counts if count < 65530}) == 1  # it wrapped
    assert (counts[-1] - 65530) % 65536 == pytest.approx(500 - 16, abs=3)
    roomy = found(backend(Constant(), clock=clock, queue=1000))
    start(roomy)
    clock.advance(0.1)
    assert {one[0] for one in packets(roomy, 400)} == {0}


def test_short_packets_lost_packets_and_cut_ones(clock: ManualClock) -> None:
    device = found(backend(Constant(), clock=clock, faults=["short=0.5"]))
    start(device)
    assert {len(one) for one in packets(device, 300)} == {22, 40, 58}
    device = found(backend(Constant(), clock=clock, faults=["lost=0.1:0.05"]))
    start(device)
    sequence = [one[2] & 0x0F for one in packets(device, 1000)]
    assert sum(np.diff(sequence) % 16 != 1) == 1
    device = found(backend(Constant(), clock=clock, faults=["drop=0.1"]))
    start(device)
    last = list(packets(device, 3000))[-1]
    assert int.from_bytes(last[:2], "little") == pytest.approx(333, rel=0.3)
    device = found(backend(Constant(), clock=clock, faults=["cut=1"]))
    start(device)
    assert len({len(device.read(0x81, 64, 1000)) for _ in range(30)}) > 10


def test_errors_are_those_of_libusb(clock: ManualClock) -> None:
    device = found(backend(Constant(), clock=clock))
    with pytest.raises(usb.core.USBTimeoutError):
        device.read(0x81, 64, 20)
    start(device)
    with pytest.raises(usb.core.USBError) as overflow:
        device.read(0x81, 8, 1000)
    assert overflow.value.errno == errno.EOVERFLOW
    with pytest.raises(usb.core.USBError) as stall:
        device.ctrl_transfer(0x40, 0x77, 0, 0, None)
    assert stall.value.errno == errno.EPIPE
    denied = usb.core.find(backend=backend(Constant(), faults=["denied=1"], clock=clock))
    with pytest.raises(usb.core.USBError) as refused:
        denied.set_configuration()
    assert refused.value.errno == errno.EACCES


def test_two_cannot_have_it(clock: ManualClock) -> None:
    there = backend(Constant(), clock=clock)
    first, second = found(there), found(there)
    usb.util.claim_interface(first, 0)
    with pytest.raises(usb.core.USBError) as busy:
        usb.util.claim_interface(second, 0)
    assert busy.value.errno == errno.EBUSY
    usb.util.dispose_resources(first)
    usb.util.claim_interface(second, 0)


def test_unplugged_silent_and_back(clock: ManualClock) -> None:
    there = backend(Constant(0.5), clock=clock, faults=["disconnect=0.5:1"])
    device = found(there)
    start(device)
    with pytest.raises(usb.core.USBError) as gone:
        list(packets(device, 5000))
    assert gone.value.errno == errno.ENODEV
    assert usb.core.find(backend=there) is None
    clock.advance(1.1)
    again = found(there)
    assert (get(again, 0xC4) & 0x80, get(again, 0x41)) == (0, 4 * 1048576)
    silent = found(backend(Constant(0.5), clock=clock, faults=["silent=0.5"]))
    start(silent)
    with pytest.raises(usb.core.USBTimeoutError):
        list(packets(silent, 5000))
    with pytest.raises(usb.core.USBTimeoutError):
        get(silent, 0x42)


def test_dac_overvoltage_and_overcurrent(clock: ManualClock) -> None:
    there = backend(Constant(0.5), clock=clock, faults=["dac=1.3", "overcurrent=0.5"], exact=True)
    device = found(there)
    assert not 0xD000 < get(device, 0x88) < 0xF000
    assert there.meter.outlet.voltage_v == pytest.approx(5.2)
    start(device)
    seen = decode_packets(packets(device, 5000), *HVPM)
    assert (seen.flags[0], seen.flags[-1]) == (0x20, 0x10)
    assert np.abs(seen.main_a[-1000:]).max() < 1e-3
    device.ctrl_transfer(0x40, 3, 0, 0, None)
    put(device, 0x41, 50 * 1048576)
    assert there.meter.outlet.voltage_v == 0.0
    assert there.meter.log[-1].what == "overvoltage"
    low = backend(Constant(), model="lvpm", clock=clock)
    put(found(low), 0x41, 5 * 1048576)
    assert low.meter.voltage_v == 4.0


def test_the_voltage_channel_shows_aux(clock: ManualClock) -> None:
    device = found(backend(Constant(aux_v=3.3), clock=clock, exact=True))
    put(device, 0x23, 1)
    start(device)
    assert decode_packets(packets(device, 300), *HVPM).main_v.mean() == pytest.approx(3.3, abs=1e-3)


def test_a_number_of_samples_is_kept(clock: ManualClock) -> None:
    device = found(backend(Constant(), clock=clock))
    device.ctrl_transfer(0x40, 2, 1250, 0, (100).to_bytes(4, "little"))
    got = list(until_silence(device))
    kinds = [one[21 + 18 * k] & 0x30 for one in got for k in range(one[3])]
    assert kinds.count(0) == 100
    assert get(device, 0xC4) == 0


@pytest.mark.parametrize("model", ["hvpm", "lvpm-usb"])
def test_a_prompt_host_gets_the_same_as_a_reading_one(model: str) -> None:
    prompt, reading = (UsbMeter(assembled(model, Constant(0.2), seed=9)) for _ in range(2))
    for meter in (prompt, reading):
        meter.put(0x40, 2, 500, 0, b"\xff" * 4, S)
    at_once = [*prompt.prompt(2 * S), *prompt.prompt(3 * S)]
    one_by_one = []
    while (due_ns := reading.due_ns()) is not None and due_ns <= 3 * S:
        one_by_one += [packet] if (packet := reading.packet(due_ns)) else []
    assert at_once == one_by_one
    assert len(at_once) == pytest.approx(10_000 / 3, abs=2)


@given(
    st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255), *[st.integers(0, 65535)] * 2, st.binary(max_size=6)))
)
def test_any_control_transfers_are_survived(asked: list[tuple[int, int, int, int, bytes]]) -> None:
    meter = UsbMeter(assembled("hvpm", Constant(0.2)))
    for k, (kind, request, value, index, data) in enumerate(asked):
        with contextlib.suppress(BrokenPipeError):
            meter.put(kind, request, value, index, data, k)
        with contextlib.suppress(BrokenPipeError):
            assert len(meter.get(kind, request, index, k)) == 4
    assert math.isfinite(meter.meter.outlet.voltage_v)
    meter.prompt(S // 10)


def test_a_model_or_a_voltage_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="lvpm-usb, hvpm"):
        backend(Constant(), model="mvpm")
    with pytest.raises(UsageError, match=r"2\.01 to 4\.55"):
        backend(Constant(), model="lvpm", voltage_v=5.0)
