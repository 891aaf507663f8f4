"""The calibration suite as data: what is in it for which device, in which order, and what is missing with its fix."""

from collections import Counter
from dataclasses import replace

import pytest

from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.collecting.load import Load
from edgewatt.profiler.collecting.offers import Cluster, Offers, merged
from edgewatt.profiler.collecting.steps import STEPS, Asked, interleaved
from edgewatt.profiler.collecting.suite import Ask, Size, spread, suite
from edgewatt.profiler.errors import UsageError

LITTLE = Cluster("cpu0", (0, 1, 2, 3), tuple(1e8 * k for k in range(3, 10)), ("policy0",))
BIG = Cluster("cpu4", (4, 5, 6, 7), tuple(1e8 * k for k in range(4, 20)), ("policy4",))
PHONE = Offers((LITTLE, BIG), interface="wlan")
SERVED = Ask(server="127.0.0.1:7800", models=("net.tflite",), trainings={"torch": (1, 8)})


def named(offers: Offers, ask: Ask) -> dict[str, object]:
    return {step.name: step for step in suite(offers, ask)}


def test_every_step_is_there_in_its_order() -> None:
    kinds = list(dict.fromkeys(step.kind for step in suite(PHONE, SERVED)))
    assert kinds == list(STEPS)
    assert all(step.unavailable is None for step in suite(PHONE, SERVED))


def test_the_cpu_step_has_clusters_x_cores_x_frequencies_twice_and_idle_between() -> None:
    (cpu,) = suite(PHONE, replace(SERVED, steps=("cpu",)))
    loaded = Counter((one.unit, one.cores_n, one.frequency_hz) for one in cpu.windows if one.load.kind == "cpu")
    expected: dict[tuple[str | None, int, float | None], int] = {
        (c.unit, n, hz): 2 for c in (LITTLE, BIG) for n in (1, 2, 4) for hz in c.steps_hz
    }
    assert loaded == {**expected, (None, 8, None): 2}
    kinds = [one.load.kind for one in cpu.windows if not one.pin]
    assert cpu.windows[0].load.kind == cpu.windows[-1].load.kind == "idle"
    assert kinds.count("idle") == 1 + -(-2 * (len(expected) + 4 + 1) // 5)
    pins = {one.pin for one in cpu.windows if one.unit == "cpu4" and one.frequency_hz == 5e8}
    assert pins == {"policy4:500000000"}, "no other cluster is held"


def test_short_takes_five_frequencies_with_both_ends_once() -> None:
    (cpu,) = suite(PHONE, replace(SERVED, steps=("cpu",), short=True))
    steps_hz = {one.frequency_hz for one in cpu.windows if one.unit == "cpu4"}
    assert len(steps_hz) == 5
    assert {BIG.steps_hz[0], BIG.steps_hz[-1]} <= steps_hz
    assert max(Counter(one.label for one in cpu.windows if one.load.kind == "cpu").values()) == 1
    assert spread((1.0, 2.0), 5) == (1.0, 2.0)


def test_without_root_shares_of_time_stand_in_and_it_says_why() -> None:
    why = Unavailable("a held frequency", "adb's shell there is not root", "adb root")
    (cpu,) = suite(replace(PHONE, unpinned=why), replace(SERVED, steps=("cpu",)))
    assert {one.pin for one in cpu.windows} == {""}
    assert {one.load.duty_ratio for one in cpu.windows if one.unit == "cpu4"} == {0.25, 0.5, 1.0}
    assert [(one.what, one.fix) for one in cpu.remarks] == [
        ("cpu0 at one frequency", "adb root"),
        ("cpu4 at one frequency", "adb root"),
    ]


def test_rounds_come_in_mirrored_pairs_that_the_seed_decides() -> None:
    windows = [Asked(Load("cpu", 1.0, (k,))) for k in range(6)]
    idle = Asked(Load("idle", 1.0))

    def order(seed: int) -> list[int]:
        found = interleaved(windows, idle, rounds=2, every=2, seed=seed)
        return [one.load.cpus[0] for one in found if one.load.cpus]

    assert order(1)[:6] == order(1)[6:][::-1]
    assert sorted(order(1)[:6]) == list(range(6))
    assert order(1) == order(1)
    assert order(1) != order(2)


def test_transfers_are_of_the_networks_and_of_all_sizes_to_both_machines() -> None:
    ask = replace(SERVED, to="10.0.0.2:7800", sizes=(Size(150_528, 4_004, "net.tflite"),), steps=("offload",))
    (offload,) = suite(PHONE, ask)
    sent = {(one.more["to"], one.load.address, one.load.sent_b) for one in offload.windows if one.load.kind != "idle"}
    assert len(sent) == 2 * 5
    assert ("10.0.0.2:7800", "10.0.0.2:7800", 150_528) in sent
    models = {one.more.get("model") for one in offload.windows if one.load.sent_b == 150_528}
    assert models == {"net.tflite"}


def test_the_radio_step_is_of_its_place_with_idle_behind_every_transfer() -> None:
    (radio,) = suite(PHONE, replace(SERVED, steps=("radio",), place="garden"))
    assert radio.name == "radio-garden"
    kinds = [one.load.kind for one in radio.windows]
    assert kinds[::2] == ["idle"] * (len(kinds) // 2 + 1)
    assert set(kinds[1::2]) == {"send", "receive", "exchange"}
    assert all(one.load.address for one in radio.windows), "the signal is asked for around every window"


def test_co_runners_leave_a_core_and_say_their_shares() -> None:
    steps = suite(PHONE, replace(SERVED, steps=("co_runner",)))
    shares = {(step.facts["co_cpu_ratio"], step.facts["co_memory_ratio"]) for step in steps}
    assert shares == {(0, 0), (0.25, 0), (0.75, 0), (1, 0), (0, 0.25), (0, 0.75), (0, 1)}
    loads = [step.executed.co_load for step in steps if step.executed and step.executed.co_load]
    assert all(7 not in load.cpus and load.cpus for load in loads)


@pytest.mark.parametrize(
    ("ask", "offers", "step", "reason", "fix"),
    [
        (Ask(), PHONE, "radio-here", "none was named", "--server HOST:PORT"),
        (Ask(), PHONE, "offload", "none was named", "--serve"),
        (Ask(), PHONE, "inference", "no network", "--model"),
        (Ask(), PHONE, "co_runner", "no network", "--model"),
        (
            SERVED,
            replace(PHONE, lacking={"send": Unavailable("x", "no nc", "get nc")}),
            "radio-here",
            "no nc",
            "get nc",
        ),
        (SERVED, replace(PHONE, lacking={"memory": Unavailable("x", "no dd", "get dd")}), "memory", "no dd", "get dd"),
        (
            replace(SERVED, lacking={"training": Unavailable("x", "no torch", "pip")}),
            PHONE,
            "training",
            "no torch",
            "pip",
        ),
    ],
)
def test_what_cannot_be_done_says_why_and_its_fix(ask: Ask, offers: Offers, step: str, reason: str, fix: str) -> None:
    (one,) = [one for one in suite(offers, ask) if one.name == step]
    assert one.unavailable is not None
    assert reason in one.unavailable.reason
    assert fix in one.unavailable.fix
    assert not one.windows


def test_processors_of_one_policy_each_are_one_cluster_where_they_are_alike() -> None:
    x86 = tuple(Cluster(f"cpu{k}", (k,), (8e8, 3e9 if k < 2 else 2e9), (f"policy{k}",)) for k in range(4))
    fast, slow = merged(x86)
    assert (fast.unit, fast.cpus, slow.cpus) == ("cpu0", (0, 1), (2, 3))
    assert slow.pin(8e8) == "policy2:800000000,policy3:800000000"
    assert merged((LITTLE, BIG)) == (LITTLE, BIG)


def test_a_step_that_is_none_and_a_device_without_processors_are_refused() -> None:
    with pytest.raises(UsageError, match="'gpu' is not known; known are cpu, memory"):
        Ask(steps=("gpu",))
    with pytest.raises(UsageError, match="does not tell its processors"):
        suite(Offers(), Ask())
