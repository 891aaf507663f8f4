"""A phone and a meter on one timeline: joules of the meter beside the truth, and of a meter on another phone none."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from edgewatt.cli import main
from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.profiler.device import open_device, opened_devices
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import WorkloadRequest
from edgewatt.profiler.running.profile import ProfileOptions, profile
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.truth import truth_of
from edgewatt.virtual_lab.monsoon.phone import OfPhone
from edgewatt.virtual_lab.monsoon.serve import lvpm_on_pty
from edgewatt.virtual_lab.phone.lab import phone_lab

pytestmark = [pytest.mark.peer, pytest.mark.timeout(240)]

OPTIONS = ProfileOptions(repeats=2, seconds=2.0, idle_s=2.0, warmup_limit_s=0.5, thermal_limit_s=0.0)
# The gain of a virtual meter is drawn with 0.5 %, that of its voltage with 0.1 %: four of both.
GAIN = 0.021


def of_meter(trace: Trace) -> dict[str, Any]:
    results = trace.results()
    assert results is not None
    return {**next(row for row in results.to_pylist() if row["energy_source"] == "monsoon/main")}


def test_joules_of_the_meter_lie_beside_the_truth(tmp_path: Path) -> None:
    with opened_devices("virtual:bench?seed=4") as (device, meters):
        assert [meter.simulated for meter in meters] == [True]
        trace = profile(device, WorkloadRequest(bundled_model()), tmp_path / "run", meters=meters, options=OPTIONS)
    row = of_meter(trace)
    assert row["simulated"]
    assert row["energy_boundary"] == "battery_bypass"
    assert [window.name for window in trace.windows("sync/")] == ["sync/start", "sync/end"]
    assert "monsoon/main~phone.boottime" in trace.manifest.clocks
    known = truth_of(trace)
    for repeat in known.repeats:
        if repeat["energy_source"] == "monsoon/main":
            truth_j = known.energy_j(repeat)
            assert truth_j is not None
            assert repeat["energy_gross_j"] == pytest.approx(truth_j, rel=GAIN)
            assert repeat["coverage"] > 0.999
    assert not [p for p in psutil.Process().children(recursive=True) if "lab" in p.cmdline()]


@pytest.mark.long
def test_a_meter_on_another_phone_gives_no_joules(tmp_path: Path) -> None:
    with phone_lab("samsung", seed=1) as other, lvpm_on_pty(OfPhone(str(other.truth))) as lab:
        meter = f"monsoon:{lab.path}?boundary=battery_bypass"
        with opened_devices("virtual:phone?seed=4", [meter]) as (device, meters):
            trace = profile(device, WorkloadRequest(bundled_model()), tmp_path / "run", meters=meters, options=OPTIONS)
    row = of_meter(trace)
    assert row["energy_gross_j_mean"] is None
    assert any(reason.startswith("no_sync_peak") for reason in row["quality_reasons"])


def test_the_bench_serves_any_client() -> None:
    words = [sys.executable, "-m", "edgewatt", "lab", "bench", "--attached"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as lab:
        assert lab.stdout is not None
        assert lab.stdin is not None
        said = json.loads(lab.stdout.readline())
        phone = open_device(f"adb+tcp://{said['adb']}?sysfs={said['sysfs']}&proc={said['proc']}")
        assert phone.facts["phone_model"] == "Pixel 6"
        phone.close()
        meter = open_device(f"monsoon:{said['monsoon']}?boundary=battery_bypass")
        assert meter.facts["serial"] == said["meter"]["serial"]
        meter.close()
        lab.stdin.close()
        assert lab.wait(20) == 0


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("virtual:table", "virtual:phone and virtual:bench"),
        ("virtual:phone?fault=drop=0.1", "no fault of a meter"),
        ("virtual:bench?fault=ghost=1", "ghost"),
    ],
)
def test_what_the_lab_does_not_have(uri: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        open_device(uri)


@pytest.mark.parametrize("words", [["--current", "1"], ["--model", "hvpm"], ["--phone", "x"]])
def test_a_bench_has_its_load_and_its_meter(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lab", "bench", *words]) == 2
    assert "its own phone hangs on a serial LVPM" in capsys.readouterr().err
