"""What Flower's engine takes beside the loop: `python -m benchmarks.federated_engines [--rounds N]`.

The same run of digits by both: seconds from one round to the next on the clock of the wall, the median; beside it the
loop one device after the other, as Flower's processes train, and all at once. Flower's start (Ray, its processes, the
query of all nodes, the first round) is a figure of its own. Needs the extra `federated`.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from edgewatt.device_profiles.published import published
from edgewatt.models.federated.engines import flower, loop
from edgewatt.models.federated.engines.opening import Data, Setup
from edgewatt.models.federated.engines.rules import rules_of
from edgewatt.models.federated.fleet.building import fleet_of
from edgewatt.models.federated.learning.partition import Split
from edgewatt.models.federated.learning.workloads import learner_of
from edgewatt.models.federated.policies.simple import cluster
from edgewatt.models.federated.study.cases import study_constants
from edgewatt.models.federated.study.given import TESTBED
from edgewatt.models.scheduling.constants import Draw, constants_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row of a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.federated_engines", description=__doc__)
    parser.add_argument("--rounds", type=int, default=12, metavar="N", help="default: 12")
    parser.add_argument("--participants", type=int, default=20, metavar="K", help="default: 20")
    asked = parser.parse_args(arguments)
    fleet = fleet_of(published("autofl"), constants_of(TESTBED), Draw(), "ideal", 0)
    devices_n = len(fleet.kind_of)
    learner = learner_of("digits", Split(devices_n, each=10))
    data = Data(learner.samples_n, learner.classes_ratio)
    job = learner.job(16, 5, asked.participants)
    setup = Setup(fleet, job, data, learner, rules_of(study_constants(), Draw()))
    plays: dict[str, Callable[..., Any]] = {
        "loop, all at once": loop.play,
        "loop, one by one": partial(loop.play, together=False),
        "flower": flower.play,
    }
    print(
        f"| {devices_n} devices, K = {asked.participants}, digits | s a round | before the second round, s | joules |"
    )
    print("|---|---|---|---|")
    for name, play in plays.items():
        ends: list[float] = []
        begun = time.monotonic()
        run = play(
            cluster("fedavg-random", 0), setup, asked.rounds, None, lambda _played, to=ends: to.append(time.monotonic())
        )
        each = float(np.median([later - before for before, later in pairwise(ends)]))
        print(f"| {name} | {each:.3f} | {ends[0] - begun:.1f} | {run.ledger.total_j():.6f} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
