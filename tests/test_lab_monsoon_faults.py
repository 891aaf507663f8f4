"""What goes wrong with the virtual LVPM on demand, in virtual time."""

import numpy as np
import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.monsoon.faults import fault_names, faults_of
from edgewatt.virtual_lab.monsoon.feeds import Constant
from edgewatt.virtual_lab.monsoon.lvpm import Lvpm
from edgewatt.virtual_lab.monsoon.setup import assembled
from tests.monsoon_decode import START, STATUS_REQUEST, STOP, decode, frames, request, status

S = 1_000_000_000


def started(*faults: str, seed: int = 0) -> Lvpm:
    meter = Lvpm(assembled("lvpm", Constant(0.3), seed=seed, faults=faults))
    assert meter.take(START, 0) == b""
    return meter


def chunks(meter: Lvpm, seconds: float, step_ms: int = 20) -> list[bytes]:
    return [meter.until(k * step_ms * 1_000_000) for k in range(1, round(seconds * 1000 / step_ms) + 1)]


def missing(data: bytes) -> int:
    gaps = np.diff(decode(frames(data)).sequence) % 16 - 1
    return int((gaps % 16).sum())


def test_frames_are_dropped_at_a_rate() -> None:
    whole, fewer = started().until(10 * S), started("drop=0.05").until(10 * S)
    lost = 1 - len(fewer) / len(whole)
    assert lost == pytest.approx(0.05, abs=0.01)
    assert missing(fewer) == pytest.approx(0.05 * 10 * 5000 / 7, rel=0.15)
    (body,) = frames(started("drop=0.05").take(STATUS_REQUEST, 1))
    assert status(body)["event_code"] == 0  # nothing was sent yet
    meter = started("drop=0.05")
    meter.until(S)
    *_, body = frames(meter.take(STOP + STATUS_REQUEST, 2 * S))
    assert status(body)["event_code"] == 2


def test_a_block_of_frames_is_lost() -> None:
    found = started("lost=1.5:0.0101").until(2 * S)
    gaps = (np.diff(decode(frames(found)).sequence) % 16 - 1) % 16
    assert (gaps > 0).sum() == 1
    assert gaps.max() in (7, 8)


def test_checksums_are_wrong_at_a_rate() -> None:
    data, at, wrong, n = started("checksum=0.1").until(5 * S), 0, 0, 0
    while at < len(data):
        length = data[at]
        wrong += (length + sum(data[at + 1 : at + length])) % 256 != data[at + length]
        at, n = at + length + 1, n + 1
    assert wrong / n == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("fault", ["garbage=0.02", "cut=0.02"])
def test_the_stream_loses_its_frames(fault: str) -> None:
    data, whole = started(fault).until(5 * S), started().until(5 * S)
    with pytest.raises((AssertionError, IndexError)):
        decode(frames(data))
    assert (len(data) > len(whole)) == fault.startswith("garbage")
    assert len(data) == pytest.approx(len(whole), rel=0.02)


def test_a_stall_ends_with_what_the_queue_held() -> None:
    parts = chunks(started("stall=1.2:0.5"), 3)
    assert not any(parts[60:84])
    assert 16 * 63 <= len(parts[84]) < 18 * 63
    gaps = (np.diff(decode(frames(b"".join(parts))).sequence) % 16 - 1) % 16
    assert (gaps > 0).sum() == 1


def test_a_host_that_does_not_read_costs_frames() -> None:
    meter = started()
    before = meter.until(S)
    assert meter.until(2 * S, blocked=True) == b""
    after = meter.until(3 * S)
    found = decode(frames(before + after))
    assert (np.diff(found.sequence) % 16 != 1).sum() == 1
    assert len(found.main_a) == pytest.approx(10_000 + 16 * 7, abs=80)


def test_a_silent_meter_says_nothing_for_a_while() -> None:
    meter = started("silent=1:1")
    parts = chunks(meter, 1.5)
    assert not any(parts[51:])
    assert meter.take(STATUS_REQUEST, 1_600_000_000) == b""
    meter.until(3 * S)
    *_, last = frames(meter.take(STOP + STATUS_REQUEST, 3 * S + 1))
    assert status(last)["type"] == 0x10
    mute = Lvpm(assembled("lvpm", Constant(), faults=["mute=1"]))
    assert mute.take(STATUS_REQUEST + START, 0) + mute.until(S) == b""


def test_unplugged_it_stops_and_says_so_after() -> None:
    meter = started("disconnect=1:1")
    parts = chunks(meter, 3)
    assert any(parts[:49])
    assert not any(parts[51:])
    assert not meter.meter.sampling
    *_, last = frames(meter.take(STATUS_REQUEST, 3 * S + 1))
    assert status(last)["event_code"] == 1


def test_a_wrong_dac_gives_other_volts_and_says_odd_constants() -> None:
    meter = Lvpm(assembled("lvpm", Constant(), faults=["dac=1.3"], exact=True, voltage_v=4.0))
    (body,) = frames(meter.take(STATUS_REQUEST, 0))
    found = status(body)
    assert found["setting"] == 200
    assert found["voltage1"] * 125e-6 == pytest.approx(5.2, abs=1e-3)
    assert not 0xD000 < found["dac_low"] < 0xF000
    assert not 0xC000 < found["dac_high"] < 0xD000


def test_overcurrent_on_demand() -> None:
    meter = started("overcurrent=1")
    whole = meter.until(2 * S)
    found = decode(frames(whole))
    assert found.flagged == pytest.approx(5000 / 7, abs=2)
    main_a = np.array(found.main_a)
    assert main_a[:4900].min() > 0.29
    assert np.abs(main_a[5000:]).max() < 1e-3
    assert [one.what for one in meter.meter.log] == ["start", "overcurrent"]
    meter.take(request(1, 1, 200), 2 * S)  # it can be switched on again
    volts = decode(frames(whole + meter.until(3 * S))).volts
    assert np.mean(volts[-4900:]) > 3.9


def test_a_status_comes_unasked_after_a_stop() -> None:
    meter = started("unsolicited=1")
    *_, last = frames(meter.take(STOP, S))
    assert status(last)["status"] & 0x18 == 0x18
    *_, last = frames(meter.take(STOP, 2 * S))
    assert status(last)["status"] & 0x18 == 0x10


def test_faults_change_while_it_samples() -> None:
    meter = started()
    whole = meter.until(S)
    meter.meter.faults.drop = 1.0
    assert meter.until(2 * S) == b""
    meter.meter.faults.drop = 0.0
    assert len(meter.until(3 * S)) == pytest.approx(len(whole), rel=0.02)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("drop", "a number"),
        ("drop=x", "a number"),
        ("drop=-1", "a number"),
        ("drop=nan", "a number"),
        ("stall=1:2:3", "AT_S"),
        ("stall=", "AT_S"),
        ("mute=2", "NAME=1"),
        ("dropped=70000", "65535"),
        ("colour=red", "unsolicited"),
        ("", "unsolicited"),
    ],
)
def test_a_fault_that_is_none_is_named(word: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        faults_of([word])


def test_every_fault_can_be_asked_for() -> None:
    windows = {"lost", "stall", "silent", "disconnect"}
    words = [f"{name}={'1:0.5' if name in windows else '1'}" for name in fault_names()]
    found = faults_of(words)
    assert found.mute is True
    assert found.stall.holds(1.2)
    assert not found.stall.holds(1.5)
    assert faults_of(["silent=3"]).link(1e6) == "silent"
    assert faults_of(["silent=3"]).link(2.9) == "up"
