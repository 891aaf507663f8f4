"""How fast AutoScale is simulated, and decides: `python -m benchmarks.scheduling [--steps N]`.

Claims of docs/autoscale.md: a million steps in under 10 s, a decision in under 5 us, each on one core. With `--tune`
the tries of hyper-parameters instead, with `--wrong RATIO` the contest of agents in worlds that are off what our agent
is told by more than the 0.3 that it is told, and in ways that it is not told of.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edgewatt.device_profiles.published import published
from edgewatt.models.scheduling.autoscale import learn, learning_of, lessons_of
from edgewatt.models.scheduling.building import Asked, build, drawn_worlds
from edgewatt.models.scheduling.constants import Draw, constants_of
from edgewatt.models.scheduling.contest import SEEDS, contest
from edgewatt.models.scheduling.contest_headlines import contest_headlines
from edgewatt.models.scheduling.policy import policy_of
from edgewatt.models.scheduling.scenarios import names
from edgewatt.models.scheduling.states import bins_of
from edgewatt.models.scheduling.tuning import AGENTS, tries
from edgewatt.models.scheduling.world import World, stacked

DECISIONS = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was asked for; speeds in processor time of this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scheduling", description=__doc__)
    parser.add_argument("--steps", type=int, default=200_000, metavar="N", help="steps at least (default: 200000)")
    parser.add_argument("--environments", type=int, default=64, metavar="N", help="side by side (default: 64)")
    parser.add_argument("--tune", nargs="*", choices=AGENTS, metavar="AGENT", help=f"of {', '.join(AGENTS)}; minutes")
    parser.add_argument("--wrong", type=float, metavar="RATIO", help="such as 0.6; minutes")
    parser.add_argument("--seeds", type=int, default=SEEDS, metavar="N", help="of --wrong (default: 20)")
    asked = parser.parse_args(arguments)
    testbed, constants = published("autoscale"), constants_of("autoscale")
    phone = Asked(testbed, testbed, "mi8pro", constants)
    if asked.tune is not None:
        for one in tries(phone, agents=asked.tune or AGENTS):
            print(f"{one.agent}, {one.setting}: {one.above:.2f} % + {one.late:.2f} points = {one.cost:.2f}", flush=True)
        return 0
    if asked.wrong is not None:
        worlds = _wrong(phone, asked.wrong, asked.seeds)
        held = contest(phone, names(constants, "test"), seeds=asked.seeds, learn_n=300, try_n=40, worlds=worlds)
        for of in contest_headlines(held, constants):
            print(f"{of.name}: {of.ours:.3g} {of.unit}; {of.gap}")
        return 0
    return _speeds(phone, asked.steps, asked.environments)


def _wrong(phone: Asked, ratio: float, seeds_n: int) -> list[World]:
    """Worlds off by up to `ratio` in each constant; and each network on each target by a factor of its own besides.

    ln of that is normal, its deviation half of `ratio`. No interval of what our agent is told has it.
    """
    far = Asked(phone.calibration, phone.layers, phone.device_id, replace(phone.constants, variation_ratio=ratio))
    found = []
    for seed, world in enumerate(drawn_worlds(far, 7000, seeds_n)):
        targets = list(dict.fromkeys(action.target for action in world.actions))
        own = np.random.default_rng([seed, 8]).normal(0, ratio / 2, (len(world.workloads), len(targets)))
        places = [targets.index(action.target) for action in world.actions]
        found.append(replace(world, rest_s=world.rest_s * np.exp(own)[:, places]))
    return found


def _speeds(phone: Asked, steps_n: int, environments_n: int) -> int:
    constants = phone.constants
    world, bins = build(phone), bins_of(constants)
    cases_n = len(world.workloads) * len(names(constants))
    each_n = -(-steps_n // (cases_n * environments_n))
    lessons = lessons_of(world, bins, constants, names(constants), range(environments_n), each_n)
    worlds, learning = stacked([world] * environments_n), learning_of(constants, [Draw()] * environments_n)
    begin = time.process_time()
    tables = learn(worlds, bins, lessons, learning, seed=0)
    taken = time.process_time() - begin
    steps = lessons.network.size
    print(f"{steps:,} steps with learning in {taken:.2f} s: {taken / steps * 1e6:.2f} s per million")
    decider = policy_of(tables[0], world, bins, "benchmark").decider("resnet_50")
    begin = time.process_time()
    for _ in range(DECISIONS):
        decider.decide(0.3, 0.1, -60.0, -85.0)
    print(f"a decision: {(time.process_time() - begin) / DECISIONS * 1e6:.2f} us")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
