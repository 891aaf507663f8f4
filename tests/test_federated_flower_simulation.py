"""Flower's whole engine with Ray: a device dies, the user interrupts, and either engine goes on from the other."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

import psutil
import pytest

from edgewatt.models.federated.engines import flower, loop
from edgewatt.models.federated.engines.flower import play
from edgewatt.models.federated.engines.flower_offline import by_itself
from edgewatt.models.federated.engines.loop import Keeping, Played
from edgewatt.models.federated.engines.opening import Data, Setup
from edgewatt.models.federated.learning.learner import TorchLearner
from tests.federated_policies_fleet import TinyFleet
from tests.flower_here import DEVICES_N, IN_ROUND, LOST, Drawing, Dying, Numbers, Quiet, same, setup

pytestmark = [
    pytest.mark.extra,
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning", "ignore::ResourceWarning"),
]


def numbers(fleet: TinyFleet, deadly: tuple[int, int] | None = None) -> Setup:
    learner = Numbers(DEVICES_N, deadly)
    return replace(setup(fleet=fleet), data=Data(learner.samples_n, learner.classes_ratio), learner=learner)


def trained(fleet: TinyFleet, deadly: tuple[int, int] | None = None) -> Setup:
    of = setup(fleet=fleet)
    assert isinstance(of.learner, TorchLearner)
    if deadly is None:
        return of
    return replace(of, learner=Dying(**{each.name: getattr(of.learner, each.name) for each in fields(of.learner)}))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("made", [numbers, pytest.param(trained, marks=pytest.mark.long)])
def test_a_simulation_goes_on_from_the_loop_and_the_loop_from_it(
    made: Callable[..., Setup], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    keeping = Keeping(tmp_path / "kept", "test", every_n=1)
    loop.play(Drawing(), made(TinyFleet()), 1, keeping)
    before, threads = dict(os.environ), threading.enumerate()
    seen: list[Played] = []
    folders: list[Path] = []

    @contextmanager
    def noted() -> Iterator[Path]:
        with by_itself() as folder:
            folders.append(folder)
            yield folder

    def watch(played: Played) -> None:
        seen.append(played)
        if len(seen) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(flower, "by_itself", noted)
    with pytest.raises(KeyboardInterrupt):
        play(Drawing(), made(TinyFleet(), (LOST, IN_ROUND)), 5, keeping, watch, processes=1)
    assert seen[IN_ROUND].outcome.trouble == {1: "does not answer"}
    found = loop.play(Drawing(), made(TinyFleet()), 5, keeping, together=False)
    same(loop.play(Drawing(), made(Quiet()), 5, together=False), found)
    assert [of.outcome.fleet_j for of in seen] == [of.outcome.fleet_j for of in found.rounds[:4]]
    assert dict(os.environ) == before
    assert threading.enumerate() == threads
    assert not folders[0].exists()
    assert not [of for of in psutil.process_iter(["cmdline"]) if str(folders[0]) in str(of.info["cmdline"])]
    assert not list(home.iterdir())
    assert capfd.readouterr().out == ""
