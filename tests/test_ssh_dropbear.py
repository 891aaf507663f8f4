"""The same over dropbear, the server of small boards, which is not OpenSSH's."""

import os
import time
from pathlib import Path

import pytest

from edgewatt.collectors.boards.device import FAMILY
from edgewatt.collectors.transports.link import LinkTimeout
from edgewatt.collectors.transports.ssh_link import Connecting
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import parse_uri
from tests.jetson_trees import orin_nx
from tests.sshd.server import Dropbear, StartBoard, running_with

pytest_plugins = ["tests.sshd.fixtures"]
pytestmark = pytest.mark.peer

PATIENCE_S = 30.0


def test_commands_files_and_what_is_left_of_them(start_board: StartBoard, tmp_path: Path) -> None:
    board = start_board(kind=Dropbear)
    link = Connecting(board.address)()
    done = link.run("echo out; echo err >&2; exit 7", timeout_s=PATIENCE_S)
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    assert link.run(f"echo {'x' * 50_000}", timeout_s=PATIENCE_S).stdout == b"x" * 50_000 + b"\n"
    content = os.urandom(3 << 20)
    link.push(content, "there", mode=0o700)
    link.pull("there", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content
    with pytest.raises(LinkTimeout):
        link.run("sleep 32109", timeout_s=0.5)
    stream = link.stream("echo on; sleep 32109")
    assert stream.read(PATIENCE_S) == b"on\n"
    stream.close()
    end_s = time.monotonic() + PATIENCE_S
    while running_with("sleep 32109"):
        assert time.monotonic() < end_s
        time.sleep(0.02)
    assert link.run("echo still", timeout_s=PATIENCE_S).stdout == b"still\n"
    link.close()


def test_a_board_is_sampled(start_board: StartBoard) -> None:
    board = start_board(kind=Dropbear)
    tree = board.home / "tree"
    orin_nx(tree)
    device = FAMILY.open(parse_uri(f"{board.address.text}?sysfs={tree}/sys&root={tree}"))
    (sampler,) = device.collectors
    sampler.open(HostClock())
    rows, end_s = 0, time.monotonic() + PATIENCE_S
    while rows < 20:
        assert time.monotonic() < end_s
        item = sampler.read(0.2)
        rows += len(item) if isinstance(item, Batch) and item.stream == "rails" else 0
    sampler.close()
    device.close()
    while running_with(f"{tree}/sys/"):
        assert time.monotonic() < end_s
        time.sleep(0.02)
