"""How fast AutoScale is simulated, and decides: `python -m benchmarks.scheduling [--steps N]`.

Claims of docs/autoscale.md: a million steps in under 10 s, a decision in under 5 us, each on one core.
"""

import argparse
import time
from collections.abc import Sequence

from edgewatt.device_profiles.published import published
from edgewatt.models.scheduling.autoscale import learn, learning_of, lessons_of
from edgewatt.models.scheduling.building import Asked, build
from edgewatt.models.scheduling.constants import Draw, constants_of
from edgewatt.models.scheduling.policy import policy_of
from edgewatt.models.scheduling.scenarios import names
from edgewatt.models.scheduling.states import bins_of
from edgewatt.models.scheduling.world import stacked

DECISIONS = 100_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Print both, in processor time of this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scheduling", description=__doc__)
    parser.add_argument("--steps", type=int, default=200_000, metavar="N", help="steps at least (default: 200000)")
    parser.add_argument("--environments", type=int, default=64, metavar="N", help="side by side (default: 64)")
    asked = parser.parse_args(arguments)
    testbed, constants = published("autoscale"), constants_of("autoscale")
    world, bins = build(Asked(testbed, testbed, "mi8pro", constants)), bins_of(constants)
    cases_n = len(world.workloads) * len(names(constants))
    each_n = -(-asked.steps // (cases_n * asked.environments))
    lessons = lessons_of(world, bins, constants, names(constants), range(asked.environments), each_n)
    worlds, learning = stacked([world] * asked.environments), learning_of(constants, [Draw()] * asked.environments)
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
