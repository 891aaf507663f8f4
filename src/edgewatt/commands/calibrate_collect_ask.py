"""What `calibrate --collect` was asked for, as the suite takes it, and how its steps are executed."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.runtimes.model_summary.summary import summarise
from edgewatt.collectors.runtimes.training.ways import Way, training, ways_of
from edgewatt.commands.arguments import model_path
from edgewatt.commands.calibrate_serve import place_of
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.collecting.offers import Watching
from edgewatt.profiler.collecting.steps import (
    CO_RUNNER,
    INFERENCE,
    INTERACTIVE,
    STEPS,
    TRAINING,
    Executed,
    Step,
)
from edgewatt.profiler.collecting.suite import Ask, Size, batches_of, repeats_of
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.running.collect import CollectOptions, collect
from edgewatt.profiler.running.collect_executed import Each, execute, planned_of
from edgewatt.profiler.storage.trace import Trace

PLACE_LIMIT: Final = 40
# Executes a step into a folder, beside meters.
Execute = Callable[[Device, Step, Path, Sequence[Device], Progress], Trace]


@dataclass(frozen=True, slots=True)
class Settings:
    """What of the command line the suite itself does not see."""

    models: tuple[Path, ...]
    ways: Mapping[str, Way]
    options: Mapping[str, Any]
    conditions: Mapping[str, str]

    def executed(self, ask: Ask, options: CollectOptions) -> Execute:
        """How a step of this command is executed."""

        def one(device: Device, step: Step, path: Path, meters: Sequence[Device], progress: Progress) -> Trace:
            if step.executed is None:
                return collect(device, step, path, meters=meters, options=options, progress=progress)
            planned, on = planned_of(step.executed, self.models, self.options), device
            if step.kind == TRAINING:
                way = self.ways[step.executed.model]
                on = training(device, way, ask.window_s)
                only = Executed(batches=step.executed.batches)
                planned = planned_of(only, [Path(way.model)], {})
            beside = [on if meter is device else meter for meter in meters]
            return execute(
                on,
                step,
                path,
                meters=beside,
                each=Each(planned, repeats_of(ask), ask.window_s, ask.seed),
                options=options,
                progress=progress,
            )

        return one


def asked(args: argparse.Namespace, device: Device, address: str) -> tuple[Ask, Settings]:
    """What was asked for. Raises UsageError for what is not fit, before anything is measured."""
    models = tuple(dict.fromkeys(map(model_path, args.model)))
    sizes = tuple(size for model in models if (size := _size(model)) is not None)
    if args.to is not None:
        place_of("--to", args.to)
    place = args.place
    if (
        not (place and place.isascii() and place.replace("-", "").replace("_", "").isalnum())
        or len(place) > PLACE_LIMIT
    ):
        raise UsageError(f"--place {place!r}: expected a short name of letters, digits, - and _")
    steps = STEPS if args.steps is None else tuple(word.strip() for word in args.steps.split(","))
    ask = Ask(
        steps=steps,
        short=args.short,
        models=tuple(model.name for model in models),
        targets=tuple(dict.fromkeys(args.target)) or ("cpu",),
        threads=tuple(dict.fromkeys(args.threads)),
        sizes=sizes,
        server=address,
        to=args.to or "",
        place=place,
        seconds=args.seconds,
        thermal_s=args.thermal_seconds,
        batches=tuple(dict.fromkeys(args.batch)),
        seed=args.seed,
    )
    ways, no_training = ways_of(device, batches_of(ask), args.training_model) if TRAINING in steps else ({}, None)
    lacking = _lacking(args, device)
    if no_training is not None:
        lacking[TRAINING] = no_training
    ask = replace(ask, lacking=lacking, trainings={name: tuple(way.commands) for name, way in ways.items()})
    given = {"runner": args.runner, "push": args.push}
    options = {key: value for key, value in given.items() if value}
    return ask, Settings(models, ways, options, dict(_condition(text) for text in args.set))


def _size(model: Path) -> Size | None:
    """What goes there and comes back; None where the file does not tell. Raises UsageError for no model."""
    told = summarise(model).to_json()
    sent_b, received_b = told["in_bytes"], told["out_bytes"]
    return None if sent_b is None or received_b is None else Size(sent_b, received_b, model.name)


def _lacking(args: argparse.Namespace, device: Device) -> dict[str, Unavailable]:
    """The steps that this command cannot do on this device, and why."""
    lacking: dict[str, Unavailable] = {}
    if not isinstance(device.target, Watching):
        why = "charging and frames are told by a phone's services"
        lacking[INTERACTIVE] = Unavailable(INTERACTIVE, why, "use a phone: -d adb:")
    executes = None
    if device.workload is None:
        executes = Unavailable(
            "networks", "nothing here executes one over this connection", "edgewatt profile --command ... on the board"
        )
    elif device.uri.startswith("adb") and not device.simulated and args.runner is None:
        executes = Unavailable("networks", "a phone executes benchmark_model, which you bring", "--runner PATH")
    if executes is not None:
        lacking |= {INFERENCE: executes, CO_RUNNER: executes}
    return lacking


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(f"--set {text!r}: expected NAME=VALUE")
    return name, value
