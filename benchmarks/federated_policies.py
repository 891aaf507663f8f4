"""How long AutoFL thinks about a round: `python -m benchmarks.federated_policies [--devices N]`.

Issue 12 asks for under 50 ms a round at 100,000 devices, choosing and learning together. Beside it a plain
`numpy.argpartition` of as many numbers, the least that picking the best K of N takes. Processor time of one core.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np

from edgewatt.models.federated.policies.autofl import autofl
from edgewatt.models.federated.policies.simple import cluster
from edgewatt.models.federated.round import Choice, Conditions, Ints, Job, Kind, Outcome, Policy, Seen, Target

JOB = Job("cnn", 2, 2, 0, 1_000_000, 16, 5, 20)
# Steps of processor and GPU of the paper's three phones.
TARGETS_N = (30, 30, 21)
LIMIT_MS = 50.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Print ms per round of each policy."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.federated_policies", description=__doc__)
    parser.add_argument("--devices", type=int, default=100_000, metavar="N", help="default: 100000")
    parser.add_argument("--rounds", type=int, default=100, metavar="N", help="default: 100")
    asked = parser.parse_args(arguments)
    rng = np.random.default_rng(0)
    kind_of = rng.choice(len(TARGETS_N), asked.devices, p=[0.15, 0.35, 0.5])
    rounds = [_seen(kind_of, number, rng) for number in range(4)]
    values = rng.random(asked.devices)
    begin = time.process_time()
    for _ in range(asked.rounds):
        np.argpartition(values, asked.devices - JOB.participants)
    least_ms = (time.process_time() - begin) / asked.rounds * 1e3
    print(f"numpy.argpartition of {asked.devices:,}: {least_ms:.2f} ms")
    policies: dict[str, Policy] = {
        "autofl, a table per kind": autofl(0, own=False),
        "autofl, a table per device": autofl(0, own=True),
        "performance": cluster("performance", 0),
    }
    for name, policy in policies.items():
        first_ms, each_ms = _per_round(policy, rounds, asked.rounds)
        print(
            f"{name}: {each_ms:.2f} ms a round ({each_ms / least_ms:.1f} x, limit {LIMIT_MS:g} ms), "
            f"the first {first_ms:.1f} ms"
        )
    return 0


def _per_round(policy: Policy, rounds: Sequence[Seen], rounds_n: int) -> tuple[float, float]:
    """Milliseconds of the first round and of each one after it."""
    taken = []
    for number in range(rounds_n):
        seen = rounds[number % len(rounds)]
        begin = time.process_time()
        choice = policy.choose(seen)
        policy.learn(seen, choice, _outcome(choice, number))
        taken.append((time.process_time() - begin) * 1e3)
    return taken[0], float(np.mean(taken[1:]))


def _seen(kind_of: Ints, number: int, rng: np.random.Generator) -> Seen:
    n = len(kind_of)
    kinds = [
        Kind(f"phone {tier}", tier, tuple(Target(f"step {k}", "cpu", None) for k in range(count)))
        for tier, count in enumerate(TARGETS_N)
    ]
    around = Conditions(
        rng.random(n) * (rng.random(n) < 0.5), rng.random(n), rng.uniform(1e6, 1e7, n), rng.random(n) < 0.9, np.ones(n)
    )
    return Seen(number, JOB, kinds, kind_of, np.full(n, 300), rng.choice([0.2, 0.5, 1.0], n), around, 50.0)


def _outcome(choice: Choice, number: int) -> Outcome:
    k = len(choice.devices)
    ones, nothing = np.ones(k), np.full(k, np.nan)
    return Outcome(ones > 0, ones, ones, nothing, nothing, 1.0, 0.0, 100.0, 50.0 + number % 3)


if __name__ == "__main__":
    raise SystemExit(main())
