"""What goes wrong beside a phone, with real adbds: one clear line, the right code, nothing left, no run lost."""

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from edgewatt.collectors.runtimes.model_file import bundled_model
from tests.adbd.packages import Unavailable
from tests.adbd.running import PeerPhone, StartPhone, running
from tests.phone_commands import BRIEF, Command, left_on, profiling, started, until
from tests.shell import edgewatt, edgewatt_json
from tests.stub_runner import stub_runner

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(200)]

NAMES = ("$(touch ${TMPDIR}owned).tflite", "a\nb.tflite", 'it\'s "q" `id`; x.tflite', "-leading.tflite", " & .tflite")
# For a machine that is none of this world's phones: RISC-V.
OTHER_MACHINE = b"\x7fELF\x02\x01\x01" + bytes(9) + bytes([2, 0, 243, 0]) + bytes(44)
A_GIB = 1 << 30
MOST_MEMORY_B = 400 << 20

Lost = tuple[PeerPhone, Path, Command]


@pytest.fixture
def phone(pixel: PeerPhone) -> Iterator[PeerPhone]:
    yield pixel
    pixel.plug()
    until(lambda: left_on(pixel) == [])


@pytest.fixture(scope="module", autouse=True)
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Lost]]:
    """Both verbs with a phone that goes for good; begun at once, as each waits half a minute for it to come back."""
    folder = tmp_path_factory.mktemp("lost")
    with ExitStack() as stack:
        try:
            peers = [stack.enter_context(running("samsung")) for _ in range(2)]
        except Unavailable as reason:
            pytest.skip(str(reason))
        runs = folder / "record", folder / "profile"
        commands = (
            started("record", "-d", peers[0].uri, "--seconds", "4", "-o", runs[0]),
            profiling(peers[1].uri, runs[1]),
        )
        for peer, run, command, phase in zip(peers, runs, commands, ("recording", "repeat 2 of 2"), strict=True):
            command.reaches(phase)
            until(lambda run=run: _rows(run))  # type: ignore[misc]
            peer.unplug()
        yield list(zip(peers, runs, commands, strict=True))
        for command in commands:
            command.process.kill()
            command.process.wait()


def script(folder: Path, body: str) -> Path:
    path = folder / "runner"
    path.write_text(f"#!/bin/sh\n{body}\n")
    return path


@pytest.mark.parametrize("name", [NAMES[0], pytest.param("-leading.tflite", marks=pytest.mark.long)])
def test_no_name_is_ever_executed(name: str, phone: PeerPhone, tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    for each in (name, *NAMES):
        shutil.copy(bundled_model(), folder / each)
    words = ("--runner", stub_runner(tmp_path), "--iterations", "20", "--idle", "0.2", "--repeats", "1", "--json")
    evil = ("--runner-arg=--x=$(touch ${TMPDIR}owned)", "--env=X=`touch ${TMPDIR}owned`")
    pushed = [f"--push={folder / each}" for each in NAMES]
    done = edgewatt("profile", "-d", phone.uri, "-o", tmp_path / "run", *words, *evil, *pushed, "--", name, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert not [file for file in phone.files("/data") if "owned" in file]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (("--set", "screen=$(touch x)"), "expected screen=on or screen=off"),
        (("--set", "governor=a;b"), "expected the name of a governor"),
        (("--set", "$(x)=1"), "is not known on a phone"),
        (("--env", "A;x=1"), "a name of letters, digits and _ was expected"),
        (("--push", "nosuch.so"), "does not exist"),
    ],
)
def test_words_that_are_none_are_refused(asked: tuple[str, ...], says: str, phone: PeerPhone, tmp_path: Path) -> None:
    assert says in profiling(phone.uri, tmp_path / "run", *asked).fails(2)
    assert not (tmp_path / "run").exists()


def test_condition_that_was_asked_for_stops_before_the_run(phone: PeerPhone, tmp_path: Path) -> None:
    line = profiling(phone.uri, tmp_path / "run", "--set", "governor=performance").fails(6)
    assert "cannot set governor=performance: adb's shell there is not root" in line
    assert not (tmp_path / "run").exists()


def test_runner_that_is_none_is_named(phone: PeerPhone, tmp_path: Path) -> None:
    other, text = tmp_path / "other", tmp_path / "text"
    other.write_bytes(OTHER_MACHINE)
    text.write_text("just text\n")
    for runner, code, says in (
        (other, 2, "exec format error"),
        (text, 6, "text ended with 127"),
        (tmp_path, 2, "is a folder"),
        (tmp_path / "missing", 2, "does not exist"),
    ):
        assert says in profiling(phone.uri, tmp_path / "run", runner=runner).fails(code)
    missing = started("profile", "@tiny", "-d", phone.uri, "-o", tmp_path / "run")
    assert "download android_aarch64_benchmark_model" in missing.fails(2)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("kill -SEGV $$", "crashed (SIGSEGV)"),
        ("echo 'ERROR: Failed to apply GPU delegate.'; exit 1", "the GPU delegate fails on this phone"),
        ("head -c 20000 /dev/urandom", "without a result"),
        (f"yes 'INFO: 0123456789 0123456789 0123456789' | head -c {A_GIB}", "MiB and was ended"),
        (f"head -c {A_GIB} /dev/zero", "MiB and was ended"),
        ("x=0123456789; x=$x$x$x$x$x$x; while echo -n $x$x$x$x$x$x; do :; done", "MiB and was ended"),
    ],
)
def test_runner_that_gives_no_result_is_explained(body: str, says: str, phone: PeerPhone, tmp_path: Path) -> None:
    command = profiling(phone.uri, tmp_path / "run", runner=script(tmp_path, body))
    assert says in command.fails(6)
    assert 0 < command.peak_b < MOST_MEMORY_B


def test_full_phone_is_named(fresh_phone: StartPhone, tmp_path: Path) -> None:
    full = fresh_phone("pixel", tmp_size_b=2 << 20)
    (tmp_path / "big.so").write_bytes(os.urandom(3 << 20))
    line = profiling(full.uri, tmp_path / "run", "--push", tmp_path / "big.so").fails(6)
    assert "no space left" in line
    assert left_on(full) == []


@pytest.mark.long
def test_clock_that_jumps_is_said_and_costs_nothing(fresh_phone: StartPhone, tmp_path: Path) -> None:
    """Back by an hour, and ahead by a day, in two phones at once."""
    commands = []
    for ahead_s in (-3600, 86400):
        peer = fresh_phone("samsung", settable=True)
        commands.append((peer, ahead_s, profiling(peer.uri, tmp_path / f"run{ahead_s}", "--json")))
    for peer, ahead_s, command in commands:
        command.reaches("repeat 2 of 2")
        peer.set_clock(ahead_s)
    for peer, _, command in commands:
        assert command.ends() == 0
        (row,) = command.json()["results"]
        assert row["power_w"] == pytest.approx(peer.truth.battery_w[0], rel=0.02)
        assert any(reason.startswith("wall_clock_stepped") for reason in row["quality_reasons"])
        assert left_on(peer) == []


@pytest.mark.long
def test_phone_that_comes_back_costs_no_repeat(
    pixel: PeerPhone, adreno: PeerPhone, samsung: PeerPhone, tmp_path: Path
) -> None:
    """Unplugged, its adbd restarted, frozen: three phones at once."""
    acts: dict[str, tuple[PeerPhone, tuple[Callable[[], object], ...]]] = {
        "unplugged": (pixel, (pixel.unplug, pixel.plug)),
        "restarted": (adreno, (adreno.kill_adbd, adreno.start_adbd)),
        "frozen": (samsung, (lambda: samsung.freeze_adbd(3.0).join(),)),
    }
    commands = {fault: profiling(peer.uri, tmp_path / fault, "--json") for fault, (peer, _) in acts.items()}
    for fault, (peer, those) in acts.items():
        commands[fault].reaches("repeat 2 of 2")
        until(lambda peer=peer: any("sleep 2" in words for words in peer.processes().values()))  # type: ignore[misc]
        for act in those:
            act()
    for fault, command in commands.items():
        assert command.ends() == 0, command.errors
        row = command.json()["results"][0]
        assert row["latency_s_n"] == 2
        assert ("restarted:connection lost" in row["quality_reasons"]) is (fault != "frozen")
        assert left_on(acts[fault][0]) == []


def test_recording_goes_on_after_a_restart(phone: PeerPhone, tmp_path: Path) -> None:
    command = started("record", "-d", phone.uri, "--seconds", "6", "-o", tmp_path / "run")
    command.reaches("recording")
    until(lambda: _rows(tmp_path / "run"))
    phone.kill_adbd()
    phone.start_adbd()
    assert command.ends() == 0
    assert re.search(r"  gaps in \d+ streams, up to ", command.output.decode())
    gaps = pq.read_table(tmp_path / "run" / "gaps.parquet").to_pylist()
    assert {"phone-odpm0", "phone-freq"} <= {gap["stream"] for gap in gaps if gap["t1_ns"] > gap["t0_ns"]}


def _rows(run: Path) -> bool:
    return (run / "streams").is_dir() and any(path.stat().st_size > 4096 for path in (run / "streams").iterdir())


def test_interrupted_run_is_kept_and_the_phone_left_clean(
    pixel: PeerPhone, adreno: PeerPhone, samsung: PeerPhone, tmp_path: Path
) -> None:
    """Ctrl-C, SIGTERM and kill -9: three phones at once."""
    peers = {signal.SIGINT: pixel, signal.SIGTERM: adreno, signal.SIGKILL: samsung}
    commands = {sign: profiling(peer.uri, tmp_path / sign.name) for sign, peer in peers.items()}
    for sign, command in commands.items():
        command.reaches("repeat 2 of 2")
        windows = tmp_path / sign.name / "windows.arrows"
        # Its warm-up names it as well, a flush earlier.
        until(lambda windows=windows: windows.read_bytes().count(b"measure/0") > 1)  # type: ignore[misc]
        command.process.send_signal(sign)
    for sign, command in commands.items():
        if sign is signal.SIGKILL:
            assert command.ends() == -sign
            until(lambda peer=peers[sign]: left_on(peer) == [])  # type: ignore[misc]
        else:
            assert "interrupted; the run up to now is kept: edgewatt process " in command.fails(130)
            assert left_on(peers[sign]) == []
        # The second may have ended while the signals of the others were waited for.
        assert edgewatt_json("process", tmp_path / sign.name)["results"][0]["latency_s_n"] in (1, 2)


def test_interrupted_before_it_began_there_is_no_run(phone: PeerPhone, tmp_path: Path) -> None:
    command = profiling(phone.uri, tmp_path / "run")
    command.reaches("looking")
    command.process.send_signal(signal.SIGINT)
    assert command.fails(130).endswith("interrupted; nothing was recorded yet")
    assert not (tmp_path / "run").exists()


def test_phone_that_is_gone_for_good_ends_a_verb_with_6_and_keeps_the_run(lost: list[Lost]) -> None:
    for peer, run, command in lost:
        assert f"the run up to now is kept: edgewatt process {run}" in command.fails(6)
        assert edgewatt("process", run).returncode == 0
        peer.plug()
        until(lambda peer=peer: left_on(peer) == [])  # type: ignore[misc]


def test_phone_that_is_not_there_is_said(phone: PeerPhone, tmp_path: Path) -> None:
    phone.unplug()
    for verb in ("doctor", "record", "profile"):
        words = {"doctor": (), "record": ("-o", tmp_path / "r"), "profile": ("@tiny", "-o", tmp_path / "p", *BRIEF)}
        assert "connection refused" in started(verb, "-d", phone.uri, *words[verb]).fails(6)
