"""The serial LVPM of the virtual lab, byte by byte and in virtual time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.virtual_lab.monsoon.feeds import Constant, Resistor
from edgewatt.virtual_lab.monsoon.lvpm import Lvpm
from edgewatt.virtual_lab.monsoon.setup import assembled
from tests.monsoon_decode import START, STATUS_REQUEST, STOP, decode, entries, frames, request, status

S = 1_000_000_000
FEED = Constant(0.75, usb_a=0.012, aux_a=0.2)


def lvpm(feed: Constant | Resistor = FEED, **how: object) -> Lvpm:
    return Lvpm(assembled("lvpm", feed, **how))  # type: ignore[arg-type]


def ask(meter: Lvpm, t_ns: int = 0) -> dict[str, int]:
    (body,) = frames(meter.take(STATUS_REQUEST, t_ns))
    return status(body)


def test_the_status_has_every_field() -> None:
    meter = lvpm(seed=3)
    found = ask(meter)
    assert found["serial"] == meter.meter.build.serial
    assert (found["type"], found["firmware"], found["protocol"], found["khz"]) == (0x10, 20, 16, 5)
    assert found["setting"] == 200  # 2.00 V + 2.00 V
    assert found["voltage1"] * 125e-6 == pytest.approx(4.0, abs=0.02)
    assert found["passthrough"] == 2
    assert (found["power_up_limit"], found["run_limit"]) == (0, 0)  # 8 A
    assert found["main_coarse"] > found["usb_coarse"]
    assert 0xD000 < found["dac_low"] < 0xF000
    assert 0xC000 < found["dac_high"] < 0xD000
    assert (found["leds"] & 1, found["status"]) == (1, 0)
    assert found["temperature"] > 0
    assert found["event_code"] == 0


def test_what_is_set_is_told_and_logged() -> None:
    meter = lvpm()
    raw = 1023 - int(3 / 8 * 1023)
    said = b"".join(
        [
            request(1, 1, 0xDC),
            request(1, 0x10, 0),
            request(1, 0x0A, raw & 0xFF),
            request(1, 0x0B, raw >> 8),
            request(1, 0x08, 1),
            request(1, 0x09, 2),
        ]
    )
    assert meter.take(said, 5) == b""
    found = ask(meter, S)
    assert (found["setting"], found["passthrough"], found["run_limit"], found["power_up_limit"]) == (0xDC, 0, raw, 513)
    assert found["voltage1"] * 125e-6 == pytest.approx(4.2, abs=0.02)
    assert [one.what for one in meter.meter.log] == ["voltage_v", "passthrough", "run_limit_a", "power_up_limit_a"]
    assert meter.meter.log[0].value == pytest.approx(4.2)
    assert meter.meter.log[0].t_ns == 5
    meter.take(request(1, 1, 0), S)
    off = ask(meter, 2 * S)
    assert (off["setting"], off["leds"] & 1, off["status"] & 1) == (0, 0, 1)
    assert off["voltage1"] < 10


def test_every_voltage_is_read_back() -> None:
    meter = lvpm(exact=True)
    for value in range(1, 256):
        meter.take(request(1, 1, value), 0)
        assert meter.meter.voltage_v == pytest.approx(2 + value / 100)
        assert ask(meter)["setting"] == value


@pytest.mark.parametrize("main_a", [0.0, 0.0005, 0.02, 0.04, 0.1, 0.75, 3.0])
def test_the_documented_scaling_gives_the_current(main_a: float) -> None:
    meter = lvpm(Constant(main_a, usb_a=0.012, aux_a=0.2), exact=True, passthrough=1, seed=8)
    meter.take(START, 0)
    found = decode(frames(meter.until(2 * S)))
    assert np.mean(found.main_a) == pytest.approx(main_a, rel=1e-3, abs=5e-6 if main_a < 0.043 else 4e-4)
    assert np.mean(found.usb_a) == pytest.approx(0.012, rel=1e-3)
    assert np.mean(found.aux_a) == pytest.approx(0.2, rel=3e-3)
    assert np.mean(found.volts) == pytest.approx(4.0, abs=1e-3)
    assert np.std(found.main_a) > 0


def test_calibrations_come_first_and_every_second() -> None:
    meter = lvpm()
    meter.take(START, 0)
    kinds = decode(frames(meter.until(4 * S))).kinds
    assert kinds[:11] == [1, 2] * 5 + [0]
    at = [k for k, kind in enumerate(kinds) if kind == 1][5:]
    assert len(at) == 3
    assert set(np.diff(at)) == {5000 // 7 + 3}  # the frame that has begun is finished, then the pair
    assert all(kinds[k + 1] == 2 for k in at)


def test_the_sequence_counts_every_frame_and_wraps() -> None:
    meter = lvpm()
    meter.take(START, 0)
    sequence = decode(frames(meter.until(2 * S))).sequence
    assert set((np.diff(sequence)) % 16) == {1}


def test_the_bytes_do_not_depend_on_how_they_are_asked_for() -> None:
    at_once, in_parts = lvpm(seed=4), lvpm(seed=4)
    for meter in (at_once, in_parts):
        meter.take(START, 7)
    rng = np.random.default_rng(0)
    whens = np.append(np.sort(rng.integers(8, 3 * S, 400)), 3 * S)
    assert b"".join(in_parts.until(int(t)) for t in whens) == at_once.until(3 * S)


def test_samples_follow_the_meters_own_clock() -> None:
    meter = lvpm(seed=2)
    drift_ppm = meter.meter.build.drift_ppm
    assert abs(drift_ppm) > 1
    meter.take(START, 0)
    assert sum(entries(meter.until(200 * S))) == pytest.approx(1e6 * (1 + drift_ppm * 1e-6), abs=8)
    free = Lvpm(assembled("lvpm", FEED, seed=2), calibration_slots=False)
    free.take(START, 0)
    assert entries(free.until(200 * S))[0] == pytest.approx(1e6 * (1 + drift_ppm * 1e-6), abs=8)


def test_it_stops_when_told_and_after_what_was_asked_for() -> None:
    meter = lvpm()
    meter.take(START, 0)
    meter.take(STOP, S)
    assert meter.until(3 * S) == b""
    meter.take(request(2, 0, 0, 0, 70, 0x03, 0xE8), 4 * S)
    assert len(decode(frames(meter.until(6 * S))).main_a) == 70
    assert not meter.meter.sampling


def test_the_output_off_draws_nothing_and_passthrough_auto_ends_with_sampling() -> None:
    meter = lvpm(exact=True)
    meter.take(request(1, 1, 0) + START, 0)
    found = decode(frames(meter.until(S)))
    assert max(np.abs(found.main_a)) < 5e-5
    assert max(found.volts) < 2e-3
    assert max(np.abs(found.usb_a)) < 5e-5
    assert ask(meter, S)["passthrough"] == 2


def test_a_change_while_it_samples_counts_from_that_instant() -> None:
    meter = lvpm(Resistor(10.0), exact=True)
    meter.take(START, 0)
    out = meter.take(request(1, 1, 100), S) + meter.until(2 * S)
    volts = np.array(decode(frames(out)).volts)
    jump = int(np.argmax(volts < 3.5))
    assert jump == pytest.approx(5000 - 20, abs=8)
    assert volts[jump:].max() < 3.01


def test_too_much_current_ends_it() -> None:
    meter = lvpm(Constant(2.0), exact=True)
    meter.take(request(1, 0x0A, 0xFF) + request(1, 0x0B, 3) + START, S)  # 0 A
    found = decode(frames(meter.until(2 * S)))
    assert found.flagged > 700
    assert np.median(np.abs(found.main_a)) < 1e-4
    after = ask(meter, 2 * S)
    assert (after["leds"] & 3, after["status"] & 2) == (2, 2)
    meter.take(request(1, 0x0A, 0) + request(1, 0x0B, 0) + request(1, 1, 200) + STOP, 3 * S)
    assert ask(meter, 4 * S)["leds"] & 3 == 1


def test_a_bad_checksum_is_told_once() -> None:
    meter = lvpm()
    assert meter.take(bytes.fromhex("0401000006"), 0) == b""
    assert ask(meter)["status"] & 4
    assert not ask(meter)["status"] & 4
    meter.take(request(0x55, 1), 0)
    assert ask(meter)["status"] & 0x40


def test_a_frame_that_is_never_finished_is_forgotten() -> None:
    meter = lvpm()
    assert meter.take(b"\xff\x01", 0) == b""
    assert ask(meter, S)["type"] == 0x10


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_are_survived(pieces: list[bytes]) -> None:
    meter = lvpm()
    out = b"".join(meter.take(piece, k * 3_000_000) for k, piece in enumerate(pieces))
    for body in frames(out):
        assert body[0] == 0x10 or body[0] & 0x20
    meter.take(STOP, 100 * S)
    assert ask(meter, 102 * S)["serial"] == meter.meter.build.serial


def test_gains_are_drawn_from_what_is_stated() -> None:
    gains = np.array([assembled("lvpm", FEED, seed=seed).build.main.gain for seed in range(300)])
    assert gains.std() == pytest.approx(0.005, rel=0.15)
    assert gains.mean() == pytest.approx(1, abs=0.001)
    meter = lvpm(seed=11)
    meter.take(START, 0)
    build = meter.meter.build
    said = np.mean(decode(frames(meter.until(10 * S))).main_a)
    assert abs(build.main.gain - 1) > 1e-3
    assert said == pytest.approx(0.75 * build.main.gain + build.main.coarse.offset_a, rel=5e-4)


def test_ten_minutes_are_all_there() -> None:
    meter = lvpm(seed=1)
    meter.take(START, 0)
    size = len(meter.until(600 * S))
    frames_wanted = (3_000_000 - 4 * 604) / 7
    assert size == pytest.approx(63 * frames_wanted + 604 * 2 * 23, rel=1e-4)
