"""A step as a run: its windows, what is set for them, what is kept when it ends early, and going on."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgewatt.cli import main
from edgewatt.profiler.collecting.load import Load, Ran, load_window
from edgewatt.profiler.collecting.offers import LoadStopped, Offers
from edgewatt.profiler.collecting.steps import Asked, Step, Until
from edgewatt.profiler.device import Device, open_device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.running.co_running import CO_RUNNER, ON, beside
from edgewatt.profiler.running.collect import CollectOptions, collect
from edgewatt.profiler.running.collect_kept import folder_for

QUICK = CollectOptions(thermal_limit_s=0.0)
STEP = Step(
    "cpu",
    "cpu",
    (
        Asked(Load("idle", 0.05)),
        Asked(Load("cpu", 0.05, (0,)), "cpu0", 1),
        Asked(Load("memory", 0.05, (0,), memory_b=1 << 20), "cpu0", 1),
    ),
    facts={"place": "desk"},
)


def at_once(load: Load) -> Ran:
    """A load that is over as soon as it began."""
    now_ns = time.monotonic_ns()
    return Ran(now_ns - round(load.seconds * 1e9), now_ns, seen={"loops": [1] * len(load.cpus)})


@pytest.fixture
def host() -> Device:
    return replace(open_device("host"), collectors=(), loads=at_once)


def failing(device: Device, *, after: int, error: type[BaseException]) -> Device:
    """The same device, whose loads fail from so many on."""
    loads, done = device.loads, []
    assert loads is not None

    def one(load: Load) -> Ran:
        done.append(load)
        if len(done) > after:
            raise error("gone")
        return loads(load)

    return replace(device, loads=one)


@pytest.mark.peer
def test_each_load_is_a_window_with_what_was_asked_and_seen(tmp_path: Path) -> None:
    trace = collect(replace(open_device("host"), collectors=()), STEP, tmp_path / "cpu", options=QUICK)
    assert trace.manifest.status == "complete"
    assert trace.manifest.conditions["step"] == "cpu"
    assert trace.manifest.conditions["place"] == "desk"
    windows = trace.windows("load/")
    assert [one.name for one in windows] == [load_window(k) for k in range(3)]
    idle, cpu, memory = (one.attributes for one in windows)
    assert idle["asked"]["kind"] == "idle"
    assert cpu["asked"] == {
        "kind": "cpu",
        "seconds": 0.05,
        "cpus": [0],
        "duty_ratio": 1.0,
        "unit": "cpu0",
        "cores_n": 1,
        "frequency_hz": None,
        "pinned": False,
    }
    assert cpu["seen"]["loops"][0] > 0
    assert cpu["step"] == "cpu"
    assert memory["seen"]["copied_b"] >= 1 << 20
    assert all(one.t1_ns > one.t0_ns for one in windows)


def test_a_step_until_it_is_steady_is_idle_hot_and_idle(host: Device, tmp_path: Path) -> None:
    hot, cool = Asked(Load("cpu", 0.04, (0,)), "cpu0", 1), Asked(Load("idle", 0.04))
    step = Step("thermal", "thermal", until=Until(hot, cool, 0.08))
    trace = collect(host, step, tmp_path / "thermal", options=QUICK)
    kinds = [one.attributes["asked"]["kind"] for one in trace.windows("load/")]
    assert kinds[:3] == ["idle", "cpu", "cpu"]
    assert set(kinds[3:]) == {"idle"}


def test_interrupted_it_keeps_what_had_ended_and_goes_on_beside_it(host: Device, tmp_path: Path) -> None:
    path, is_done = folder_for(tmp_path, STEP, host.device_id)
    assert (path, is_done) == (tmp_path / "cpu", False)
    with pytest.raises(KeyboardInterrupt):
        collect(failing(host, after=2, error=KeyboardInterrupt), STEP, path, options=QUICK)
    again, is_done = folder_for(tmp_path, STEP, host.device_id)
    assert (again, is_done) == (tmp_path / "cpu.2", False)
    trace = collect(host, STEP, again, options=QUICK)
    assert folder_for(tmp_path, STEP, host.device_id) == (trace.path, True)
    moved = replace(STEP, windows=STEP.windows[::-1])
    with pytest.raises(UsageError, match=r"cpu exists already and is of another step, or one with other options"):
        folder_for(tmp_path, moved, host.device_id)
    with pytest.raises(UsageError, match="of another device"):
        folder_for(tmp_path, STEP, "other")
    with pytest.raises(UsageError, match=r"of another choice of meters \(none\)"):
        folder_for(tmp_path, STEP, host.device_id, ["monsoon:"])


def test_one_load_that_fails_is_left_out_and_two_in_a_row_are_the_device(host: Device, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="gone"):
        collect(failing(host, after=1, error=DeviceError), STEP, tmp_path / "a", options=QUICK)
    last = replace(STEP, windows=STEP.windows[:2])
    trace = collect(failing(host, after=1, error=DeviceError), last, tmp_path / "b", options=QUICK)
    assert len(trace.windows("load/")) == 1
    assert any(reason.startswith("load_failed:1 of cpu0 busy: gone") for reason in trace.manifest.quality_reasons)


class _Loads:
    """Loads that go on until they are stopped, or fail."""

    def __init__(self, failure: str = "") -> None:
        self.began, self.stops, self._failure = 0, 0, failure

    def __call__(self, load: Load) -> Ran:
        del load
        if self._failure:
            raise DeviceError(self._failure)
        self.began += 1
        stops = self.stops
        while self.stops == stops:
            time.sleep(0.001)
        raise LoadStopped("stopped")

    def offers(self) -> Offers:
        return Offers()

    def stop(self) -> None:
        self.stops += 1


def test_what_runs_beside_is_a_condition_that_begins_and_ends(host: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewatt.profiler.running.co_running.BEGIN_S", 0.05)
    loads = _Loads()
    found = beside(replace(host, loads=loads), Load("cpu", 600.0, (0,)))
    assert found.target is not None
    assert type(found.target) is type(host.target)
    found.target.apply(CO_RUNNER, ON)
    found.target.apply(CO_RUNNER, ON)
    assert loads.began == 1
    found.target.undo(CO_RUNNER)
    found.target.undo(CO_RUNNER)
    assert loads.stops >= 1
    with pytest.raises(UsageError, match="condition 'co_runner' is not known"):
        open_device("host").target.apply(CO_RUNNER, ON)  # type: ignore[union-attr]


def test_what_cannot_run_beside_says_so_at_once(host: Device) -> None:
    found = beside(replace(host, loads=_Loads("no taskset")), Load("cpu", 600.0, (0,)))
    assert found.target is not None
    with pytest.raises(DeviceError, match=r"what was to run beside \(cpu\) ended early: no taskset"):
        found.target.apply(CO_RUNNER, ON)
    with pytest.raises(UsageError, match="executes no loads beside"):
        beside(replace(host, loads=None), Load("cpu", 1.0, (0,)))


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = main(["calibrate", "--collect", *words])
    out = capsys.readouterr()
    return code, out.out, out.err


def test_the_command_says_what_it_would_do_and_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[Any]
) -> None:
    code, out, _ = said(
        capsys, "-d", "host", "-o", str(tmp_path / "o"), "--dry-run", "--short", "--steps", "cpu,inference"
    )
    assert code == 0
    assert "windows" in out
    assert "not here: no network was named. --model FILE.tflite, or --model @tiny" in out
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["-d", "host", "--steps", "gpu"], "step 'gpu' is not known"),
        (["-d", "host", "--place", "../x"], "--place '../x'"),
        (["-d", "host", "--server", "x"], "--server: server 'x'"),
        (["-d", "host", "--to", "x:99999"], "--to: server 'x:99999'"),
        (["-d", "host", "--model", "none.tflite"], "none.tflite"),
        (["-d", "host", "--steps", "training", "--training-model", "none.tflite"], "--training-model none.tflite"),
        (["-d", "host", "--set", "governor"], "--set 'governor'"),
        (["-d", "nobody:"], "nothing is registered for 'nobody'"),
    ],
)
def test_wrong_words_are_refused_in_one_line(
    words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[Any]
) -> None:
    code, out, err = said(capsys, "-o", str(tmp_path / "o"), "--dry-run", *words)
    assert (code, out) == (2, "")
    assert why in err
    assert "Traceback" not in err


@pytest.mark.peer
def test_a_step_on_this_machine_and_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[Any]) -> None:
    words = ["-d", "host", "-o", str(tmp_path / "o"), "--short", "--seconds", "0.03", "--steps", "memory"]
    code, out, _ = said(capsys, *words)
    assert code == 0
    assert (tmp_path / "o" / "memory" / "run.json").exists()
    assert f"next: edgewatt calibrate {tmp_path / 'o'}/* -o" in out
    code, out, _ = said(capsys, *words, "--json")
    assert code == 0
    assert '"skipped": ["memory"]' in out
