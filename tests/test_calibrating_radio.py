"""Radio by measured signal strength, tails, and exchanges with another machine."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.calibrating.fit import calibration_of
from edgewatt.profiler.calibrating.least_squares import solve
from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.offload import offload_rows
from edgewatt.profiler.calibrating.power import PowerFit
from edgewatt.profiler.calibrating.power_design import Design, Term, warmed_k
from edgewatt.profiler.calibrating.radio import radio_rows
from edgewatt.profiler.calibrating.radio_tail import stepped_down
from edgewatt.profiler.calibrating.values import Row
from edgewatt.profiler.collecting.load import Load
from edgewatt.profiler.storage.trace import Trace
from tests.calibrating_runs import METER, Step, recorded, truth_of
from tests.calibrating_windows import observation

IDLE_W, PIVOT = 0.8, -60.0
# ln(W) and ln(B/s) at -60 dBm, and per dB.
SEND, RATE = (-0.2, -0.02), (15.0, 0.05)
WLAN = {"interface": "wlan0"}

RADIO = ("send", "receive")


def windows(
    seed: int, places: Sequence[float], *, spread: float = 0.02, gain_rel: float | None = None
) -> list[Observation]:
    """Idle, send, idle, receive at each place, six times: strengths, powers and rates vary from window to window."""
    rng = np.random.default_rng(seed)
    gain = 1 + (gain_rel or 0.0) * rng.standard_normal()
    found: list[Observation] = []
    for place in places:
        for _ in range(6):
            for kind, key in (("send", "sent_b"), ("receive", "received_b")):
                rssi = place + rng.uniform(-1, 1)
                watts, rate = (
                    np.exp(of[0] + of[1] * (rssi - PIVOT) + spread * rng.standard_normal()) for of in (SEND, RATE)
                )
                fields: dict[str, Any] = {"step": "radio", "gain_rel": gain_rel, "asked": WLAN}
                idle_w = IDLE_W + 0.003 * rng.standard_normal()
                found.append(observation(len(found), "idle", gain * idle_w, **fields))
                seen = {key: rate * 10.0}
                found.append(observation(len(found), kind, gain * (IDLE_W + watts), rssi_dbm=rssi, seen=seen, **fields))
    return [*found, observation(len(found), "idle", gain * IDLE_W, step="radio", gain_rel=gain_rel)]


def terms(rows: Sequence[Row], fit: str) -> dict[str, Row]:
    return {row["term"]: row for row in rows if row["fit"] == fit}


def at(of: tuple[float, float], rssi: float) -> float:
    return of[0] + of[1] * (rssi - PIVOT)


def near(one: Observation, middle: float) -> bool:
    return one.rssi_dbm is not None and abs(one.rssi_dbm - middle) < 2.5


def mean_at(of: tuple[float, float], rssi: Sequence[float | None]) -> float:
    """Of the signals that the windows of a bin had."""
    return float(np.mean([np.exp(at(of, one)) for one in rssi if one is not None]))


def hits(seed: int) -> list[bool]:
    rows = radio_rows(windows(seed, (-50, -61, -72), gain_rel=0.02), [METER], {}, {}).rows["fits"]
    found = []
    for fit, of in (("radio_send", SEND), ("radio_receive_rate", RATE)):
        line = terms(rows, fit)
        for term, true in (("ln_slope", of[1]), ("ln_level", at(of, line["pivot"]["value"]))):
            found.append(line[term]["low"] <= true <= line[term]["high"])
    return found


def test_the_slope_over_the_signal_is_found() -> None:
    found = np.asarray([hits(seed) for seed in range(5)])
    assert float(found.mean()) >= 0.8


def test_a_fit_says_from_where_to_where_it_holds() -> None:
    rows = radio_rows(windows(0, (-50, -61, -72)), [METER], {}, {}).rows
    line = terms(rows["fits"], "radio_send")["ln_slope"]
    assert (line["of"], line["energy_source"], line["over"]) == ("wlan0", METER, "rssi_dbm")
    assert -73 <= line["valid_low"] <= -71
    assert -51 <= line["valid_high"] <= -49


def test_bins_are_of_what_was_measured() -> None:
    seen = windows(0, (-52.5, -62.5))
    rows = radio_rows(seen, [METER], {}, {}).rows["radio"]
    assert [(row["rssi_low_dbm"], row["rssi_high_dbm"]) for row in rows] == [(-65.0, -60.0), (-55.0, -50.0)]
    for row, middle in zip(rows, (-62.5, -52.5), strict=True):
        here = {kind: [one.rssi_dbm for one in seen if one.kind == kind and near(one, middle)] for kind in RADIO}
        assert row["send_low_w"] < mean_at(SEND, here["send"]) < row["send_high_w"]
        assert row["receive_low_b_per_s"] < mean_at(RATE, here["receive"]) < row["receive_high_b_per_s"]
        assert row["radio_idle_w"] is None
        assert row["observations_n"] == 12


def test_one_strength_gives_a_bin_and_no_slope() -> None:
    found = radio_rows(windows(0, (-52.5,)), [METER], {}, {})
    assert len(found.rows["radio"]) == 1
    assert "fits" not in found.rows
    assert any("no slope" in note and "measure at 3 or more" in note for note in found.notes)


def test_a_strength_that_nobody_measured_is_left_out() -> None:
    seen = [observation(k, "send", 2.0, step="radio", asked=WLAN, seen={"sent_b": 1000}) for k in range(3)]
    found = radio_rows(seen, [METER], {}, {})
    assert found.rows == {}
    assert found.notes == ["radio: 3 windows are left out, as nobody measured their signal strength"]


def test_round_trips_are_pooled_in_a_bin() -> None:
    trips = [
        observation(k, "exchange", 1.0, step="radio", asked=WLAN, rssi_dbm=-52, seen={"rtt_s": [0.01, 0.03]})
        for k in (0, 1)
    ]
    row = radio_rows(trips, [METER], {}, {}).rows["radio"][0]
    assert row["rtt_p50_s"] == pytest.approx(0.02)
    assert row["rtt_p95_s"] == pytest.approx(0.03)


def test_a_step_down_is_found_and_noise_is_none() -> None:
    rng = np.random.default_rng(0)
    flat = 1 + 0.01 * rng.standard_normal((5, 60))
    tail = flat.copy()
    tail[:, :13] += 0.2
    found = stepped_down(tail, 0.1, (0.05,))
    assert isinstance(found, tuple)
    assert [of.value for of in found] == pytest.approx([1.3, 0.2], abs=0.05)
    for of, true in zip(found, (1.3, 0.2), strict=True):
        assert (of.low or 0) < true < (of.high or 0)
    assert stepped_down(flat, 0.1, (0.05,)) is None


def test_a_tail_that_is_no_step_has_no_length() -> None:
    rng = np.random.default_rng(0)
    flat = 1 + 0.001 * rng.standard_normal((3, 60))
    falling, short = flat + 0.3 * np.exp(-np.arange(60) / 5), flat.copy()
    short[:, :2] += [0.2, 0.1]
    assert "one step" in str(stepped_down(falling, 0.1, (0.05,)))
    assert "length and power are one" in str(stepped_down(short, 0.1, (0.05,)))


def test_rates_without_a_source_of_power() -> None:
    """A meter that saw none of the transfers still leaves what they moved, and how fast."""
    seen = {"sent_b": 10_000_000, "rtt_s": [0.01]}
    sent = [observation(k, "send", None, step="radio", asked=WLAN, rssi_dbm=-52, seen=seen) for k in (0, 1)]
    row = radio_rows(sent, [METER], {}, {}).rows["radio"][0]
    assert row["send_b_per_s"] == pytest.approx(1e6)
    assert row["rtt_p50_s"] == pytest.approx(0.01)
    assert row["send_w"] is None
    assert row["energy_source"] is None


def test_idle_of_a_radio_is_compared_at_its_warmth() -> None:
    """Of a cooler run the leakage is less, which is not the radio's."""
    base = Design((Term("base"), Term("leakage")), (), 36.0)
    x = np.asarray([[1, warmed_k(away)] for away in (-2, 0, 2)])
    fit = solve(x, 0.6 + 0.005 * x[:, 1], np.full(3, 1e-4))
    power = PowerFit(METER, "battery_bypass", base, fit, (), np.zeros((0, 2)), None, 0.0)
    cool_w = 0.6 + 0.005 * warmed_k(-2)
    idle = [
        observation(k, "idle", cool_w + 0.0001 * (k % 2), temperature_c=34.0, step="radio", rssi_dbm=-52)
        for k in range(4)
    ]
    sent = observation(4, "send", 1.0, step="radio", asked=WLAN, rssi_dbm=-52, seen={"sent_b": 10})
    row = radio_rows([*idle, sent], [METER], {METER: power}, {}).rows["radio"][0]
    assert row["radio_idle_w"] == pytest.approx(0.0, abs=2e-4)
    assert row["radio_idle_low_w"] < 5e-5 < row["radio_idle_high_w"]


def test_recorded_transfers_with_their_tails(tmp_path: Path) -> None:
    idle = Step(Load("idle", 8.0, address="h:1"), step="radio", asked=WLAN)
    plan = [idle]
    for rssi in (-51, -52, -61, -62, -72, -71):
        seen = {"rssi_dbm": [rssi, rssi], "sent_b": int(np.exp(at(RATE, rssi)) * 6)}
        watts = float(np.exp(at(SEND, rssi)))
        plan += [
            Step(Load("send", 6.0, address="h:1"), step="radio", asked=WLAN, seen=seen, watts=watts, tail=(1.5, 0.3)),
            idle,
        ]
    run = recorded(tmp_path / "r", truth_of(0, leakage_w_per_k=0.0, gain_rel=None), plan, 0)
    found = calibration_of([Trace.open(run)])
    rows = found.rows("radio")
    assert len(rows) == 3
    assert {row["energy_source"] for row in rows} == {METER}
    for row in rows:
        assert row["tail_s"] == pytest.approx(1.5, abs=0.2)
        assert row["tail_w"] == pytest.approx(0.3, abs=0.05)
    line = {row["term"]: row for row in found.rows("fits", fit="radio_send")}
    assert line["ln_slope"]["value"] == pytest.approx(SEND[1], abs=0.003)


def exchanges(seed: int, sent_b: int, *, flat: bool = False) -> list[Observation]:
    rng = np.random.default_rng(seed)
    found: list[Observation] = []
    for _ in range(4):
        n, asked = 20, {"sent_b": sent_b, "received_b": 1000, "to": "server", **WLAN}
        times = {"send_s": (0.1, sent_b), "remote_s": (0.05, 0), "receive_s": (0.02, 0)}
        seen: dict[str, Any] = {
            part: [of * (1 + 0.02 * rng.standard_normal()) + b / 1e7 for _ in range(n)]
            for part, (of, b) in times.items()
        }
        seen |= {"exchanges_n": n}
        if flat:
            asked = seen = {**asked, **seen, "sent_b": n * sent_b, "received_b": n * 1000}
        found.append(observation(len(found), "idle", IDLE_W + 0.002 * rng.standard_normal(), step="offload"))
        power_w = IDLE_W + 0.5 + 0.005 * rng.standard_normal()
        found.append(observation(len(found), "exchange", power_w, step="offload", rssi_dbm=-52, asked=asked, seen=seen))
    return found


@pytest.mark.parametrize("flat", [False, True])
def test_exchanges_by_size(flat: bool) -> None:  # noqa: FBT001
    seen = [*exchanges(0, 10_000, flat=flat), *exchanges(1, 1_000_000, flat=flat)]
    rows = offload_rows(seen, [METER]).rows["offload"]
    assert [(row["sent_b"], row["received_b"], row["to"]) for row in rows] == [
        (10_000, 1000, "server"),
        (1_000_000, 1000, "server"),
    ]
    for row, send_s in zip(rows, (0.101, 0.2), strict=True):
        assert row["send_low_s"] < send_s < row["send_high_s"]
        assert row["send_high_s"] - row["send_low_s"] < 0.01
        assert row["remote_s"] == pytest.approx(0.05, rel=0.02)
        assert row["energy_low_j"] < 0.5 * 10 / 20 < row["energy_high_j"]
        assert row["observations_n"] == 80


@pytest.mark.long
@pytest.mark.timeout(900)
def test_coverage_of_radio_over_many_seeds() -> None:
    found = np.asarray([hits(seed) for seed in range(1000)])
    print(found.mean(axis=0))
    assert 0.93 <= float(found.mean()) <= 0.97
    assert all(0.90 <= of <= 0.99 for of in found.mean(axis=0))
