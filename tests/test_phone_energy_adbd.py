"""Joules of a model on a phone over the real adbd, against what the phone knows: its rails and its battery's gauge."""

from pathlib import Path
from typing import Any

import pytest

from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.profiler.device import opened_devices
from edgewatt.profiler.protocols import WorkloadRequest
from edgewatt.profiler.running.profile import ProfileOptions, profile
from tests.adbd.running import PeerPhone
from tests.stub_runner import SCRIPT

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

ITERATIONS = 500
OPTIONS = ProfileOptions(repeats=3, seconds=3.0, idle_s=3.0, warmup_limit_s=0.5)
# The load of a generated phone is a file; its power follows within a period of its kernel (30 ms).
BUSY = "  echo 1 >/data/phone/load; sleep $s; echo 0 >/data/phone/load\n"
# A 95 % interval misses the truth in one of twenty runs; three times its half-width in none of a thousand.
WIDER = 3.0
EDGES = 0.01


def rows(peer: PeerPhone, tmp_path: Path) -> dict[str, dict[str, Any]]:
    """The results by energy source; `took_s` is the mean length of a measured window."""
    runner = tmp_path / "benchmark_model"
    runner.write_text(SCRIPT.replace("  sleep $s\n", BUSY).replace("count=$n first", f"count={ITERATIONS} first"))
    request = WorkloadRequest(bundled_model(), options={"runner": runner})
    with opened_devices(peer.uri) as (device, _):
        trace = profile(device, request, tmp_path / "run", options=OPTIONS)
    results, repeats = trace.results(), trace.repeats()
    assert results is not None
    assert repeats is not None
    spans_s = {(r["t1_ns"] - r["t0_ns"]) / 1e9 for r in repeats.to_pylist()}
    return {row["energy_source"]: {**row, "took_s": sum(spans_s) / len(spans_s)} for row in results.to_pylist()}


def check(row: dict[str, Any], idle_w: float, busy_w: float, narrow: float) -> None:
    """Gross and net hold the truth, within an interval that is not wider than `narrow` of it."""
    for kind, power_w in (("gross", busy_w), ("net", busy_w - idle_w)):
        true_j = power_w * row["took_s"] / ITERATIONS
        found_j = row[f"energy_{kind}_j_mean"]
        half_j = (row[f"energy_{kind}_j_high"] - row[f"energy_{kind}_j_low"]) / 2
        assert abs(found_j - true_j) <= WIDER * half_j + EDGES * true_j, (row["energy_source"], kind)
        assert half_j < narrow * true_j, (row["energy_source"], kind)
        assert row[f"energy_{kind}_j_accuracy_low"] is None, "nobody stated its gain"


def test_rails_and_gauge_of_a_pixel(pixel: PeerPhone, tmp_path: Path) -> None:
    found = rows(pixel, tmp_path)
    rails_w = pixel.truth.rails_w
    clusters = [rails_w[name] for name in ("S2M_VDD_CPUCL2", "S3M_VDD_CPUCL1", "S4M_VDD_CPUCL0")]
    check(found["phone/cpu"], sum(c[0] for c in clusters), sum(c[1] for c in clusters), 0.05)
    check(found["phone/gpu"], *rails_w["S2S_VDD_G3D"], 0.05)
    check(found["phone/memory_interface"], *rails_w["S1M_VDD_MIF"], 0.05)
    check(found["phone/battery"], *pixel.truth.battery_w, 0.5)
    assert {row["energy_boundary"] for row in found.values()} == {"rail", "gauge"}


@pytest.mark.long
def test_gauge_in_milliampere_that_counts_the_other_way(xiaomi_ma: PeerPhone, tmp_path: Path) -> None:
    check(rows(xiaomi_ma, tmp_path)["phone/battery"], *xiaomi_ma.truth.battery_w, 0.5)


def test_energy_of_a_phone_that_charges_is_blank_and_says_why(xiaomi_ma: PeerPhone, tmp_path: Path) -> None:
    xiaomi_ma.set_state("plugged", "1")
    found = rows(xiaomi_ma, tmp_path)
    (row,) = found.values()
    assert row["energy_source"] is None
    assert row["energy_gross_j_mean"] is None
    assert any("it charges" in reason for reason in row["quality_reasons"])
    assert row["latency_s_mean"] == pytest.approx(0.002)
