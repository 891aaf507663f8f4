"""What SAFE's threshold and our price buy, on the tuning tasks: `python -m benchmarks.finetuning [--seeds N]`.

For each value the score, and what memory, FLOPs and processor time are below adapters that all train, with 95 % over
seeds: so the two are compared where they score alike, and not where each happens to stand. Needs the extra `finetuning`
and MiniLM; eight values by two seeds take about ten minutes of a core. With `--held-back` the same on the tasks that
nothing may be chosen on: which threshold SAFE would have needed there.
"""

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from edgewatt.commands.simulate_safe_meters import METERS
from edgewatt.models.finetuning.encoders import encoder_of
from edgewatt.models.finetuning.methods import method_of
from edgewatt.models.finetuning.minilm import NAME
from edgewatt.models.finetuning.study import ADAPTERS, OURS, SAFE, constants_here, setting_of
from edgewatt.models.finetuning.study_tasks import tasks_given
from edgewatt.models.finetuning.texts_tasks import HELD_BACK, TUNING
from edgewatt.models.finetuning.trial import Data, Trial, data_of, trial
from edgewatt.models.scheduling.constants import Draw
from edgewatt.profiler.statistics import interval_of_mean

# The constant of each method that trades score for cost.
KNOB = {SAFE: "safe.tau", OURS: "ours.price"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each value of each knob."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finetuning", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2, metavar="N")
    parser.add_argument("--scenario", default="reduced", choices=("reduced", "full"))
    parser.add_argument("--tau", type=float, nargs="*", default=[0.003, 0.01, 0.03, 0.1], metavar="T", help="of SAFE")
    parser.add_argument("--price", type=float, nargs="*", default=[0.1, 0.25, 0.5, 1.0], metavar="P", help="of ours")
    parser.add_argument("--held-back", action="store_true", help="on the tasks that nothing may be chosen on")
    asked = parser.parse_args(arguments)
    tasks = HELD_BACK if asked.held_back else TUNING
    setting = setting_of(asked.scenario, Draw())
    encoder = encoder_of(NAME)
    every = [data_of(encoder, task, setting.length) for task in tasks_given(None, tasks, asked.scenario)]
    safe, _ = constants_here()

    def trained(method: str, value: float | None) -> list[Trial]:
        def of(name: str) -> float:
            return float(safe[name]) if value is None or name != KNOB[method] else value

        def one(data: Data, seed: int) -> Trial:
            return trial(encoder, data, method_of(method, of, seed), setting, seed, METERS)

        return [one(data, seed) for data in every for seed in range(asked.seeds)]

    plain = trained(ADAPTERS, None)
    print(f"{ADAPTERS}: score {np.mean([one.score for one in plain]):.1f} %", flush=True)
    for method, values in ((SAFE, asked.tau), (OURS, asked.price)):
        for value in values:
            print(f"{KNOB[method]} {value:g}: {_against(trained(method, value), plain)}", flush=True)
    return 0


def _against(found: Sequence[Trial], plain: Sequence[Trial]) -> str:
    pairs = list(zip(found, plain, strict=True))
    saved = [
        f"{name} {_said(pairs, lambda one, other, of=of: 100 * (1 - of(one) / of(other)), '%')}"
        for name, of in (("memory", _memory), ("FLOPs", _flop), ("time", _seconds))
    ]
    above = _said(pairs, lambda one, other: one.score - other.score, "points")
    frozen = np.mean([one.steps.prefix[-1] for one in found])
    return f"score above {above}; less {', '.join(saved)}; prefix of {frozen:.1f} in the end"


def _said(pairs: Sequence[tuple[Trial, Trial]], of: Callable[[Trial, Trial], float], unit: str) -> str:
    """The mean over tasks by seed, and over seeds with its interval."""
    seeds = sorted({one.seed for one, _ in pairs})
    mean = interval_of_mean([np.mean([of(*pair) for pair in pairs if pair[0].seed == seed]) for seed in seeds])
    if mean is None or mean.low is None or mean.high is None:
        return f"{np.mean([of(*pair) for pair in pairs]):.1f} {unit}"
    return f"{mean.mean:.1f} ({mean.low:.1f} to {mean.high:.1f}) {unit}"


def _memory(one: Trial) -> float:
    return one.memory_b


def _flop(one: Trial) -> float:
    return one.flop


def _seconds(one: Trial) -> float:
    return one.seconds


if __name__ == "__main__":
    raise SystemExit(main())
