"""A load on a virtual phone comes back with the truth of it: its window in the host's time, and exact joules."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.profiler.collecting.load import Load, Ran
from edgewatt.profiler.collecting.offers import Offers
from edgewatt.profiler.errors import DeviceError
from edgewatt.virtual_lab.phone.body import clocks_of
from edgewatt.virtual_lab.phone.events import LOG, PIPE
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.truth_of_loads import TruthfulLoads

S = 1_000_000_000
ORIGIN = 1000 * S
T0, T1 = ORIGIN + 10 * S, ORIGIN + 12 * S


class Fake:
    """Loads of a phone that all run from 10 to 12 s after its beginning, by its own clock."""

    stopped = 0

    def __call__(self, load: Load) -> Ran:
        t0_ns, t1_ns = clocks_of(personality("pixel"), ORIGIN).boottime_ns([T0, T1]).tolist()
        return Ran(t0_ns, t1_ns, 5, {"loops": [7] * len(load.cpus)})

    def offers(self) -> Offers:
        return Offers(interface="wlan")

    def stop(self) -> None:
        self.stopped += 1


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Path]:
    """A lab's folder with a log, whose kernel answers one mark."""
    (tmp_path / PIPE).parent.mkdir()
    os.mkfifo(tmp_path / PIPE)
    changes = (("load", "core6", T0, 1.0), ("load", "core6", T1, 0.0))
    head = {"personality": "pixel", "quirks": [], "seed": 0, "origin_ns": ORIGIN}
    lines = [head, *({"change": change} for change in changes)]
    (tmp_path / LOG).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    pipe = os.open(tmp_path / PIPE, os.O_RDWR)

    def answer() -> None:
        word = os.read(pipe, 512).split()[-1].decode()
        with (tmp_path / LOG).open("a") as log:
            log.write(json.dumps({"mark": [word], "pid": 1}) + "\n")

    answering = threading.Thread(target=answer)
    answering.start()
    yield tmp_path
    os.write(pipe, b"end end\n")
    answering.join()
    os.close(pipe)


def test_what_was_really_drawn(lab: Path) -> None:
    ran = TruthfulLoads(Fake(), lab / LOG, {"main": "battery"})(Load("cpu", 2.0, (6,)))
    truth = ran.seen["truth"]
    assert (truth["t0_ns"], truth["t1_ns"]) == (T0, T1)
    assert truth["energy_j"]["cpu2"] == pytest.approx(2 * 0.6 * 3.6, rel=0.05)  # one of two cores, and leakage
    assert truth["energy_j"]["main"] == truth["energy_j"]["battery"] > truth["energy_j"]["cpu2"]
    assert ran.seen["loops"] == [7]
    assert ran.bound_ns == 5


def test_the_rest_is_as_before(lab: Path) -> None:
    inner = Fake()
    loads = TruthfulLoads(inner, lab / LOG)
    loads.stop()
    assert (inner.stopped, loads.offers().interface) == (1, "wlan")


def test_a_kernel_that_is_gone(tmp_path: Path) -> None:
    (tmp_path / LOG).write_text("")
    with pytest.raises(DeviceError, match="kernel is gone"):
        TruthfulLoads(Fake(), tmp_path / LOG)(Load("idle", 2.0))
