"""An LVPM's commands on the wire, to the byte, and its status."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.monsoon.frames import encode
from edgewatt.collectors.monsoon.serial_meter import SerialMeter, parse_status
from edgewatt.profiler.errors import DeviceError
from tests.monsoon_wire import sample_frame, stream, wire

ASK = bytes.fromhex("0401000005")


def status(output: int = 0xDC, passthrough: int = 2, serial: int = 12431, leds: int = 1, limit: int = 0) -> bytes:
    """A status frame of protocol 16, fields at the offsets of the facts."""
    body = bytearray(58)
    body[0], body[1], body[2] = 0x10, 20, 16
    body[19], body[20], body[21], body[23] = output, 33, 0, leds
    struct.pack_into(">H", body, 25, serial)
    body[27] = 5
    struct.pack_into(">HHHH", body, 28, 0xE000, 0xC800, limit, limit)
    body[43], body[45] = 3, passthrough
    body[55] = 2
    struct.pack_into(">H", body, 56, 17)
    return encode(bytes(body))


def test_the_status_is_read_field_by_field() -> None:
    with wire((ASK, status(limit=512))) as line:
        seen = SerialMeter(line).status()
    assert (seen.model, seen.wire, seen.serial, seen.firmware, seen.protocol, seen.revision) == (
        "lvpm",
        "serial",
        12431,
        20,
        16,
        3,
    )
    assert seen.output_v == pytest.approx(4.20)
    assert seen.passthrough == "auto"
    assert seen.run_limit_a == pytest.approx(8 * (1023 - 512) / 1023, abs=1e-3)
    assert (seen.temperature_c, seen.rate_khz, seen.dac) == (33, 5, (0xE000, 0xC800))
    assert seen.events == {"event": 2, "event_data": 17, "status_bits": 0, "leds": 1}
    assert seen.device_id == "monsoon-lvpm-12431"


def test_a_status_is_found_among_samples_and_garbage() -> None:
    with wire((ASK, b"\x99" + b"".join(stream(3)) + status() + sample_frame(9, [b"\0" * 8])[:10])) as line:
        assert SerialMeter(line).status().serial == 12431


def test_an_output_that_is_off_reads_zero_volts() -> None:
    assert parse_status(status(output=0)[1:-1]).output_v == 0.0


def test_a_voltage_of_aux_terminals_is_told_apart() -> None:
    assert not parse_status(status(leds=9)[1:-1]).voltage_is_main


@pytest.mark.parametrize(
    ("volt", "sent"),
    [(4.2, "040101dce2"), (0.0, "0401010006"), (2.01, "0401010107"), (2.26, "0401011a20"), (4.55, "040101ff05")],
)
def test_every_voltage_is_rounded_not_cut(volt: float, sent: str) -> None:
    with wire((bytes.fromhex(sent), b"")) as line:
        SerialMeter(line).set_voltage(volt)


def test_all_255_settings_are_sent_as_they_are() -> None:
    for step in range(1, 256):
        with wire((encode(bytes([1, 1, step])), b"")) as line:
            SerialMeter(line).set_voltage(round(2 + step / 100, 2))


def test_passthrough_limits_start_and_stop_are_sent_to_the_byte() -> None:
    with wire(
        (bytes.fromhex("0401100015"), b""),
        (encode(b"\x01\x08\xff"), b""),
        (encode(b"\x01\x09\x01"), b""),
        (encode(b"\x01\x0a\xff"), b""),
        (encode(b"\x01\x0b\x01"), b""),
        (bytes.fromhex("04011b0121"), b""),
        (bytes.fromhex("0802ffffffff03e8f1"), b""),
        (bytes.fromhex("03030006"), b"late samples"),
    ) as line:
        meter = SerialMeter(line)
        meter.set_passthrough("off")
        meter.set_current_limits(4.0)
        meter.start()
        meter.stop()


def test_a_port_that_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewatt.collectors.monsoon.serial_meter.ANSWER_S", 0.05)
    with (
        wire((ASK, b"modem\r\n"), (ASK, b"")) as line,
        pytest.raises(DeviceError, match=r"/dev/test: no answer .*7 bytes"),
    ):
        SerialMeter(line).status()


@given(st.binary(min_size=58, max_size=255))
def test_any_body_of_that_length_is_a_status(body: bytes) -> None:
    seen = parse_status(body)
    assert 0 <= seen.serial < 1 << 16
    assert seen.output_v is not None
    assert 0 <= seen.output_v <= 4.55
    assert seen.passthrough
