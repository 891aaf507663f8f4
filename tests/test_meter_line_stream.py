"""Streams of lines over a real pty and a real socket: start, stop, garbage, silence, going away and coming back."""

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.generic.line_device import FAMILY
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.running.record import record
from tests.meter_wires import SerialEnd, TcpEnd

WAIT_S = 5.0
ROW = b"#d,-,18,%d,2300,50,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0;\r\n"


@pytest.fixture
def wire() -> Iterator[SerialEnd]:
    end = SerialEnd()
    yield end
    end.unplug()


@pytest.fixture
def server() -> Iterator[TcpEnd]:
    end = TcpEnd()
    yield end
    end.unplug()


def opened(uri: str, clock: ManualClock) -> tuple[Device, Opened]:
    device = FAMILY.open(parse_uri(uri))
    return device, device.collectors[0].open(clock)


def read(device: Device) -> Batch | Gap | End:
    """What the meter's next bytes gave."""
    for _ in range(50):
        item = device.collectors[0].read(WAIT_S)
        if not (isinstance(item, Batch) and not len(item)):
            return item
    raise AssertionError("nothing came")


def watts(item: Batch | Gap | End) -> list[float]:
    assert isinstance(item, Batch), item
    return [round(float(value), 3) for value in item.columns["watts_up_pro_main.power_w"]]


def test_a_serial_meter_is_started_read_and_stopped(wire: SerialEnd) -> None:
    wire.send(ROW % 999)  # from before: nobody knows when
    device, answer = opened(f"line:{wire.path}?as=watts_up_pro", clock := ManualClock(7_000_000_000))
    assert wire.heard() == b"#L,W,3,E,,1;\r\n"
    assert answer.name == "watts_up_pro"
    assert [c.column for c in answer.channels[""]] == [
        f"watts_up_pro_main.{quantity}" for quantity in ("power_w", "voltage_v", "current_a")
    ]
    (source,) = answer.sources
    assert (source.name, source.boundary) == ("watts_up_pro/main", "wall")
    assert source.terms == (("watts_up_pro_main.power_w",),)
    clock.advance(0.5)
    wire.send(b"5;\r\n" + ROW % 105 + ROW % 110)
    item = read(device)
    assert watts(item) == [10.5, 11.0]
    assert isinstance(item, Batch)
    assert item.t_ns.tolist() == [7_250_000_000, 7_500_000_000]
    device.close()
    assert wire.heard() == b"#L,R,0;\r\n"
    assert device.remarks() == []


def test_garbage_is_a_mark_and_a_count(wire: SerialEnd) -> None:
    device, _ = opened(f"line:{wire.path}?as=watts_up_pro", ManualClock())
    wire.send(b"\n#d,-,18,x,y,z;\n#d\n" + ROW % 50 + b"hello\n" + b"z" * 5000 + b"\n" + ROW % 60)
    items = [read(device)]
    while not (isinstance(items[-1], Batch) and 6.0 in watts(items[-1])):
        items.append(read(device))
    gaps = [item for item in items if isinstance(item, Gap)]
    assert len(gaps) == 1, "one where it begins"
    assert gaps[0].cause.startswith("a line that is no row: 'x' is no number")
    assert gaps[0].t0_ns == gaps[0].t1_ns
    device.close()
    assert device.remarks() == ["meter_lines_unreadable:watts_up_pro:3"]


def test_silence_is_a_gap_of_so_many_samples_and_begins_anew(wire: SerialEnd) -> None:
    device, _ = opened(f"line:{wire.path}?as=watts_up_pro", clock := ManualClock())
    wire.send(b"\n" + ROW % 50)
    assert watts(read(device)) == [5.0]
    clock.advance(5.5)
    gap = device.collectors[0].read(0.0)
    assert gap == Gap(0, 5_500_000_000, "no row came", 6)
    clock.advance(1.0)
    wire.send(ROW % 60)
    item = read(device)
    assert isinstance(item, Batch)
    assert watts(item) == [6.0]
    assert item.t_ns.tolist() == [6_500_000_000]
    device.close()


def test_a_header_that_never_comes_is_the_reason_of_the_silence(server: TcpEnd) -> None:
    device, _ = opened(f"line://127.0.0.1:{server.port}?as=um25c_bridge&name=tester", clock := ManualClock())
    server.accept()
    server.send(b"1,2\n3,4\n")
    assert isinstance(device.collectors[0].read(WAIT_S), Batch)
    clock.advance(3)
    gap = device.collectors[0].read(0.0)
    assert isinstance(gap, Gap)
    assert gap.cause == "no row came: no header has named its columns yet"
    server.send(b"V,A\n5.0,0.25\n")
    item = read(device)
    assert isinstance(item, Batch)
    assert {name: values.tolist() for name, values in item.columns.items()} == {
        "tester_main.voltage_v": [5.0],
        "tester_main.current_a": [0.25],
    }
    device.close()


def test_a_server_that_hangs_up_is_a_gap_and_is_called_again(server: TcpEnd) -> None:
    device, _ = opened(f"line://127.0.0.1:{server.port}?as=ptdaemon", clock := ManualClock())
    server.accept()
    assert server.heard(20) == b"Go,1000,0,edgewatt\r\n"
    server.send(b"Hello\r\nTime,x,Watts,5,Volts,230,Amps,-1\r\n")
    item = read(device)
    assert isinstance(item, Batch)
    assert item.columns["ptdaemon_main.power_w"].tolist() == [5.0]
    assert np.isnan(item.columns["ptdaemon_main.current_a"][0])
    server.hang_up()
    gap = read(device)
    assert isinstance(gap, Gap)
    assert gap.cause == f"//127.0.0.1:{server.port}: the other side has ended the connection"
    clock.advance(0.5)
    assert isinstance(device.collectors[0].read(0.1), Batch), "not yet"
    clock.advance(0.5)
    back = device.collectors[0].read(0.1)
    assert isinstance(back, Gap)
    assert back.t0_ns == gap.t1_ns
    server.accept()
    assert server.heard(20) == b"Go,1000,0,edgewatt\r\n", "it is started anew"
    server.send(b"ts,6\r\nTime,x,Watts,7,Volts,230,Amps,1\r\n")
    item = read(device)
    assert isinstance(item, Batch)
    assert item.columns["ptdaemon_main.power_w"].tolist() == [7.0]
    device.close()
    assert server.heard(6) == b"Stop\r\n"
    assert device.remarks() == ["meter_reconnected:ptdaemon:1"]


def test_a_port_that_is_pulled_out_is_a_gap_every_second(wire: SerialEnd) -> None:
    device, _ = opened(f"line:{wire.path}?as=watts_up_pro", clock := ManualClock())
    wire.unplug()
    assert isinstance(read(device), Gap)
    for _ in range(3):
        clock.advance(1.0)
        gap = device.collectors[0].read(0.1)
        assert isinstance(gap, Gap)
        assert gap.t1_ns - gap.t0_ns == 1_000_000_000
        assert gap.samples_lost == 1
    device.close()


def test_a_meters_own_time_decides_and_its_reset_is_marked(wire: SerialEnd) -> None:
    uri = f"line:{wire.path}?as=arduino_ina219&boundary=usb_inline"
    device, _ = opened(uri, clock := ManualClock(10_000_000_000))
    wire.send(b"\n1000,5.0,100\n1020,5.0,110\n")
    first = read(device)
    assert isinstance(first, Batch)
    assert first.t_ns.tolist() == [10_000_000_000, 10_000_000_000], "not before it was opened"
    clock.advance(0.5)
    wire.send(b"1510,5.0,120\n1520,5.0,120\n")
    second = read(device)
    assert isinstance(second, Batch)
    assert (np.diff(second.t_ns) == 10_000_000).all()
    clock.advance(1)
    wire.send(b"7,5.0,130\n")
    assert isinstance(read(device), Gap | Batch)
    assert isinstance(read(device), Gap | Batch)
    device.close()
    assert device.remarks() == ["meter_clock_restarted:arduino_ina219:1"]


def test_one_port_is_not_read_twice_and_the_other_is_named(wire: SerialEnd, tmp_path: Path) -> None:
    device = FAMILY.open(parse_uri(f"line:{wire.path}?as=watts_up_pro"))
    link = tmp_path / "by-id"
    link.symlink_to(wire.path)
    with pytest.raises(DeviceError, match=f"serial port {wire.path} is in use by this very run"):
        FAMILY.open(parse_uri(f"line:{link}?as=watts_up_pro"))
    device.close()
    FAMILY.open(parse_uri(f"line:{link}?as=watts_up_pro")).close()


WRONG = {
    "line:ttyUSB0?as=watts_up_pro": "'ttyUSB0' is no address; expected /dev/ttyUSB0 or //HOST:PORT",
    "line://host:99999?as=watts_up_pro": "'//host:99999' is no address",
    "line:/dev/x": "as= is missing, expected a .toml file or one of arduino_ina219, ptdaemon, um25c_bridge, watts_up",
    "line:/dev/x?as=nothing": "meter 'nothing': neither a .toml file nor one of",
    "line:/dev/x?as=scpi_supply": "scpi_supply is read as scpi:..., not as line:...",
    "line:/dev/x?as=arduino_ina219": "boundary is missing; say where the meter is wired in: one of battery_bypass",
    "line:/dev/x?as=watts_up_pro&boundary=here": "boundary is 'here'",
    "line:/dev/x?as=watts_up_pro&baud=fast": "baud is 'fast'",
    "line:/dev/x?as=watts_up_pro&name=My%20Meter": "name is 'My Meter'",
}


@pytest.mark.parametrize("uri", WRONG)
def test_a_wrong_uri_is_refused_in_words(uri: str) -> None:
    with pytest.raises(UsageError) as caught:
        FAMILY.open(parse_uri(uri))
    assert WRONG[uri] in str(caught.value)


def test_what_is_not_there_is_one_line(server: TcpEnd) -> None:
    with pytest.raises(DeviceError, match=r"Watts Up.* at /dev/nothing cannot be reached: .*no such file"):
        FAMILY.open(parse_uri("line:/dev/nothing?as=watts_up_pro"))
    server.unplug()
    with pytest.raises(DeviceError, match="cannot be reached: connection refused"):
        FAMILY.open(parse_uri(f"line://127.0.0.1:{server.port}?as=ptdaemon"))


def test_a_run_has_its_samples_and_its_joules(server: TcpEnd, tmp_path: Path) -> None:
    device = FAMILY.open(parse_uri(f"line://127.0.0.1:{server.port}?as=um25c_bridge"))
    server.accept()
    over = threading.Event()

    def talk() -> None:
        with suppress(OSError):  # it hangs up when the run is over
            while not over.wait(0.05):  # five in a row that are late would be a gap
                server.send(b"5.0,0.5\n")

    server.send(b"V,A\n")
    meter = threading.Thread(target=talk)
    meter.start()
    trace = record(device, tmp_path / "run", seconds=1.0)
    over.set()
    meter.join()
    device.close()
    assert trace.manifest.device["boundary"] == "usb_inline"
    (source,) = trace.sources
    (chunk,) = trace.chunks("um25c_bridge")
    assert len(chunk.t_ns) > 5
    found = energy_of_source(trace, source, chunk.t_ns[:1], chunk.t_ns[-1:])
    assert found.energy_j[0] == pytest.approx(2.5 * (chunk.t_ns[-1] - chunk.t_ns[0]) / 1e9)
