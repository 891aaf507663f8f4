"""What hangs on a virtual meter, and that what it reads is what was drawn."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.monsoon.feeds import Constant, Feed, Outlet, Resistor, Supplied, drawn, feed_of
from edgewatt.virtual_lab.monsoon.lvpm import Lvpm
from edgewatt.virtual_lab.monsoon.phone import OfPhone
from edgewatt.virtual_lab.monsoon.prepared import lvpm_bytes, usb_packets
from edgewatt.virtual_lab.monsoon.setup import assembled
from edgewatt.virtual_lab.phone.anatomy import BATTERY
from edgewatt.virtual_lab.phone.truth import read_truth
from edgewatt.virtual_lab.power.domains import Device, Domain, Load, at_the_supply
from edgewatt.virtual_lab.power.load import loop, pulses
from edgewatt.virtual_lab.power.timeline import Timeline
from tests.monsoon_decode import START, decode, entries, frames

S = 1_000_000_000
ON = Outlet(4.0, usb=False)


def timeline() -> Timeline:
    cpu = Domain("cpu", idle_w=0.3, full_w=2.0, rise_s=0.02, fall_s=0.01, efficiency=0.9)
    made = Timeline(Device((cpu,), (Load("net", {"cpu": 1.0}),), boundaries=(at_the_supply("battery", (cpu,), 0.05),)))
    made.record(pulses("net", *loop(np.random.default_rng(1), S, 60, latency_s=0.02, spread=0.1, gap_s=0.01)))
    return made


def test_the_meters_joules_are_the_timelines() -> None:
    truth = timeline()
    meter = Lvpm(assembled("lvpm", Supplied(truth, "battery"), exact=True, seed=5))
    meter.take(START, 0)
    found = decode(frames(meter.until(4 * S)))
    slots = meter.slots
    assert slots is not None
    # Data entries and calibrations both take a slot; the data's energy and what passed during calibrations.
    cut = [kind for kind in found.kinds if kind]
    energy_j = np.sum(np.array(found.main_a) * np.array(found.volts)) * slots.period_ns * 1e-9
    idle_j = len(cut) * 2 * slots.period_ns * 1e-9 * float(truth.power_w(0, "battery"))
    assert energy_j == pytest.approx(float(truth.energy_j(0, 4 * S, "battery")) - idle_j, rel=2e-3)
    assert np.ptp(found.main_a) > 0.3


def test_a_timeline_is_seen_exactly_and_behind_its_leads() -> None:
    truth = timeline()
    edges_ns = np.linspace(0, 3 * S, 15_001).astype(np.int64)
    seen = Supplied(truth, "battery").seen(edges_ns, ON)
    energy_j = np.sum(seen.main_a * seen.main_v * np.diff(edges_ns)) * 1e-9
    assert energy_j == pytest.approx(float(truth.energy_j(0, 3 * S, "battery")), rel=1e-9)
    leads = Supplied(truth, "battery", lead_ohm=0.1).seen(edges_ns, ON)
    lost_w = leads.main_a**2 * 0.1
    assert np.allclose(leads.main_a * leads.main_v - lost_w, seen.main_a * seen.main_v)


def test_usb_supplies_what_it_can() -> None:
    power_w = np.array([1.0, 4.0])
    both = drawn(power_w, Outlet(4.0, usb=True))
    assert both.usb_a.tolist() == [0.2, 0.5]
    assert both.main_a.tolist() == [0.0, 0.375]
    assert drawn(power_w, Outlet(4.0, usb=False)).main_a.tolist() == [0.25, 1.0]
    off = drawn(power_w, Outlet(0.0, usb=False))
    assert (off.main_a.tolist(), off.main_v.tolist()) == ([0, 0], [0, 0])


@pytest.mark.parametrize("feed", [Constant(0.5, usb_a=0.1, aux_v=3.0), Resistor(8.0)])
def test_a_feed_is_made_again_from_its_words(feed: Feed) -> None:
    again = feed_of(json.loads(json.dumps(feed.to_json())))
    assert again == feed
    assert Supplied(timeline(), "battery").to_json() is None
    with pytest.raises(ValueError, match="no feed"):
        feed_of({"battery": {}})


def log_of_a_phone(path: Path) -> list[str]:
    """A phone that begins to work 2 s after its origin and ends at 3 s."""
    head = {"personality": "pixel", "quirks": [], "seed": 1, "origin_ns": 10 * S}
    changes = [["load", "cpu2", 12 * S, 1.0], ["frequency", "cpu2", 12 * S, 2.8e9], ["load", "cpu2", 13 * S, 0.0]]
    lines = [json.dumps(head), *(json.dumps({"change": one}) for one in changes)]
    lines.insert(2, json.dumps({"edge": "busy", "happened_ns": 12 * S, "logged_ns": 12 * S, "used_ns": 12 * S}))
    path.write_text(lines[0] + "\n")
    return lines[1:]


def test_a_phone_is_followed_as_its_log_grows(tmp_path: Path) -> None:
    path = tmp_path / "log"
    rest = log_of_a_phone(path)
    phone = feed_of(json.loads(json.dumps(OfPhone(str(path)).to_json())))
    seconds = [phone.seen(np.arange(10, 12) * S, ON).main_a, phone.seen(np.arange(11, 13) * S, ON).main_a]
    with path.open("a") as log:
        half = len(rest[0]) // 2
        log.write(rest[0][:half])
        log.flush()
        assert phone.seen(np.array([12 * S, 12 * S + 1]), ON).main_a.shape == (1,)
        log.write(rest[0][half:] + "\n" + "\n".join(rest[1:]) + "\n")
    seconds += [phone.seen(np.arange(k, k + 2) * S + 1, ON).main_a for k in (12, 13)]
    truth = read_truth(path)
    for k, main_a in enumerate(seconds):
        begun_ns = (10 + k) * S + (k > 1)
        assert main_a[0] * 4.0 == pytest.approx(truth.energy_j(begun_ns, begun_ns + S, BATTERY), rel=1e-5)
    assert seconds[2][0] > 2 * seconds[1][0]
    path.unlink()
    assert phone.seen(np.arange(20, 22) * S, ON).main_a.tolist() == [0.0]


def test_what_is_no_log_of_a_phone_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for text in ("", "{}", '{"personality": "none", "quirks": []}', "[1]", "\xff"):
        path.write_text(text)
        with pytest.raises(UsageError):
            OfPhone(str(path))
    shutil.rmtree(tmp_path)
    with pytest.raises(FileNotFoundError):
        OfPhone(str(path))


def test_prepared_streams_hold_as_many_samples_as_were_asked_for() -> None:
    data, calibrations = entries(lvpm_bytes(20_000))
    assert 20_000 <= data < 20_500
    assert calibrations >= 20
    packets = usb_packets(20_000)
    assert 20_000 <= sum(one[3] for one in packets) < 20_500
    assert lvpm_bytes(100, seed=1) != lvpm_bytes(100, seed=2)
    assert len(usb_packets(300, "lvpm")[0]) == 58
