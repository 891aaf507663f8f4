"""AutoScale's agent: its states, its reward, its table, and that it learns what the paper confirms."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewatt.models.scheduling.autoscale import Learning, learn, learning_of, lessons_of, reward
from edgewatt.models.scheduling.baselines import BEST_ON_DEVICE, CONNECTED_EDGE, CPU_FP32, ONLY_CLOUD, best, fixed
from edgewatt.models.scheduling.building import build
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.policy import load_policy, policy_of, save_policy, table_rows
from edgewatt.models.scheduling.scenarios import drawn, expected, joined, names
from edgewatt.models.scheduling.states import bins_of, fit_bins
from edgewatt.models.scheduling.trial import AUTOSCALE, tried
from edgewatt.models.scheduling.world import Conditions, Outcome, World
from edgewatt.profiler.errors import UsageError
from tests.scheduling_worlds import CONSTANTS, as_published, measured, own_phone

BINS = bins_of(CONSTANTS)
WORLD = build(as_published())
LEARNING = learning_of(CONSTANTS, [Draw()])


def only(world: World, *models: str) -> World:
    """The world with some of its networks."""
    m = [k for k, w in enumerate(world.workloads) if w.name in models]
    return replace(
        world, workloads=tuple(world.workloads[k] for k in m), rest_s=world.rest_s[:, m], busy_w=world.busy_w[:, m],
        sent_b=world.sent_b[:, m], received_b=world.received_b[:, m], service_s=world.service_s[:, m],
        radio_ratio=world.radio_ratio[:, m], spread=world.spread[:, m], valid=world.valid[m], basis=world.basis[m],
        accuracy=world.accuracy[m], required=world.required[m], qos_s=world.qos_s[m],
    )  # fmt: skip


def learnt(world: World, scenarios: list[str], each_n: int = 150) -> np.ndarray:
    """The table of one agent [states, actions]."""
    lessons = lessons_of(world, BINS, CONSTANTS, scenarios, [0], each_n)
    return learn(world, BINS, lessons, LEARNING, seed=0)[0]


@pytest.fixture(scope="module")
def taught() -> tuple[World, np.ndarray]:
    """Two networks, one of which the phone executes well itself and one of which it does not, and their agent."""
    world = only(WORLD, "mobilenet_v2", "resnet_50")
    return world, learnt(world, ["S1", "S2", "S4"])


def test_there_are_3072_states_and_the_table_takes_0_41_mb(taught: tuple[World, np.ndarray]) -> None:
    assert BINS.states_n == 3072
    policy = policy_of(taught[1], taught[0], BINS, "a test")
    assert policy.table.shape == (3072, 66)
    assert policy.size_b == 405_504


def test_every_combination_of_bins_is_another_state() -> None:
    layers = [(0, 30, 50, 90), (0, 10), (0, 10), (0, 1e9, 2e9)]
    shares, signals = (0.0, 0.1, 0.25, 0.75), (-81.0, -79.0)
    numbers = [BINS.number(of) for of in itertools.product(*layers, shares, shares, signals, signals)]
    assert sorted(numbers) == list(range(3072))


def test_the_ends_of_bins_are_the_papers() -> None:
    weak, regular = (BINS.number([dbm, 0.0], [6, 4]) for dbm in (-80.0, -79.9))
    assert regular - weak == BINS.weights()[6]
    bins = [BINS.number([share], [4]) // BINS.weights()[4] for share in (0.0, 1e-9, 0.2499, 0.25, 0.7499, 0.75, 1.0)]
    assert bins == [0, 1, 1, 2, 2, 3, 3]


def test_states_of_arrays_are_those_of_numbers() -> None:
    around = drawn(CONSTANTS, "D2", 50, np.random.default_rng(4))
    w = WORLD.workloads[3]
    for k, part in enumerate(BINS.of_conditions(around)):
        one = around[k]
        values = [w.conv_n, w.fc_n, w.rc_n, w.macs_n, one.co_cpu, one.co_memory, one.wlan_dbm, one.p2p_dbm]
        assert BINS.of_workload(w) + part == BINS.number(values)


def test_the_reward_has_the_three_cases_of_the_paper() -> None:
    of = Learning(*(np.array([value]) for value in (0.9, 0.1, 0.1, 0.1, 0.1, 1.0)))
    seconds, joules, accuracy = np.array([0.04, 0.06, 0.04]), np.full(3, 0.02), np.array([70.0, 70.0, 40.0])
    found = reward(Outcome(seconds, joules, joules, accuracy), np.full(3, 50.0), np.full(3, 0.05), of)
    assert found == pytest.approx([-20 + 0.1 * 40 + 7, -20 + 7, 40 - 100])


def test_the_best_is_that_of_an_exhaustive_search() -> None:
    around = joined([drawn(CONSTANTS, s, 3, np.random.default_rng(8)) for s in names(CONSTANTS)])
    network = np.arange(len(around.co_cpu)) % 10
    found = best(WORLD, network, around)
    for k, m in enumerate(network):
        every = [WORLD.expected(0, m, a, around[k]) for a in range(66)]
        accurate = [a for a in range(66) if WORLD.valid[m, a] and every[a].accuracy >= WORLD.required[m]]
        in_time = [a for a in accurate if every[a].latency_s < WORLD.qos_s[m]]
        least = min(in_time or accurate, key=lambda a: float(every[a].energy_j))
        assert found.action[k] == least
        assert found.is_possible[k] == bool(in_time)


def test_baselines_stay_at_the_highest_frequency() -> None:
    chosen = {name: fixed(WORLD, CONSTANTS, name) for name in (CPU_FP32, BEST_ON_DEVICE, ONLY_CLOUD, CONNECTED_EDGE)}
    assert {str(WORLD.actions[a]) for a in chosen[CPU_FP32]} == {"cpu fp32 2800 MHz"}
    assert {WORLD.actions[a].place for a in chosen[ONLY_CLOUD]} == {"cloud"}
    assert {WORLD.actions[a].place for a in chosen[CONNECTED_EDGE]} == {"edge"}
    assert {WORLD.actions[a].unit for a in chosen[BEST_ON_DEVICE]} == {"cpu", "dsp"}
    with pytest.raises(UsageError, match="baseline cpu_fp32: mi8pro has no choice of that kind"):
        fixed(replace(WORLD, valid=WORLD.valid & (np.arange(66) >= 46)), CONSTANTS, CPU_FP32)


def test_weak_wifi_moves_work_to_devices_and_a_co_runner_off_the_cpu(taught: tuple[World, np.ndarray]) -> None:
    world, table = taught
    trial = tried(world, table, CONSTANTS, ["S1", "S2", "S4"], 30, 1)
    strong, beside, weak = trial.targets[AUTOSCALE]
    assert sum(share for target, share in strong.items() if target.startswith("cloud")) > 0.4
    assert sum(share for target, share in weak.items() if target.startswith("cloud")) < 0.1
    assert sum(share for target, share in beside.items() if target.startswith("cpu")) < 0.1


def test_the_oracle_leaves_the_cpu_as_a_co_runner_comes() -> None:
    # A phone whose CPU is better than what is elsewhere, so that there is something to leave.
    world = build(measured(own_phone(scale=0.2)))
    chosen = [best(world, np.array([0]), expected(CONSTANTS, s)).action[0] for s in ("S1", "S2")]
    assert [world.actions[a].place for a in chosen] == ["phone", "edge"]


def test_an_agent_learns_nearly_the_best(taught: tuple[World, np.ndarray]) -> None:
    world, table = taught
    trial = tried(world, table, CONSTANTS, ["S1", "S4"], 30, 2)
    assert (trial.energy_j[AUTOSCALE] < 1.5 * trial.energy_j["oracle"]).all()
    assert (trial.energy_j[AUTOSCALE] < trial.energy_j[CPU_FP32]).all()


def test_it_never_takes_what_cannot_execute_a_network() -> None:
    world = only(WORLD, "mobilebert")
    table = np.zeros((3072, 66), dtype=np.float32)
    table[:, ~world.valid[0]] = 100.0
    trial = tried(world, table, CONSTANTS, ["S1"], 5, 0)
    assert not {"dsp int8", "gpu fp16", "edge dsp int8"} & set(trial.targets[AUTOSCALE][0])


def test_the_same_seed_learns_the_same(taught: tuple[World, np.ndarray]) -> None:
    assert (learnt(taught[0], ["S1"], 5) == learnt(taught[0], ["S1"], 5)).all()


def test_a_policy_is_saved_loaded_and_decides_alike(taught: tuple[World, np.ndarray], tmp_path: Path) -> None:
    world, table = taught
    save_policy(policy_of(table, world, BINS, "a test"), tmp_path / "p.npz")
    policy = load_policy(tmp_path / "p.npz")
    assert policy.actions == world.actions
    decider = policy.decider("resnet_50")
    here = Conditions(*(np.array([of]) for of in (0.3, 0.1, -60.0, -85.0, 35.0)))
    state = BINS.of_workload(world.workloads[1]) + BINS.of_conditions(here)[0]
    expected_best = np.where(world.valid[1], table[state].astype(np.float16), -np.inf).argmax()
    assert decider.decide(0.3, 0.1, -60.0, -85.0) == expected_best
    rows = list(table_rows(policy))
    assert len(rows) == 2 * 4 * 4 * 2 * 2
    assert {row["action"] for row in rows if row["state"] == state} == {str(world.actions[expected_best])}
    with pytest.raises(UsageError, match="the policy knows mobilenet_v2, resnet_50"):
        policy.decider("vgg")


@pytest.mark.parametrize("content", [b"", b"no", b"PK\x03\x04" + bytes(90)])
def test_what_is_no_policy_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "p.npz").write_bytes(content)
    with pytest.raises(UsageError, match="is no policy"):
        load_policy(tmp_path / "p.npz")


def test_fit_bins_finds_the_gaps_or_says_what_it_needs() -> None:
    values = [-85.0, -84, -83.5, -84.2, -83, -60, -59, -58.5, -60.3, -59.4]
    try:
        import sklearn  # noqa: F401, PLC0415
    except ModuleNotFoundError:
        with pytest.raises(UsageError, match=r"pip install 'edgewatt\[scheduling\]'"):
            fit_bins(values, apart=2.0)
    else:
        assert fit_bins(values, apart=2.0) == pytest.approx((-71.65,))
