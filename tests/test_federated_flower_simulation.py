"""Flower's whole engine with Ray and HeteroSwitch: a device dies, the user interrupts, either engine goes on."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from edgewatt.models.federated.engines import flower, loop
from edgewatt.models.federated.engines.flower import play
from edgewatt.models.federated.engines.flower_offline import by_itself
from edgewatt.models.federated.engines.loop import Keeping, Played
from tests.federated_policies_fleet import TinyFleet
from tests.flower_here import IN_ROUND, Drawing, Quiet, same, switched

pytestmark = [
    pytest.mark.extra,
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning", "ignore::ResourceWarning"),
]


@pytest.fixture
def interruptible() -> Iterator[None]:
    """As where a user sits before it: a process in the background may be deaf to interrupts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("interruptible")
def test_a_simulation_goes_on_from_the_loop_and_the_loop_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    keeping = Keeping(tmp_path / "kept", "test", every_n=1)
    loop.play(Drawing(), switched(TinyFleet())[0], 1, keeping, together=False)
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
            # The user's interrupt, in the thread that only waits; and the end of this one, before the round is kept.
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            raise KeyboardInterrupt

    monkeypatch.setattr(flower, "by_itself", noted)
    simulated, in_simulation = switched(TinyFleet(), deadly=True)
    with pytest.raises(KeyboardInterrupt):
        play(Drawing(), simulated, 5, keeping, watch, processes=1)
    assert not folders[0].exists()
    assert seen[IN_ROUND].outcome.trouble == {1: "does not answer"}
    rest, at_rest = switched(TinyFleet())
    found = loop.play(Drawing(), rest, 5, keeping, together=False)
    quiet, unbroken = switched(Quiet())
    same(loop.play(Drawing(), quiet, 5, together=False), found)
    assert [of.outcome.fleet_j for of in seen] == [of.outcome.fleet_j for of in found.rounds[:4]]
    assert in_simulation.heard == unbroken.heard[1:4]
    assert at_rest.heard == unbroken.heard[3:]
    assert any(more["switch2"] for heard in in_simulation.heard for more in heard)
    assert dict(os.environ) == before
    assert threading.enumerate() == threads
    assert not folders[0].exists()
    assert not [of for of in psutil.process_iter(["cmdline"]) if str(folders[0]) in str(of.info["cmdline"])]
    assert not list(home.iterdir())
    assert capfd.readouterr().out == ""
