"""Methods on tasks by several seeds, unconfirmed constants varied, and SAFE's freezing laid on the paper's models."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from edgewatt.models.finetuning.adapters import add_adapters
from edgewatt.models.finetuning.encoders import Encoder
from edgewatt.models.finetuning.methods import method_of
from edgewatt.models.finetuning.shapes import SHAPES, Metered, metered
from edgewatt.models.finetuning.study_device import Device
from edgewatt.models.finetuning.study_jobs import Job, done_of
from edgewatt.models.finetuning.study_kept import task_key
from edgewatt.models.finetuning.texts import Task
from edgewatt.models.finetuning.trial import Data, Setting, Trial, data_of, trial
from edgewatt.models.finetuning.trial_meters import Meters
from edgewatt.models.scheduling.constants import Constants, Draw, constants_of
from edgewatt.models.shelf import Shelf, key_of

ADAPTERS: Final = "adapters"
SAFE: Final = "safe"
OURS: Final = "ours"
# Tried on every task by every seed; the others on the first task by the first seeds, in the reduced scenario.
CONTENDERS: Final = (ADAPTERS, SAFE, OURS)
_OTHERS_SEEDS: Final = 1
_DRAWS_FROM: Final = 1000
# What is done next, and the share of all that is done before it.
Progress = Callable[[str, float], None]


def constants_here() -> tuple[Constants, Constants]:
    """Of the methods, and of the study."""
    return constants_of("../finetuning/safe"), constants_of("../finetuning/study")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be found out: `methods` on `tasks` with `encoder`; `scenario` is a table of study.toml."""

    encoder: Encoder
    tasks: tuple[Task, ...]
    methods: tuple[str, ...]
    scenario: str
    seeds: int
    draws: int
    with_shapes: bool = True
    device: Device | None = None

    @property
    def contenders(self) -> tuple[str, ...]:
        """The methods that are tried in full: all of them in the full scenario."""
        return self.methods if self.scenario == "full" else tuple(of for of in self.methods if of in CONTENDERS)


@dataclass(frozen=True, slots=True, eq=False)
class Varied:
    """A training with SAFE under one draw of all unconfirmed constants, and the batch of the paper's step in it."""

    trial: Trial
    batch: float


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What came out."""

    asked: Asked
    setting: Setting
    trials: tuple[Trial, ...]
    varied: tuple[Varied, ...]
    shapes: tuple[Metered, ...]
    batch: float

    def of(self, method: str, seed: int | None = None, task: str | None = None) -> list[Trial]:
        """The trainings with a method."""
        return [
            one for one in self.trials if one.method == method and seed in (None, one.seed) and task in (None, one.task)
        ]

    def seeds_of(self, method: str) -> list[int]:
        """By which seeds it was trained."""
        return sorted({one.seed for one in self.of(method)})


def setting_of(scenario: str, draw: Draw, method: str = ADAPTERS) -> Setting:
    """What a method trains with in a scenario, all weights and the head alone having rates of their own."""
    safe, of_study = constants_here()
    rate = {"full": "full_learning_rate", "head": "head_learning_rate"}.get(method, "learning_rate")
    return Setting(
        steps_n=round(of_study[f"{scenario}.steps_n"]),
        batch=round(of_study[f"{scenario}.batch"]),
        length=round(of_study[f"{scenario}.length"]),
        learning_rate=draw.constant(of_study, f"training.{rate}"),
        weight_decay=draw.constant(safe, "training.weight_decay"),
        rise=draw.constant(of_study, "training.rise"),
        probe_n=round(safe["safe.probe_n"]),
        rho=draw.constant(safe, "sharpness.rho"),
    )


def study(
    asked: Asked, meters: Meters, progress: Progress = lambda _what, _done: None, setting: Setting | None = None,
    *, at_once: int = 1, shelf: Shelf | None = None,
) -> Study:  # fmt: skip
    """The same scores and costs for the same arguments, seconds apart. `setting` (tests): instead of the scenario's.

    Methods take turns, so that a machine that becomes slower does so for all. `at_once` trainings go on side by side;
    `shelf` keeps them.
    Raises UsageError as what it calls.
    """
    stated = setting or setting_of(asked.scenario, Draw())
    every = [data_of(asked.encoder, task, stated.length) for task in asked.tasks]
    context = Context(asked, every, meters, setting)
    shapes = [Job(_shape, (of.name,), f"steps of {of.name}") for of in (SHAPES if asked.with_shapes else ())]
    texts = [task_key(task) for task in asked.tasks]
    trials = [
        Job(
            _trained, (task, method, seed), f"{method} on {asked.tasks[task].name}, seed {seed + 1}",
            key_of({"texts": texts[task], "method": method, "seed": seed}),
        )
        for task, method, seed in _plan(asked)
    ]  # fmt: skip
    draws = [Draw(seed=_DRAWS_FROM + k, vary=True) for k in range(asked.draws if SAFE in asked.methods else 0)]
    varied = [
        Job(
            _trained, (k % len(texts), SAFE, 0, draw), f"draw {k + 1} of {asked.draws} of all unconfirmed constants",
            key_of({"texts": texts[k % len(texts)], "draw": draw.seed}),
        )
        for k, draw in enumerate(draws)
    ]  # fmt: skip
    found = done_of([*shapes, *trials, *varied], context, at_once, progress, shelf)
    first, second = len(shapes), len(shapes) + len(trials)
    batches = [draw.constant(constants_here()[1], "paper_step.batch") for draw in (*draws, Draw())]
    under = tuple(Varied(*of) for of in zip(found[second:], batches, strict=False))
    return Study(asked, stated, tuple(found[first:second]), under, tuple(found[:first]), batches[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What all jobs of a study need."""

    asked: Asked
    every: Sequence[Data]
    meters: Meters
    setting: Setting | None


def _plan(asked: Asked) -> list[tuple[int, str, int]]:
    """Which trainings, in turns: number of the task, method, seed."""
    others = [method for method in asked.methods if method not in asked.contenders]
    tasks = range(len(asked.tasks))
    return [
        *((task, method, seed) for seed in range(asked.seeds) for task in tasks for method in asked.contenders),
        *((0, method, seed) for seed in range(min(asked.seeds, _OTHERS_SEEDS)) for method in others),
    ]


def _trained(of: Context, task: int, method: str, seed: int, draw: Draw | None = None) -> Trial:
    safe, _ = constants_here()
    drawn = draw or Draw()
    made = method_of(method, partial(_value, drawn, safe), seed)
    setting = setting_of(of.asked.scenario, drawn, method)
    if of.setting is not None:
        setting = replace(of.setting, learning_rate=setting.learning_rate)
    return trial(of.asked.encoder, of.every[task], made, setting, seed, of.meters)


def _value(draw: Draw, constants: Constants, name: str) -> float:
    return draw.constant(constants, name)


def _shape(of: Context, name: str) -> Metered:
    safe, of_study = constants_here()
    add = partial(add_adapters, reduction=safe["adapter.reduction"], start_sd=safe["adapter.start_sd"])
    shape = next(one for one in SHAPES if one.name == name)
    return metered(shape, round(of_study["paper_step.length"]), add, of.meters)
