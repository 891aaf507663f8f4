"""The virtual phone's benchmark_model and its system commands, as a client's parsers and a shell find them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edgewatt.collectors.runtimes.benchmark_model.delegates import target_used
from edgewatt.collectors.runtimes.benchmark_model.output import Parsed, stamped
from edgewatt.collectors.runtimes.benchmark_model.output import parse as parse_output
from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.virtual_lab.phone.events import Event, parse_event
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.phone.tool_flags import FlagError, parse
from edgewatt.virtual_lab.phone.tool_text import GENERATIONS, Runs
from edgewatt.virtual_lab.phone.tree import Tree, grow

TOOL = "edgewatt.virtual_lab.phone.benchmark_model"
QUICK = ("--num_runs=3", "--min_secs=0", "--warmup_min_secs=0")


def execute(lab: Path, *flags: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", TOOL, *flags],
        env={**os.environ, "EDGEWATT_LAB": str(lab)},
        capture_output=True,
        text=True,
        check=False,
    )


def tool(folder: Path, generation: str, **delegates: str) -> Path:
    (folder / "tool.json").write_text(json.dumps({"generation": generation, "delegates": delegates}))
    return folder


def output(folder: Path, generation: str, *flags: str, **delegates: str) -> Parsed:
    done = execute(tool(folder, generation, **delegates), f"--graph={bundled_model()}", *QUICK, *flags)
    assert done.returncode == 0, done.stdout + done.stderr
    return parse_output(stamped(done.stdout))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_each_generation_really_runs_and_is_read(generation: str, tmp_path: Path) -> None:
    profiling = "--use_profiler=true" if generation == "litert" else "--enable_op_profiling=true"
    found = output(tmp_path, generation, "--num_threads=1", profiling)
    known_as = {"litert": "litert", "2025": "tflite-2024"}.get(generation, f"tflite-{generation}")
    assert (found.complete, found.generation, found.from_start) == (True, known_as, True)
    count = found.measured.count
    assert count is not None
    assert count.n == 3
    assert (count.median_s is not None) == (generation in ("2025", "litert"))
    assert (found.unknown_flags, found.errors, found.notes) == ((), (), ())
    tables = [table for table in found.op_tables if table.rows]
    assert bool(tables) == (generation != "litert")
    if tables:
        assert [row.op for row in tables[0].rows][:3] == ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"]
        whole_s = sum(row.latency_s or 0.0 for row in tables[0].rows)
        assert whole_s == pytest.approx(count.avg_s, rel=0.02)


@pytest.mark.parametrize(
    ("generation", "fate", "used"),
    [
        ("2025", "all", ("gpu", ())),
        ("2025", "none", ("xnnpack", ("not_delegated",))),
        ("2023", "some", ("gpu+cpu", ("partly_delegated",))),
        ("2021", "absent", ("cpu", ("not_delegated",))),
        ("2019", "none", ("cpu", ("delegate_unknown",))),
        ("litert", "all", ("gpu", ())),
    ],
)
def test_what_becomes_of_a_delegate_is_said_as_the_generation_says_it(
    generation: str, fate: str, used: tuple[str, tuple[str, ...]], tmp_path: Path
) -> None:
    found = target_used("gpu", output(tmp_path, generation, "--use_gpu=true", gpu=fate))
    assert (found.target, found.reasons) == used


def test_a_delegate_that_fails_ends_the_tool(tmp_path: Path) -> None:
    done = execute(tool(tmp_path, "2021", nnapi="fails"), f"--graph={bundled_model()}", *QUICK, "--use_nnapi=true")
    assert done.returncode == 1
    assert "Failed to apply NNAPI delegate." in done.stdout
    assert done.stdout.endswith("Benchmarking failed.\n")


def test_bad_words_and_bad_models_end_it_as_they_end_the_tool(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"\x1c\0\0\0TFL3" + bytes(100))
    lab = tool(tmp_path, "2025")
    assert "usage" in execute(lab, "--num_runs=many").stdout
    assert "--graph" in execute(lab, "--num_runs=1").stdout
    for graph, said in ((broken, "ERROR: "), (tmp_path / "nowhere", "Failed to mmap model")):
        done = execute(lab, f"--graph={graph}")
        assert (done.returncode, said in done.stdout) == (1, True)


def test_the_first_of_a_flag_given_twice_counts_and_unknown_ones_are_named() -> None:
    flags = parse(["--num_runs=3", "--num_runs=5", "--cool=1", "stray", "--use_gpu=true"], "2021")
    assert (flags.values["num_runs"], flags.on("use_gpu")) == (3, True)
    assert (flags.twice, flags.unknown) == (("num_runs",), ("--cool=1", "stray"))
    assert parse(["--gpu_backend=cl"], "2019").unknown == ("--gpu_backend=cl",)
    with pytest.raises(FlagError, match="min_secs"):
        parse(["--min_secs=soon"], "2021")


@pytest.mark.parametrize(
    ("us", "line"),
    [
        ([], "count=0"),
        ([7], "count=1 curr=7"),
        ([7, 7], "count=2 curr=7(all same)"),
        ([9, 5, 7], "count=3 first=9 curr=7 min=5 max=9 avg=7 std=1"),
        (
            [3_000_000, 2_900_100],
            "count=2 first=3000000 curr=2900100 min=2900100 max=3000000 avg=2.95005e+06 std=49950",
        ),
    ],
)
def test_a_summary_is_printed_as_the_tool_prints_it(us: list[int], line: str) -> None:
    assert Runs(us).line(percentiles=False) == line
    assert Runs([4, 1, 3, 2]).line(percentiles=True).endswith(" p5=1 median=3 p95=4")


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b"5 7 busy cpu 2 1", Event(5, 7, "busy", ("cpu", "2", "1"))),
        (b"now 7 set screen on", Event(None, 7, "set", ("screen", "on"))),
        (b"", None),
        (b"x y z", None),
        (b"-5 7 idle", None),
        (b"9" * 30 + b" 7 idle", None),
        (b"\xff\xfe 1 2 3", None),
        (b"5 7 busy " + b"x" * 600, None),
    ],
)
def test_a_line_of_the_pipe_is_an_event_or_nothing(line: bytes, event: Event | None) -> None:
    assert parse_event(line) == event


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = grow(tmp_path, personality("samsung"), seed=3)
    (tree.lab / "run/battery").write_text("Current Battery Service state:\n  USB powered: true\n  level: 72\n")
    (tree.lab / "run/wifi").write_text("Wifi is enabled\n")
    (tree.lab / "run/monotonic").write_text("90000\n")
    return tree


def sh(tree: Tree, command: str) -> "subprocess.CompletedProcess[str]":
    env = {"PATH": f"{tree.bin}:{os.environ['PATH']}", "EDGEWATT_LAB": str(tree.lab)}
    return subprocess.run(["/bin/sh", "-c", command], env=env, capture_output=True, text=True, check=False)


AIRPLANE = "settings put global airplane_mode_radios cell; cmd connectivity airplane-mode enable"
SCREEN = "dumpsys power | grep mWakefulness"
FAKED = "dumpsys battery | grep -c 'UPDATES STOPPED\\|USB powered: false'"


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ("getprop ro.product.model", "SM-G991B"),
        ("getprop no.such.thing", ""),
        ("getprop no.such.thing other", "other"),
        ("getprop '../state/uid'", ""),
        ("getprop | grep -c '^\\[ro.product.model\\]: \\[SM-G991B\\]$'", "1"),
        ("setprop debug.x '$(id)' && getprop debug.x", "$(id)"),
        ("settings get system no_such_key", "null"),
        ("settings put global low_power 1; settings get global low_power", "1"),
        ("settings delete global low_power; settings get global low_power", "Deleted 1 rows\nnull"),
        ("cmd wifi status; svc wifi disable; cmd wifi status", "Wifi is enabled\nWifi is disabled"),
        (f"{AIRPLANE}; cmd connectivity airplane-mode; settings get global wifi_on", "enabled\n1"),
        (f"input keyevent 224; {SCREEN}; input keyevent 26; {SCREEN}", "  mWakefulness=Awake\n  mWakefulness=Asleep"),
        ("dumpsys power | grep mLastWakeTime", "  mLastWakeTime=87500 (2500 ms ago)"),
        (f"dumpsys battery unplug; {FAKED}; dumpsys battery reset; {FAKED}", "2\n0"),
        ("cmd battery get level", "72"),
        ("id -u", "2000"),
        ("getenforce", "Enforcing"),
    ],
)
def test_system_commands_keep_what_they_are_told(tree: Tree, command: str, printed: str) -> None:
    assert sh(tree, command).stdout.strip("\n") == printed.strip("\n")


@pytest.mark.parametrize(
    ("command", "code"),
    [("setprop ro.product.model x", 1), ("settings get secret a", 255), ("cmd nothing", 20), ("su -c id", 1)],
)
def test_system_commands_refuse_what_a_phone_refuses(tree: Tree, command: str, code: int) -> None:
    assert sh(tree, command).returncode == code


def test_a_service_that_is_not_there_says_so(tree: Tree) -> None:
    assert "Can't find service: gpu" in sh(tree, "dumpsys gpu").stderr
