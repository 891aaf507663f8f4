"""Sampling over OpenSSH's own server: rows, clocks, cuts, and that nothing of it stays on the board."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest

from edgewatt.collectors.boards.clock import BOARD_CLOCK, BoardClock
from edgewatt.collectors.boards.device import FAMILY
from edgewatt.collectors.boards.finding import find, survey_board
from edgewatt.collectors.boards.sampler import BoardSampler
from edgewatt.collectors.transports.reached import Reached
from edgewatt.collectors.transports.ssh_link import Connecting
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.clockfit import fit_echoes
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.profiler.protocols import Collector
from edgewatt.profiler.running.record import record
from tests.jetson_trees import orin_nx
from tests.shell import edgewatt_json
from tests.sshd.server import Board, StartBoard
from tests.trees import write

pytest_plugins = ["tests.sshd.fixtures"]
pytestmark = pytest.mark.peer

PATIENCE_S = 30.0
SCRIPT = ": edgewatt-"
# What a board without bash still has.
PROGRAMS = ("sh", "cat", "sleep", "tr", "readlink", "wc", "chmod", "mv", "rm")


def reached(board: Board, **places: str) -> Reached:
    return Reached(board.address.text, Connecting(board.address), clock=BOARD_CLOCK, **places)


def jetson(board: Board, query: str = "period=0.02") -> Device:
    tree = board.home / "tree"
    if not tree.exists():
        orin_nx(tree)
    return FAMILY.open(parse_uri(f"{board.address.text}?sysfs={tree}/sys&root={tree}&{query}"))


@pytest.fixture
def orin(board: Board) -> Iterator[Device]:
    device = jetson(board)
    yield device
    device.close()


def until(collector: Collector, enough: Callable[[list[Batch | Gap | End]], bool]) -> list[Batch | Gap | End]:
    """What it gives until that is enough."""
    items: list[Batch | Gap | End] = []
    end_s = time.monotonic() + PATIENCE_S
    while not enough(items):
        assert time.monotonic() < end_s, items[-5:]
        item = collector.read(0.2)
        if not isinstance(item, Batch) or len(item):
            items.append(item)
    return items


def rows(items: Sequence[Batch | Gap | End], stream: str) -> int:
    return sum(len(item) for item in items if isinstance(item, Batch) and item.stream == stream)


def scripts(board: Board) -> list[int]:
    """Samplers of files below `board` that run on this machine, which is the board's too: the shells, no ssh."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = process.cmdline()
            if len(words) > 2 and words[-2] == "-c" and words[-1].startswith(SCRIPT) and str(board.folder) in words[-1]:
                found.append(process.pid)
    return found


def none_left(board: Board) -> bool:
    end_s = time.monotonic() + PATIENCE_S
    while scripts(board):
        if time.monotonic() > end_s:
            return False
        time.sleep(0.02)
    return True


def test_a_jetson_is_recorded_with_its_own_stamps(orin: Device, board: Board, tmp_path: Path) -> None:
    began_ns = time.monotonic_ns()
    trace = record(orin, tmp_path / "run", seconds=1.5)
    ended_ns = time.monotonic_ns()
    assert (orin.soc, orin.facts["device_id_basis"]) == ("tegra234", "devicetree serial-number")
    assert (trace.manifest.conditions["l4t"], trace.manifest.conditions["nvpmodel"]) == ("36.4.4", "15W")
    assert "jetson/vdd_in" in {source.name for source in trace.sources}
    assert trace.rows("jetson-rails") > 20
    assert trace.verify() == []
    host_ns = np.concatenate([chunk.t_ns for chunk in trace.chunks("jetson-rails")])
    assert ((began_ns < host_ns) & (host_ns < ended_ns)).all()
    assert none_left(board)


def test_every_rail_of_a_tree_is_read_at_its_rate(orin: Device, board: Board) -> None:
    (sampler,) = orin.collectors
    opened = sampler.open(HostClock())
    items = until(sampler, lambda items: rows(items, "rails") >= 50)
    sampler.close()
    assert (opened.name, opened.clock) == ("jetson", BOARD_CLOCK)
    assert opened.facts["epochrealtime"]
    assert opened.facts["waits"] == "read"
    batches = [item for item in items if isinstance(item, Batch) and item.stream == "rails"]
    assert not [item for item in items if not isinstance(item, Batch) and item.t1_ns > item.t0_ns]
    volts = np.concatenate([batch.columns["vdd_in.voltage_v"] for batch in batches])
    amperes = np.concatenate([batch.columns["vdd_in.current_a"] for batch in batches])
    assert set(volts * amperes) == {5.0 * 1.05}
    t_ns = np.concatenate([batch.t_ns for batch in batches])
    assert (np.diff(t_ns) > 0).all()
    assert none_left(board)


def test_rails_that_all_read_nothing_are_not_measured(orin: Device, board: Board) -> None:
    (sampler,) = orin.collectors
    sampler.open(HostClock())
    for path in (board.home / "tree" / "sys").rglob("curr[1-3]_input"):
        write(path, 0)

    def blank(items: list[Batch | Gap | End]) -> bool:
        last = items[-1] if items else None
        return (
            isinstance(last, Batch) and last.stream == "rails" and bool(np.isnan(last.columns["vdd_in.current_a"][-1]))
        )

    until(sampler, blank)
    sampler.close()


def test_a_connection_that_is_cut_is_a_gap_and_made_again(orin: Device, board: Board) -> None:
    (sampler,) = orin.collectors
    sampler.open(HostClock())
    until(sampler, lambda items: rows(items, "rails") >= 10)
    board.cut()
    items = until(sampler, lambda items: any(isinstance(item, Gap) and item.t1_ns > item.t0_ns for item in items))
    more = until(sampler, lambda items: rows(items, "rails") >= 10)
    gaps = [item for item in items if isinstance(item, Gap)]
    assert all("the connection ended" in gap.cause for gap in gaps)
    assert {gap.stream for gap in gaps} >= {"rails"}
    assert not [item for item in more if isinstance(item, End)]
    assert len(scripts(board)) == 1
    assert orin.target is not None
    assert orin.target.probe_clock(HostClock()).device_ns > gaps[-1].t1_ns
    sampler.close()
    assert none_left(board)


def test_a_board_that_stays_away_is_a_clear_end(start_board: StartBoard) -> None:
    board = start_board()
    orin_nx(board.home / "tree")
    at = reached(board, sysfs=f"{board.home}/tree/sys", root=f"{board.home}/tree")
    sampler = BoardSampler(at, lambda: find(survey_board(at)), "jetson", away_s=0.5)
    sampler.open(HostClock())
    until(sampler, lambda items: rows(items, "") >= 1)
    assert scripts(board)
    board.stop()
    last = until(sampler, lambda items: bool(items) and isinstance(items[-1], End))[-1]
    assert isinstance(last, End)
    assert "no SSH server listens there" in last.cause
    sampler.close()
    at.hang_up()
    assert none_left(board)


def test_two_boards_at_once_are_two(orin: Device, board: Board) -> None:
    other = jetson(board, "period=0.1")
    pair = [device.collectors[0] for device in (orin, other)]
    for sampler in pair:
        sampler.open(HostClock())
    for sampler in pair:
        until(sampler, lambda items: rows(items, "rails") >= 5)
    for sampler in pair:
        sampler.close()
    other.close()
    assert none_left(board)


def test_the_bound_of_its_clock_holds_the_truth(board: Board) -> None:
    """The board is this machine: what its clock says at any time can be computed."""
    at = reached(board)
    target = BoardClock(at)
    clock = HostClock()
    start = [target.probe(clock) for _ in range(12)]
    board.cut()
    end = [target.probe(clock) for _ in range(12)]
    fit = fit_echoes(BOARD_CLOCK, start, end)
    assert fit.bound_ns < 20_000_000
    for _ in range(5):
        before_ns, wall_ns, after_ns = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
        uptime = Path("/proc/uptime").read_bytes().split()[0]
        epoch = f"{wall_ns // 10**9}.{wall_ns % 10**9 // 1000:06d}".encode()
        device_ns = at.stamps.to_ns(epoch, uptime)
        assert device_ns is not None
        host_ns = int(fit.to_host(np.array([device_ns], np.int64))[0])
        assert before_ns - fit.bound_ns - 1000 <= host_ns <= after_ns + fit.bound_ns + 1000
    target.close()
    at.hang_up()


def without_bash(folder: Path) -> str:
    """sshd's option for a PATH with the programs that a small board has."""
    folder.mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(Path(found).resolve())
    return f"SetEnv PATH={folder}"


def test_a_board_without_bash_is_sampled_by_its_sh(start_board: StartBoard, tmp_path: Path) -> None:
    board = start_board(shell="/bin/sh", more=without_bash(tmp_path / "programs"))
    orin = jetson(board)
    (sampler,) = orin.collectors
    opened = sampler.open(HostClock())
    until(sampler, lambda items: rows(items, "rails") >= 10)
    assert opened.facts["epochrealtime"] is False
    assert [one.what for one in orin.blocked()] == ["times below 10 ms"]
    assert orin.target is not None
    echo = orin.target.probe_clock(HostClock())
    assert echo.answered_ns - echo.asked_ns > 10_000_000
    sampler.close()
    orin.close()
    assert none_left(board)


def test_what_may_not_be_read_is_told_with_the_command_that_helps(board: Board) -> None:
    tree = board.home / "tree"
    orin_nx(tree)
    rail = next(path for path in (tree / "sys/bus/i2c/devices").rglob("curr1_input"))
    rail.chmod(0)
    device = jetson(board)
    opened = device.collectors[0].open(HostClock())
    device.collectors[0].close()
    device.close()
    (told,) = [one for one in opened.unavailable if one.what == "vdd_in.power_w"]
    assert "permission denied" in told.reason
    assert told.fix.startswith("sudo chmod a+r ")
    assert "curr1_input" in told.fix
    assert "jetson/vdd_in" not in {source.name for source in opened.sources}


def test_any_other_board_shows_its_load_and_its_conditions(board: Board, tmp_path: Path) -> None:
    device = FAMILY.open(parse_uri(board.address.text))
    (sampler,) = device.collectors
    opened = sampler.open(HostClock())
    items = until(sampler, lambda items: rows(items, "") >= 2)
    columns = {channel.column for channel in opened.channels[""]}
    assert {"cpu.load_ratio", "memory_used.memory_b"} <= columns
    load = [item for item in items if isinstance(item, Batch) and item.stream == ""][-1].columns["cpu.load_ratio"][-1]
    assert 0 <= load <= 1
    sampler.close()
    assert device.target is not None
    facts = device.target.facts()
    assert facts["os_build"]
    assert facts["load_before"] is not None
    assert device.facts["cpu_count"]
    (tmp_path / "a").write_text("x")
    device.target.push(tmp_path / "a", f"{board.home}/a")
    assert device.target.run(["cat", f"{board.home}/a"], timeout_s=PATIENCE_S).stdout == b"x"
    assert device.target.run(["printf", "%s", "$(id) ; a  b"], timeout_s=PATIENCE_S).stdout == b"$(id) ; a  b"
    device.close()


def test_pulses_for_a_meter_beside_it_are_stamped_by_its_clock(board: Board) -> None:
    device = FAMILY.open(parse_uri(board.address.text))
    assert device.pulses is not None
    assert device.target is not None
    assert device.quiet is not None
    before = device.target.probe_clock(HostClock())
    edges = device.pulses(((0.1, 0.05), (0.05, 0.05)))
    after = device.target.probe_clock(HostClock())
    assert (before.device_ns < edges.begin_ns).all()
    assert (edges.begin_ns < edges.end_ns).all()
    assert (edges.end_ns < after.device_ns).all()
    assert device.quiet().collectors == ()
    device.close()


def test_doctor_tells_what_a_board_measures_and_what_would_help(board: Board) -> None:
    tree = board.home / "tree"
    orin_nx(tree)
    next((tree / "sys/bus/i2c/devices").rglob("curr1_input")).chmod(0)
    told = edgewatt_json("doctor", "-d", f"{board.address.text}?sysfs={tree}/sys&root={tree}")
    (device,) = told["devices"]
    assert device["name"] == "NVIDIA Jetson Orin NX Engineering Reference Developer Kit"
    assert {"vdd_soc.voltage_v", "cpu.load_ratio"} <= {channel["column"] for channel in device["channels"]}
    fixes = {one["what"]: one["fix"] for one in device["unavailable"]}
    assert fixes["vdd_in.power_w"].startswith("sudo chmod a+r ")
    assert none_left(board)
