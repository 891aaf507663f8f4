"""The verb `profile` of the command line."""

import argparse
from pathlib import Path
from typing import Any, Final

from edgewatt.commands import profile_command, profile_operators, profile_plan
from edgewatt.commands.answers import print_answer
from edgewatt.commands.arguments import TINY, add_device, add_run_output, count, model_path, positive_seconds
from edgewatt.commands.kept import kept, refuse_taken_early
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import WorkloadRequest
from edgewatt.profiler.running.profile import ProfileOptions, profile

EPILOG: Final = f"""\
examples:
  edgewatt profile model.tflite -d host -o runs/a
  edgewatt profile {TINY} -d host -o runs/tiny --repeats 3 --seconds 2
  edgewatt profile model.tflite -d host -o runs/b --threads 4 --iterations 500 --json
  edgewatt profile bert.tflite -d host -o runs/c --input-shape ids:1x128
  edgewatt profile model.tflite -d adb: -o runs/phone --runner android_aarch64_benchmark_model
  edgewatt profile model.tflite -d adb:R58M12ABCDE -o runs/gpu --runner benchmark_model --target gpu --set screen=off
  edgewatt profile model.tflite -d adb+tcp://192.168.1.5:5555 -o runs/dsp --runner benchmark_model \\
      --target hexagon --push libhexagon_nn_skel.so --env ADSP_LIBRARY_PATH=.
  edgewatt profile {TINY} -d virtual:phone -o runs/virtual    without a phone: SIMULATED, with the truth beside it
  edgewatt profile {TINY} -d virtual:phone -o runs/operators --operator-energy     joules of each operator, or group
  edgewatt profile --plan night.toml -d virtual:phone --dry-run      how long it takes, what it can resolve
  edgewatt profile --plan night.toml -d virtual:phone -o runs/night     many configurations, interleaved; docs/plans.md
  edgewatt profile --command "python train.py --steps 100" -d host -o runs/train      any command; see docs/commands.md
  edgewatt profile --command "trtexec --loadEngine=net.plan" -d nvml:0 -o runs/trt

A repeat is a fresh process: it loads the model, warms up, then measures. On the host only the runtime's invoke() is
timed; inputs are random, seeded, and written before. A phone executes benchmark_model, which you bring (--runner); a
virtual one has its own.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `profile`."""
    defaults = ProfileOptions()
    what = f"a .tflite file, or {TINY}: the small network edgewatt brings"
    parser.add_argument("model", metavar="MODEL", nargs="?", help=what)
    add_device(parser, required=True)
    add_run_output(parser, required=False)
    parser.add_argument("--target", help="what executes it on the device (default: cpu)")
    parser.add_argument("--threads", type=count, help="threads of the runtime (default: 1)")
    parser.add_argument("--batch", type=count, help="inputs per inference (default: 1)")
    parser.add_argument("--repeats", type=count, help=f"fresh processes (default: {defaults.repeats})")
    seconds = f"measured per repeat (default: {defaults.seconds})"
    parser.add_argument("--seconds", type=positive_seconds, help=seconds)
    parser.add_argument("--iterations", type=count, help="inferences per repeat, instead of --seconds")
    idle = f"s of idle before and after (default: {defaults.idle_s})"
    parser.add_argument("--idle", type=positive_seconds, help=idle)
    warmup = f"at most, in s (default: {defaults.warmup_limit_s})"
    parser.add_argument("--warmup", type=positive_seconds, help=warmup)
    profile_plan.add_arguments(parser)
    profile_command.add_arguments(parser)
    profile_operators.add_arguments(parser)
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="a condition to set, and to put back: governor=performance, screen=off, nvpmodel=0, ...",
    )
    _add_phone_arguments(parser)
    parser.add_argument(
        "--runtime", choices=("litert", "tflite-runtime"), help="on the host (default: the one installed)"
    )
    parser.add_argument(
        "--input-shape", action="append", default=[], metavar="NAME:1x224x224x3", help="of a dynamic input"
    )
    parser.add_argument("--seed", type=int, help="of the random inputs (default: 0)")
    parser.add_argument("--session", help="name of the sitting, if this run shares it with others")


def _add_phone_arguments(parser: argparse.ArgumentParser) -> None:
    phone = parser.add_argument_group("on a phone")
    phone.add_argument("--runner", metavar="PATH", type=Path, help="the benchmark_model that executes the model there")
    phone.add_argument(
        "--push", metavar="FILE", type=Path, nargs="+", action="extend", default=[], help="files that it needs"
    )
    phone.add_argument("--env", metavar="K=V", action="append", default=[], help="a variable of its environment")
    phone.add_argument(
        "--runner-arg",
        metavar="X",
        action="append",
        default=[],
        help="a flag for it, such as --runner-arg=--use_gpu=true",
    )
    phone.add_argument("--operators", action="store_true", help="latency of each operator, in a run of its own")


def run(args: argparse.Namespace) -> int:
    """Profile, and print the answer."""
    if args.output is None and not args.dry_run:
        raise UsageError("-o RUN is missing: the folder to write")
    progress = ErrorStreamProgress()
    if args.plan is not None:
        try:
            return profile_plan.run(args, model_path, progress)
        finally:
            progress.done()
    profile_plan.refuse_without_plan(args)
    env = dict(_key_value("--env", text) for text in args.env)
    command = profile_command.asked_of(args, env)
    with_operators = profile_operators.is_asked(args)
    defaults = ProfileOptions()
    request = WorkloadRequest(
        model=model_path(args.model or ""),
        target=args.target or "cpu",
        threads=args.threads or 1,
        batch=args.batch or 1,
        runtime=args.runtime,
        seed=args.seed or 0,
        options=_options(args, env),
    )
    options = ProfileOptions(
        repeats=args.repeats or defaults.repeats,
        seconds=args.seconds or defaults.seconds,
        iterations=args.iterations or 0,
        idle_s=args.idle or defaults.idle_s,
        warmup_limit_s=args.warmup or defaults.warmup_limit_s,
        session=args.session,
        conditions=dict(_key_value("--set", text) for text in args.set),
    )
    path = Path(args.output)
    refuse_taken_early(path)
    try:
        with kept(path), opened(args.device, args.meter) as (device, meters):
            if with_operators:
                trace = profile_operators.profiled(args, request, device, meters, options, progress)
            elif command is None:
                trace = profile(device, request, path, meters=meters, options=options, progress=progress)
            else:
                trace = profile_command.profiled(command, device, path, meters, options, progress)
    finally:
        progress.done()
    print_answer(trace, as_json=args.json)
    return profile_operators.exit_code(trace) if with_operators else 0


def _options(args: argparse.Namespace, env: dict[str, str]) -> dict[str, Any]:
    """What only one of the runtimes understands, where it was given: another one refuses it."""
    given = {
        "input_shapes": dict(_input_shape(text) for text in args.input_shape),
        "runner": args.runner,
        "push": args.push,
        "env": env,
        "runner_args": args.runner_arg,
        "op_profiling": args.operators,
    }
    return {key: value for key, value in given.items() if value}


def _key_value(option: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(f"{option} {text!r}: expected NAME=VALUE")
    return key, value


def _input_shape(text: str) -> tuple[str, list[int]]:
    name, colon, shape = text.rpartition(":")
    sizes = shape.split("x")
    if not colon or not all(size.isascii() and size.isdigit() and len(size) < 10 for size in sizes):
        raise UsageError(f"--input-shape {text!r}: expected NAME:1x224x224x3, the input's name and its sizes")
    return name, [int(size) for size in sizes]
