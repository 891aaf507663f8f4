"""A virtual board's tegrastats and other tools, and `edgewatt lab jetson` as a person runs it."""

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.device import families, open_device
from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.jetson.boards import BOARDS
from edgewatt.virtual_lab.jetson.lab import jetson_lab
from edgewatt.virtual_lab.jetson.living import Living
from edgewatt.virtual_lab.jetson.process import InPlace
from edgewatt.virtual_lab.jetson.readings import Monitors, slow_texts
from edgewatt.virtual_lab.jetson.tegrastats import Mean, Tegrastats
from edgewatt.virtual_lab.jetson.tree import grow
from edgewatt.virtual_lab.nvidia import loads
from tests.shell import EDGEWATT, edgewatt

S = 1_000_000_000
NOW = datetime(2026, 11, 26, 4, 5, 6, tzinfo=UTC)

# The tokens of the facts of part E, section 1.1, as one finds them in recordings.
TOKENS = (
    r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d",
    r"RAM \d+/\d+MB \(lfb \d+x\d+[kM]B\)",
    r"SWAP \d+/\d+MB \(cached \d+MB\)",
    r"IRAM \d+/\d+kB\(lfb \d+kB\)",
    r"CPU \[(?:(?:\d+%@\d+|off),?)+\]",
    r"EMC_FREQ \d+%(?:@\d+)?",
    r"GR3D2?_FREQ (?:\d+%)?(?:@\d+|@\[\d+(?:,\d+)*\])?",
    r"(?:NV[A-Z]+\d?|VIC|OFA|PVA0_FREQ) (?:off|\d+)",
    r"(?:NV[A-Z]+\d|OFA)_FREQ @\d+",
    r"VIC_FREQ \d+",
    r"APE \d+",
    r"MTS fg \d+% bg \d+%",
    r"\w+@-?\d+(?:\.\d+)?C(?:/-?\d+(?:\.\d+)?C)?",
    r"[A-Z0-9_]+ \d+(?:mW)?/\d+(?:mW)?(?:/\d+mW)?",
)


WAIT_FOR_LOAD = """
import sys
text = "0"
while text == "0":
    with open(sys.argv[1] + "/sys/devices/gpu.0/load", "rb", buffering=0) as file:
        text = file.read(64).decode().strip()  # at once: it is written in place
print(text)
"""


def tree_of(folder: Path, board: str, *, user: bool = False) -> tuple[Path, Tegrastats]:
    """A board a second after its GPU began to work, and its tegrastats."""
    root, path, one = folder / "root", folder / "loads", BOARDS[board]
    root.mkdir()
    path.touch()
    loads.add(path, 0.8, 1, S)
    grow(root, one, user=user)
    living = Living(one, path, S)
    living.follow(2 * S)
    with closing(InPlace(root)) as files:
        for name, text in [*Monitors(one, living, 0).texts(2 * S), *slow_texts(one, living.timeline, 2 * S, user=user)]:
            files.write(name, text)
    return root, Tegrastats(one, root, user)


@pytest.mark.parametrize("user", [False, True])
@pytest.mark.parametrize("board", BOARDS)
def test_a_line_is_of_known_tokens_alone(board: str, user: bool, tmp_path: Path) -> None:  # noqa: FBT001
    _, tegrastats = tree_of(tmp_path, board, user=user)
    tegrastats.line(NOW)
    line = tegrastats.line(NOW)
    assert re.sub(rf"(?<!\S)(?:{'|'.join(TOKENS)})(?!\S)", "", line).strip() == ""
    one = BOARDS[board]
    assert ("EMC_FREQ" in line, "APE" in line) == (not user or one.old, not user)
    assert line.startswith("RAM" if one.old else "11-26-2026 04:05:06 RAM")
    for label, rail in one.rails.items():
        assert (f" {label} " in line) == rail.printed
    assert line.count("NC 0mW/0mW") == (2 if board == "agx-orin-r35" else 0)
    assert line.count("off,") + line.count("off]") == one.offline


def test_shapes_that_differ_by_release(tmp_path: Path) -> None:
    lines = {}
    for board in BOARDS:
        (tmp_path / board).mkdir()
        lines[board] = tree_of(tmp_path / board, board)[1].line(NOW)
    assert "GR3D_FREQ 80%@921 " in lines["nano"]
    assert "GR3D_FREQ 80%@[624] " in lines["orin-nano"]
    assert "GR3D_FREQ 80%@[1300,1300] " in lines["agx-orin"]
    assert "GR3D_FREQ 80%@1300 GR3D2_FREQ 80%@1300 " in lines["agx-orin-r35"]
    assert "CV0@-256C" in lines["agx-orin-r35"]
    assert "cv0@" not in lines["agx-orin"]
    assert re.search(r"VDD_GPU \d+mW/\d+mW/\d+mW", lines["thor-r39"])
    assert re.search(r"cpu@[\d.]+C/[\d.]+C", lines["thor-r39"])
    assert re.search(r" VIN \d+mW/\d+mW", lines["thor"])
    assert re.search(r" GPU \d+/\d+ CPU \d+/\d+ SOC ", lines["agx-xavier"])
    assert "PMIC@100C" in lines["tx2"]


def test_the_second_figure_is_the_mean_since_the_start() -> None:
    # Both as recorded: a TX2's memory rail, and an AGX Orin's VIN_SYS_5V0.
    old, new = Mean(), Mean()
    assert [old.add(mw, down=True) for mw in (134, 115, 134)] == [134, 124, 127]
    assert [new.add(mw, down=False) for mw in (4707, 4607, 4707)] == [4707, 4657, 4674]
    assert new.most_mw == 4707


def test_it_runs_at_an_interval_and_other_tools_answer() -> None:
    with jetson_lab("orin-nano", exact=True) as lab:
        words = [str(lab.tegrastats), "--interval", "50"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process, lab.load("gpu", 1.0):
            assert process.stdout is not None
            begin_ns = time.monotonic_ns()
            lines = [process.stdout.readline() for _ in range(12)]
            end_ns = time.monotonic_ns()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        assert end_ns - begin_ns >= 11 * 50_000_000
        (milliwatts,) = re.findall(r"VDD_CPU_GPU_CV (\d+)mW/", lines[-1])
        true_mw = 1e3 * float(lab.energy_j(end_ns - S // 100, end_ns, "VDD_CPU_GPU_CV")) * 100
        assert int(milliwatts) == pytest.approx(true_mw, abs=41)
        log = lab.folder / "log"
        with subprocess.Popen([*words, "--logfile", str(log)]) as process:
            while not (log.exists() and log.read_text().count("\n") > 2):
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        assert log.read_text().startswith(f"{datetime.now(UTC):%m-%d-%Y}")
        asked = subprocess.check_output([lab.root / "usr/sbin/nvpmodel", "-q"], text=True)
        assert asked == "NV Power Mode: 15W\n0\n"
        shown = subprocess.check_output([lab.root / "usr/bin/jetson_clocks", "--show"], text=True)
        assert "GPU MinFreq=305000000 MaxFreq=624000000" in shown


def test_the_command_says_where_and_a_command_is_a_load() -> None:
    words = [EDGEWATT, "lab", "jetson", "--board", "tx2", "--exact", "--seed", "2"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said: dict[str, Any] = json.loads(process.stdout.readline())
        root = Path(said["jetson"])
        try:
            assert (said["simulated"], said["board"], said["seed"]) == (True, "tx2", 2)
            assert Path(said["tegrastats"]).is_relative_to(root)
            asking = [*said["load"], "--gpu", "0.6", "--", sys.executable, "-c", WAIT_FOR_LOAD, str(root)]
            assert subprocess.check_output(asking, text=True).split() == ["600"]
            board = open_device(f"jetson?root={root}")  # as whoever was told where it is would
            assert board.simulated
            board.close()
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    assert not root.exists()


@pytest.mark.skipif("jetson" not in families(), reason="the driver of real boards is not registered")
def test_it_is_a_device_by_the_driver_of_real_ones() -> None:
    device = open_device("virtual:jetson?board=agx-orin&seed=3&period=0.05")
    try:
        assert (device.simulated, device.device_id) == (True, "virtual-agx-orin-3")
        assert device.name == "virtual NVIDIA Jetson AGX Orin Developer Kit"
        assert device.facts["board"] == "agx-orin"
    finally:
        device.close()


@pytest.mark.parametrize("uri", ["virtual:jetson?board=tx3", "virtual:jetson?seed=x", "virtual:jetson?fault=colour"])
def test_a_wrong_address_is_refused(uri: str) -> None:
    with pytest.raises(UsageError):
        open_device(uri)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--board", "tx3"), "no virtual Jetson 'tx3'"),
        (("--fault", "gated=maybe"), "a board has no fault 'gated=maybe'"),
        (("--fault", "colour"), "a board has no fault"),
    ],
)
def test_a_wrong_word_is_a_line_and_code_2(words: tuple[str, ...], said: str) -> None:
    done = edgewatt("lab", "jetson", *words)
    assert done.returncode == 2
    assert said in done.stderr
