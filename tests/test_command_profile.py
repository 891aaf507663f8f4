"""`edgewatt profile --command` from the command line, and the joules of a command at a known power."""

import json
import shlex
import sys
from pathlib import Path

import pytest

from edgewatt import cli
from edgewatt.profiler.storage.trace import Trace
from tests.test_profile_energy import POWER_W, TOLERANCE, counting
from tests.trees import Powercap

STEPS = """
import edgewatt, time
time.sleep(0.2)
for _ in range(12):
    with edgewatt.window("step"):
        with edgewatt.window("forward"):
            time.sleep(0.02)
"""
TRTEXEC = """#!/bin/sh
echo '&&&& RUNNING TensorRT.trtexec [TensorRT v100300] # trtexec'
sleep 0.3
echo '[01/02/2026-10:00:24] [I] Warmup completed 9 queries over 100 ms'
echo '[01/02/2026-10:00:24] [I] Timing trace has 50 queries over 0.1 s'
echo '[01/02/2026-10:00:24] [I] Latency: min = 1 ms, max = 3 ms, mean = 2 ms, median = 1.9 ms, percentile(99%) = 3 ms'
echo '&&&& PASSED TensorRT.trtexec [TensorRT v100300] # trtexec'
"""


def command(*words: str) -> str:
    return shlex.join(words)


def edgewatt(*words: object) -> int:
    return cli.main(["profile", *map(str, words)])


def test_steps_of_a_script_at_a_known_power(tmp_path: Path) -> None:
    """Latency and joules of a step; the counter is moved by a thread in real time, hence the wide tolerances."""
    sysfs, run = tmp_path / "sys", tmp_path / "run"
    script = tmp_path / "train.py"
    script.write_text(STEPS)
    zone = Powercap(sysfs, range_uj=10**15 - 1).zone("intel-rapl", "0", "package-0", POWER_W)
    device, text = f"host?sysfs={sysfs}", command(sys.executable, str(script))
    with counting(zone / "energy_uj"):
        code = edgewatt("--command", text, "-d", device, "-m", device, "-o", run, "--repeats", 3, "--idle", 0.5,
                        "--warmup-iterations", 2, "--threads", 3)  # fmt: skip
    assert code == 0
    trace = Trace.open(run)
    results, repeats = trace.results(), trace.repeats()
    assert results is not None
    assert repeats is not None
    (row,) = results.to_pylist()
    assert (row["model"], row["runtime"], row["threads"]) == (text, "command", 3)
    assert (row["batch"], row["target_asked"], row["target_used"]) == (None, None, None)
    assert row["latency_s_p50"] >= 0.02
    assert row["power_w"] == pytest.approx(POWER_W, rel=TOLERANCE)
    for repeat in repeats.to_pylist():
        took_s = (repeat["t1_ns"] - repeat["t0_ns"]) / 1e9
        assert repeat["iterations"] == 10
        assert repeat["energy_gross_j"] * 10 == pytest.approx(POWER_W * took_s, rel=TOLERANCE)
    assert trace.iterations().num_rows == 30
    assert len(list(trace.windows("mark/forward"))) == 36
    assert len(list(trace.windows("warmup"))) == 3


def test_trtexec_is_measured_without_its_loading(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By a script of that name which prints what the tool prints."""
    tool = tmp_path / "trtexec"
    tool.write_text(TRTEXEC)
    tool.chmod(0o755)
    run = tmp_path / "run"
    assert edgewatt("--command", f"{tool} --loadEngine=x", "-d", "host", "-o", run, "--repeats", 2, "--json") == 0
    json.loads(capsys.readouterr().out)
    trace = Trace.open(run)
    results = trace.results()
    assert results is not None
    (row,) = results.to_pylist()
    assert (row["runtime"], row["latency_s_mean"]) == ("trtexec", pytest.approx(0.0019))
    assert "window_from_summary" in row["quality_reasons"]
    for window in trace.windows("measure/"):
        assert window.t1_ns - window.t0_ns == 100_000_000
        assert window.attributes["printed"]["version"] == "10.3.0"
    assert b"PASSED" in (run / "raw" / "command-0.txt").read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "nothing to execute: give a MODEL, --command"),
        (("m.tflite", "--command", "true"), 2, "which of them"),
        (("--command", "no-such-program-here"), 2, "was not found on this host"),
        (("--command", "true | cat"), 2, "means something to a shell"),
        (("--command", "true '"), 2, "cannot be split"),
        (("--command", "true", "--seconds", "3"), 2, "--seconds does not go with --command"),
        (("--command", "true", "--runner", "x"), 2, "--runner does not go with --command"),
        (("m.tflite", "--timeout", "3"), 2, "--timeout goes with --command"),
        (("--command", "sh -c 'echo broken; exit 1'"), 6, "ended with exit code 1"),
        (("--command", "sleep 600", "--timeout", "0.3"), 6, "was not done within 0.3 s"),
    ],
)
def test_what_goes_wrong_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], code: int, says: str
) -> None:
    assert edgewatt(*words, "-d", "host", "-o", tmp_path / "run", "--repeats", 1) == code
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert says in last
    assert last.startswith("edgewatt profile: ")


def test_a_failed_repeat_keeps_what_it_printed(tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert edgewatt("--command", "sh -c 'echo broken; exit 1'", "-d", "host", "-o", run) == 6
    assert (run / "raw" / "command-0.txt").read_bytes() == b"broken\n"
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"
