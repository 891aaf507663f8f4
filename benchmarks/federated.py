"""How fast a federated run is simulated: `python -m benchmarks.federated [--rounds N] [--method M]`.

Claim of docs/autofl.md: 200 devices x 300 rounds of digits in under 10 minutes on 2 cores. With `--tune` the nine tries
of each agent on the tuning cases instead. Needs the extra `federated`.
"""

import argparse
import time
from collections.abc import Sequence

from edgewatt.device_profiles.published import published
from edgewatt.models.federated.study.cases import USUAL, Case
from edgewatt.models.federated.study.given import ENGINES, Given
from edgewatt.models.federated.study.methods import METHODS
from edgewatt.models.federated.study.one import one
from edgewatt.models.federated.study.trial import Asked
from edgewatt.models.federated.study.tuning import TRIES, tries
from edgewatt.models.shelf import shelf_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was asked for; time as of a clock on the wall and of this process."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.federated", description=__doc__)
    parser.add_argument("--rounds", type=int, metavar="N", help="of each run (default: 300; of --tune 60)")
    parser.add_argument("--method", choices=METHODS, default="autofl", help="default: autofl")
    parser.add_argument("--scenario", default="ideal", metavar="S", help="default: ideal")
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0])
    parser.add_argument("--tune", nargs="*", choices=tuple(TRIES), metavar="AGENT", help=f"of {', '.join(TRIES)}")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="of --tune (default: 2)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="of --tune (default: 2)")
    parser.add_argument("--resume", metavar="FOLDER", help="of --tune: keep what is done, and go on with it")
    asked = parser.parse_args(arguments)
    given = Given(published("autofl"), engine=asked.engine)
    if asked.tune is not None:
        shelf = shelf_of(asked.resume, given.words())
        agents = asked.tune or list(TRIES)
        for of in tries(given, agents, asked.rounds or 60, asked.seeds, asked.processes, shelf):
            named = ", ".join(f"{name} {value:g}" for name, value in of.tuned)
            told = f"energy {of.energy:.3f}, time {of.time:.3f}, reached {of.reached:.0%}; {of.cost:.3f}"
            print(f"{of.agent}, {named}: {told}")
        return 0
    rounds_n = asked.rounds or 300
    wall, begun = time.monotonic(), time.process_time()
    trial = one(given, Asked(asked.method, Case(USUAL, asked.scenario), 0, rounds_n, tuned=_fixed(asked.method)))
    taken, used = time.monotonic() - wall, time.process_time() - begun
    print(f"{asked.method}, 200 devices, {rounds_n} rounds of digits: {taken:.0f} s, {used:.0f} s of one core")
    minutes, kilojoules = trial.round_s.sum() / 60, trial.global_j.sum() / 1e3
    print(f"{trial.accuracy_percent[-1]:.1f} % after {minutes:.0f} virtual minutes and {kilojoules:.1f} kJ")
    return 0


def _fixed(method: str) -> tuple[tuple[str, float], ...]:
    return (("batch", 16.0), ("epochs", 5.0), ("participants", 20.0)) if method == "fixed-best" else ()


if __name__ == "__main__":
    raise SystemExit(main())
