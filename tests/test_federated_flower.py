"""Flower's engine: the same run as the loop's, lost and odd replies, checkpoints of either; kept to this machine."""

import logging
import os
import subprocess
import sys
import threading
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgewatt.models.federated.engines import flower_offline, flower_waiting, loop
from edgewatt.models.federated.engines.flower import play
from edgewatt.models.federated.engines.flower_offline import by_itself, ready, refuse_without_loopback
from edgewatt.models.federated.engines.flower_waiting import Heeding, Stopped, in_a_thread
from edgewatt.models.federated.engines.loop import Keeping
from edgewatt.models.federated.policies.autofl import autofl
from edgewatt.models.federated.round import Policy
from edgewatt.profiler.errors import EdgewattError, UsageError
from tests.federated_policies_fleet import TinyFleet
from tests.flower_here import DEVICES_N, IN_ROUND, LOST, Drawing, Quiet, numbers, play_here, same, setup, switched

# flwr and ray warn as they are imported, and ray as its children are collected.
pytestmark = [
    pytest.mark.extra,
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning", "ignore::ResourceWarning"),
]


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes messages outside of a simulation has to say who it is."""
    from flwr.supercore.task_identity import TaskIdentity  # noqa: PLC0415

    for name in ("_run_id", "_node_id", "_task_id"):
        monkeypatch.setattr(TaskIdentity, name, 1)
    monkeypatch.setattr(logging.getLogger("flwr"), "level", logging.CRITICAL)


@pytest.mark.usefixtures("messages")
@pytest.mark.parametrize("method", ["fedavg", "scaffold", "fedl"])
def test_a_run_is_the_loops(method: str, tmp_path: Path) -> None:
    def policy() -> Policy:
        return autofl(3) if method == "fedavg" else Drawing()

    found = play_here(policy(), setup(method), 3, tmp_path)
    same(loop.play(policy(), setup(method), 3, together=False), found.run)
    assert found.grid.asked == [DEVICES_N]
    for played, sent in zip(found.run.rounds, found.grid.sent, strict=True):
        told = {found.grid.device_of[of.metadata.dst_node_id]: dict(of.content["config"]) for of in sent}
        kinds = [TinyFleet().kinds[k] for k in TinyFleet().kind_of[played.choice.devices]]
        chosen = zip(played.choice.devices, played.choice.batch, played.choice.epochs, played.choice.target, kinds,
                     strict=True)  # fmt: skip
        for device, batch, epochs, place, kind in chosen:
            of = told.pop(int(device))
            assert (of["batch"], of["epochs"]) == (batch, epochs)
            assert (of["target"], of["frequency-hz"]) == (kind.targets[place].name, kind.targets[place].frequency_hz)
        assert not told


@pytest.mark.usefixtures("messages")
def test_heteroswitch_is_the_loops_and_what_was_kept_goes_on_under_either(tmp_path: Path) -> None:
    unbroken, learner = switched(TinyFleet())
    whole = loop.play(Drawing(), unbroken, 4, together=False)
    switches = {(more["switch1"], more["switch2"]) for heard in learner.heard for more in heard}
    assert switches >= {(False, False), (True, True)}
    keeping = Keeping(tmp_path / "kept", "test", every_n=1)
    (first, at_first), (then, after) = switched(TinyFleet()), switched(TinyFleet())
    loop.play(Drawing(), first, 2, keeping, together=False)
    same(whole, play_here(Drawing(), then, 4, tmp_path, keeping=keeping).run)
    assert at_first.heard + after.heard == learner.heard
    assert after.kept()["hooks/loss_ema"] == pytest.approx(learner.kept()["hooks/loss_ema"])


@pytest.mark.usefixtures("messages")
def test_a_device_that_raises_is_told_of_as_in_the_loop(tmp_path: Path) -> None:
    fault = RuntimeError("no \x1b[31mroom" + "!" * 100)
    found = play_here(Drawing(), numbers(fault), 3, tmp_path).run
    same(loop.play(Drawing(), numbers(fault), 3), found)
    assert found.rounds[IN_ROUND].outcome.trouble[1].startswith("its training failed: 'RuntimeError: no ")
    (elsewhere := tmp_path / "elsewhere").mkdir()
    for engine in (lambda of: loop.play(Drawing(), of, 3), lambda of: play_here(Drawing(), of, 3, elsewhere)):
        with pytest.raises(UsageError, match="the data are gone"):
            engine(numbers(UsageError("the data are gone")))


@pytest.mark.usefixtures("messages")
def test_our_average_is_that_of_flowers_fedavg_on_the_same_replies(tmp_path: Path) -> None:
    from flwr.serverapp.strategy import FedAvg  # noqa: PLC0415

    found = play_here(Drawing(), setup(), 1, tmp_path)
    theirs, metrics = FedAvg().aggregate_train(1, found.grid.came[0])
    assert theirs is not None
    assert all(np.allclose(of.numpy(), found.run.weights[name], atol=1e-6) for name, of in theirs.items())
    assert metrics is not None
    assert metrics["loss"] == pytest.approx(float(np.average(found.run.rounds[0].outcome.loss)))


@pytest.mark.usefixtures("messages")
@pytest.mark.parametrize("lost", [True, False])
def test_a_device_that_is_lost_costs_its_reply_alone(lost: bool, tmp_path: Path) -> None:  # noqa: FBT001
    from flwr.app import Message  # noqa: PLC0415
    from flwr.app.error import Error  # noqa: PLC0415

    node_of: dict[int, int] = {}

    def answer(message: Any, reply: Any) -> Any:
        if message.metadata.message_type == "query":
            node_of[reply.content["config"]["partition-id"]] = reply.metadata.src_node_id
        elif message.content["config"]["round"] == IN_ROUND and message.metadata.dst_node_id == node_of[LOST]:
            return Message(Error(code=0, reason="the actor died"), reply_to=message) if lost else None
        return reply

    found = play_here(Drawing(), setup(), 3, tmp_path, answer)
    same(loop.play(Drawing(), setup(fleet=Quiet()), 3, together=False), found.run)
    assert found.run.rounds[IN_ROUND].outcome.trouble == {1: "does not answer"}


@pytest.mark.usefixtures("messages")
def test_what_is_no_update_is_refused_by_name_and_the_round_goes_on(tmp_path: Path) -> None:
    from flwr.app import ConfigRecord, RecordDict  # noqa: PLC0415

    rng = np.random.default_rng(0)

    def answer(message: Any, reply: Any) -> Any:
        if message.metadata.message_type == "query":
            return reply
        kind = rng.integers(4)
        if kind == 0:
            reply.content = RecordDict()
        elif kind == 1:
            reply.content = RecordDict({"config": ConfigRecord({"failed": "RuntimeError: \x1b[31m" + "x" * 5000})})
        elif kind == 2:
            reply.content["metrics"]["loss"] = float("nan")
        return reply

    run = play_here(Drawing(), setup(), 4, tmp_path, answer).run
    said = [why for played in run.rounds for why in played.outcome.trouble.values()]
    assert {why.split(":")[0].split(" (")[0] for why in said} == {
        "its reply is no update", "its training failed", "its loss is not a finite number",
    }  # fmt: skip
    assert all(why.isprintable() and len(why) < 200 for why in said)
    assert sum(int(played.outcome.replied.sum()) for played in run.rounds) == 16 - len(said)


@pytest.mark.usefixtures("messages")
def test_nodes_that_do_not_say_which_device_they_are_are_asked_again_and_then_named(tmp_path: Path) -> None:
    deaf = {"left": 3}

    def answer(message: Any, reply: Any) -> Any:
        if message.metadata.message_type == "query" and deaf["left"]:
            deaf["left"] -= 1
            return None
        return reply

    assert play_here(Drawing(), setup(), 1, tmp_path, answer).grid.asked == [DEVICES_N, 3]
    deaf["left"] = 1000
    with pytest.raises(EdgewattError, match="20 of Flower's 20 nodes did not say which device they are"):
        play_here(Drawing(), setup(), 1, tmp_path, answer)


def test_waiting_ends_where_the_run_is_to_end_or_time_is_over() -> None:
    class Mute:
        def push_messages(self, messages: Any) -> list[str]:
            return list(messages)

        def pull_messages(self, _left: Any) -> list[Any]:
            return []

    waiting = Heeding(Mute())
    assert waiting.send_and_receive(["one"], timeout=0.01) == []
    assert waiting.send_and_receive([], timeout=600) == []
    waiting.stop.set()
    with pytest.raises(Stopped):
        waiting.send_and_receive(["one"], timeout=600)
    with pytest.raises(Stopped):
        waiting.get_node_ids()


@pytest.mark.parametrize("times", [0, 1, 2, 3])
def test_an_interrupt_is_raised_when_the_work_has_ended(times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(threading.Event):
        left = times

        def wait(self, timeout: float | None = None) -> bool:
            if self.left:
                self.left -= 1
                raise KeyboardInterrupt
            return super().wait(timeout)

    stop, go_on, ended = threading.Event(), threading.Event(), []

    def work() -> None:
        assert not times or stop.wait(60)
        assert times < 3 or go_on.wait(60)
        ended.append(True)

    monkeypatch.setattr(flower_waiting, "threading", SimpleNamespace(Event=Interrupted, Thread=threading.Thread))
    with pytest.raises(KeyboardInterrupt) if times else nullcontext():
        in_a_thread(work, stop)
    assert ended == ([True] if times < 3 else []), "who asks a third time leaves at once"
    go_on.set()


def test_nothing_is_sent_where_nothing_is_trained_or_all_is_done(tmp_path: Path) -> None:
    of = replace(setup(), learner=None)
    same(loop.play(Drawing(), of, 2), play(Drawing(), of, 2))
    keeping = Keeping(tmp_path / "kept", "test")
    ours = loop.play(Drawing(), setup(), 2, keeping)
    same(ours, play(Drawing(), setup(), 2, keeping))


def test_what_may_never_end_is_ended() -> None:
    words = "import time; from edgewatt.models.federated.engines.flower_patience import ending_after as of"
    for what, code in (("of(0.05): time.sleep(600)", 1), ("of(600): pass", 0)):
        program = f"{words}\nwith {what}"
        assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == code


def test_the_process_is_put_back_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    before, level = dict(os.environ), logging.getLogger("flwr").level
    with by_itself() as folder:
        os.environ["PYTHONPATH"] = "changed"
        logging.getLogger("flwr").setLevel(logging.CRITICAL)
    assert (dict(os.environ), logging.getLogger("flwr").level) == (before, level)
    assert not folder.exists()
    monkeypatch.setattr(flower_offline, "VERSION", "9.9.9")
    with pytest.raises(UsageError, match=r"works with flwr 9.9.9, and 1.41.0 is installed"):
        ready()
    monkeypatch.setitem(sys.modules, "flwr", None)
    with pytest.raises(UsageError, match=r"flwr is not installed; pip install 'edgewatt\[federated\]'"):
        ready()
    # An address that is of no machine (RFC 5737).
    with pytest.raises(UsageError, match=r"talk over 192.0.2.1, which does not work here"):
        refuse_without_loopback("192.0.2.1")


def test_standard_output_is_the_studys_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """Ray prints of lost processes, in threads of its own and in the one in which it is ended."""
    with by_itself():
        for name in ("ray_print_logs", flower_waiting.THREAD):
            thread = threading.Thread(target=print, args=("(raylet) Task failed",), name=name)
            thread.start()
            thread.join()
        print('{"system": "autofl"}')
    assert capsys.readouterr().out == '{"system": "autofl"}\n'
