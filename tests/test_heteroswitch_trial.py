"""Training with the method around it: what is sent, that runs repeat, diverged devices, and the command."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from edgewatt import cli
from edgewatt.commands import simulate_heteroswitch
from edgewatt.models.federated.heteroswitch import study as study_module
from edgewatt.models.federated.heteroswitch.emulated import Emulated, Photographed
from edgewatt.models.federated.heteroswitch.hook import Generalising
from edgewatt.models.federated.heteroswitch.methods import ALWAYS_ON, FEDAVG, HETEROSWITCH, METHODS, Setup, setup_of
from edgewatt.models.federated.heteroswitch.trial import Trial, tried
from edgewatt.models.federated.heteroswitch.world import Fleet, World
from edgewatt.models.federated.learning.data import Data
from edgewatt.models.federated.learning.digits import digits
from edgewatt.models.federated.learning.local import Task, train_one
from edgewatt.models.federated.learning.together import train_together
from edgewatt.models.federated.round import Update
from edgewatt.models.scheduling.constants import Constants, Draw, constants_of
from edgewatt.profiler.calibration.calibration import table_of
from edgewatt.profiler.errors import UsageError

pytestmark = pytest.mark.extra
pytest.importorskip("torch")
pytest.importorskip("sklearn")
CONSTANTS = constants_of("../federated/heteroswitch")
SMALL = replace(setup_of(CONSTANTS, Draw(), "reduced"), participants=4, rounds=6, measured_rounds=2)


@cache
def small_world() -> World:
    whole = digits()
    few = replace(whole, held_inputs=whole.held_inputs[:60], held_targets=whole.held_targets[:60])
    return Emulated(CONSTANTS, Fleet(12, 25, 1), few)(0, Draw(), "")


def sent(method: Any, setup: Setup, loss_ema: float | None, *, together: bool) -> list[Update]:
    """Two devices of 25 pictures."""
    world = small_world()
    weights = world.network.first(0)
    tasks = [
        Task(world.data.inputs[rows], world.data.targets[rows], setup.batch, 2, setup.rate, (0, 1, k))
        for k, rows in enumerate(world.parts.rows[:2])
    ]
    hooks = [Generalising(method, setup, loss_ema) for _ in tasks]
    if together:
        return train_together(world.network, weights, tasks, hooks)
    return [train_one(world.network, weights, task, hook) for task, hook in zip(tasks, hooks, strict=True)]


def near(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return all(np.allclose(a[name], b[name], rtol=1e-4, atol=1e-5) for name in a)


@pytest.mark.parametrize("method", [FEDAVG, ALWAYS_ON, HETEROSWITCH])
def test_devices_together_are_what_each_is_alone(method: Any) -> None:
    for one, other in zip(
        sent(method, SMALL, 9.0, together=True), sent(method, SMALL, 9.0, together=False), strict=True
    ):
        assert near(one.weights, other.weights)
        assert one.loss == pytest.approx(other.loss, rel=1e-4)
        assert dict(one.more) == dict(other.more)


def test_a_switch_that_is_off_leaves_fedavg_and_on_is_always_on() -> None:
    def weights(method: Any, loss_ema: float | None) -> Mapping[str, Any]:
        return sent(method, SMALL, loss_ema, together=True)[0].weights

    assert near(weights(HETEROSWITCH, None), weights(FEDAVG, None))
    assert near(weights(HETEROSWITCH, 1e-3), weights(FEDAVG, None)), "no loss is below it: both switches are off"
    assert near(weights(HETEROSWITCH, 1e3), weights(ALWAYS_ON, None)), "every loss is below it: both are on"
    assert not near(weights(FEDAVG, None), weights(ALWAYS_ON, None))


def test_what_is_sent_is_the_mean_of_the_weights_after_every_batch() -> None:
    averaged = next(method for method in METHODS if method.name == "always averaged")
    seen: list[dict[str, Any]] = []

    class Watching(Generalising):
        def after_batch(self, number: int, weights: Mapping[str, Any]) -> None:
            seen.append({name: of.detach().numpy().copy() for name, of in weights.items()})
            super().after_batch(number, weights)

    world = small_world()
    rows = world.parts.rows[0]
    task = Task(world.data.inputs[rows], world.data.targets[rows], 10, 1, 0.1, (0, 1, 0))
    update = train_one(world.network, world.network.first(0), task, Watching(averaged, SMALL, None))
    assert len(seen) == 3
    assert near(update.weights, {name: np.mean([of[name] for of in seen], 0) for name in seen[0]})


def test_a_run_repeats_and_another_seed_differs() -> None:
    first, again, other = (tried(small_world(), HETEROSWITCH, SMALL, seed) for seed in (0, 0, 1))
    assert (first.of_types == again.of_types).all()
    assert first.log == again.log
    assert [row["client"] for row in first.log] != [row["client"] for row in other.log]
    assert [row["client"] for row in tried(small_world(), FEDAVG, SMALL, 0).log] == [r["client"] for r in first.log]


def test_losses_fall() -> None:
    for method in (FEDAVG, next(m for m in METHODS if m.name == "Scaffold")):
        log = tried(small_world(), method, replace(SMALL, rounds=8, epochs=4), 0).log
        first, last = (np.mean([row["loss"] for row in log if row["round"] == number]) for number in (1, 8))
        assert last < 0.9 * first, method.name


def test_a_type_left_out_takes_no_part() -> None:
    trial = tried(small_world(), FEDAVG, SMALL, 0, left_out=1)
    assert trial.left_out == small_world().types[1]
    assert trial.left_out not in {row["device_type"] for row in trial.log}
    assert 0 <= trial.of_left_out <= 100


def test_a_device_that_diverges_is_named_and_the_round_goes_on() -> None:
    """Weights of one device become no number; the other three are averaged."""
    world = small_world()
    trial = tried(world, FEDAVG, replace(SMALL, rate=1e30), 0)
    assert trial.refused == len(trial.log) == 24
    assert "training diverged" in trial.log[0]["why_not"]
    assert np.isfinite(trial.of_types).all()
    broken = world.network.forward

    def forward(weights: Mapping[str, Any], inputs: Any) -> Any:
        return broken(weights, inputs) / (inputs.amax((-3, -2, -1)) > 0)[..., None].float()

    black = world.data.inputs.copy()
    black[world.parts.rows[int(trial.log[0]["client"])]] = 0
    odd = replace(world, network=replace(world.network, forward=forward), data=replace(world.data, inputs=black))
    trial = tried(odd, HETEROSWITCH, SMALL, 0)
    first = [row for row in trial.log if row["round"] == 1]
    assert [row["taken"] for row in first] == [False, True, True, True]
    assert np.isfinite(trial.of_types).all()


def test_more_participants_than_devices_are_refused() -> None:
    with pytest.raises(UsageError, match="13 participants a round, and 12 devices can take part"):
        tried(small_world(), FEDAVG, replace(SMALL, participants=13), 0)


def test_photographs_of_real_phones_are_of_the_phones_that_took_them() -> None:
    rng = np.random.default_rng(0)
    pictures, targets = rng.integers(0, 256, (40, 3, 32, 32)).astype(np.uint8), np.arange(40) % 2
    owners = np.arange(40) // 20
    data = Data("made", pictures, targets, pictures, targets, 2, owners, owners, ("galaxys22", "Galaxy S6"))
    world = Photographed(CONSTANTS, Fleet(10, 8, 1), data)(0, Draw(), "")
    assert all((owners[rows] == kind).all() for rows, kind in zip(world.parts.rows, world.type_of, strict=True))
    assert list(np.bincount(world.type_of)) == [4, 6], "by the shares of the phones that are named alike"
    assert tried(world, HETEROSWITCH, replace(SMALL, rounds=1, measured_rounds=1), 0).of_types.shape == (2,)
    none = replace(data, held_owners=np.zeros(40, np.int64))
    with pytest.raises(UsageError, match="Galaxy S6 has too few pictures"):
        Photographed(CONSTANTS, Fleet(10, 8, 1), none)(0, Draw(), "")


def test_flags_give_averaged_precision() -> None:
    rng = np.random.default_rng(0)
    pictures, flags = (
        rng.integers(0, 256, (24, 3, 32, 32)).astype(np.uint8),
        rng.integers(0, 2, (24, 3)).astype(np.uint8),
    )
    data = Data("made", pictures, flags, pictures, flags, 3)
    world = Emulated(CONSTANTS, Fleet(10, 8, 1), data)(0, Draw(), "tone")
    trial: Trial = tried(world, FEDAVG, replace(SMALL, rounds=1, measured_rounds=1), 0)
    assert trial.of_types.shape == (9,)
    assert (trial.of_types > 20).all()


def _tiny() -> Constants:
    sizes = {
        "devices_n": 10, "participants_n": 3, "rounds_n": 2, "samples_n": 10, "measured_rounds_n": 1,
        "apart_seeds_n": 1, "draws_n": 1,
    }  # fmt: skip
    return replace(CONSTANTS, scenarios={"reduced": sizes, "full": sizes})


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(simulate_heteroswitch, "constants_of", lambda _: _tiny())
    rows = [
        {
            "device_id": name, "device": name, "reference": "c", "gain_r_ratio": 1.0, "gain_g_ratio": 1.0,
            "gain_b_ratio": gain, "gamma_ratio": 1.1, "basis": "measured", "source": "sha256:0",
        }
        for name, gain in (("a", 0.9), ("b", 1.1))
    ]  # fmt: skip
    isp = str(tmp_path / "isp.parquet")
    pq.write_table(table_of("isp", rows), isp)
    out = tmp_path / "out"
    words = [
        "simulate",
        "heteroswitch",
        "--seeds",
        "1",
        "--processes",
        "1",
        "--calibration",
        isp,
        "--resume",
        str(tmp_path / "kept"),
        "--json",
    ]
    assert cli.main([*words, "-o", str(out)]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert (found["system"], found["calibration"]) == ("heteroswitch", isp)
    assert [row["published"] for row in found["figures"] if row["headline"]] == [6.3]
    assert {row["basis"] for row in found["figures"]} == {"simulated on measured rows and assumed constants"}
    assert "cameras: a, b, c" in printed.err
    devices = pq.read_table(out / "devices.parquet").to_pylist()
    assert {row["device_type"] for row in devices} == {"a", "b", "c"}
    assert {row["left_out"] for row in devices} == {"", "a", "b", "c"}
    rounds = pq.read_table(out / "rounds.parquet").to_pylist()
    assert len(rounds) == len(METHODS) * 2 * 3
    assert {
        "round",
        "client",
        "device_type",
        "loss_before",
        "loss",
        "loss_ema",
        "switch1",
        "switch2",
        "samples_n",
    } <= set(rounds[0])
    assert len(json.loads((out / "figures.json").read_text())) == 5
    assert cli.main([*words, "-o", str(out)]) == 2
    assert "exists already; nothing was simulated" in capsys.readouterr().err

    # All of it is kept: nothing is trained again, fewer methods neither.
    monkeypatch.setattr(study_module, "tried", None)
    assert cli.main([*words, "-o", str(tmp_path / "again")]) == 0
    assert json.loads(capsys.readouterr().out) == found
    assert pq.read_table(tmp_path / "again" / "rounds.parquet").to_pylist() == rounds
    assert cli.main([*words, "--seeds-only", "--methods", "scaffold", "-o", str(tmp_path / "few")]) == 0
    capsys.readouterr()
    assert {row["method"] for row in pq.read_table(tmp_path / "few" / "devices.parquet").to_pylist()} == {
        "FedAvg", "Scaffold", "HeteroSwitch",
    }  # fmt: skip
    assert len(json.loads((tmp_path / "few" / "figures.json").read_text())) == 3
