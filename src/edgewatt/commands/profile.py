"""The verb `profile` of the command line."""

import argparse
from pathlib import Path
from typing import Final

from edgewatt.commands.answers import print_answer
from edgewatt.commands.arguments import add_device, add_run_output, count, positive_seconds
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.device import open_device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import WorkloadRequest
from edgewatt.profiler.running.profile import ProfileOptions, profile

TINY: Final = "@tiny"

EPILOG: Final = f"""\
examples:
  edgewatt profile model.tflite -d host -o runs/a
  edgewatt profile {TINY} -d host -o runs/tiny --repeats 3 --seconds 2
  edgewatt profile model.tflite -d host -o runs/b --threads 4 --iterations 500 --json
  edgewatt profile bert.tflite -d host -o runs/c --input-shape ids:1x128

A repeat is a fresh process: it loads the model, warms up until the latency is steady, then measures. Only the
runtime's invoke() is timed; inputs are random, seeded, and written before.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `profile`."""
    defaults = ProfileOptions()
    parser.add_argument("model", metavar="MODEL", help=f"a .tflite file, or {TINY}: the small network edgewatt brings")
    add_device(parser, required=True)
    add_run_output(parser)
    parser.add_argument("--target", default="cpu", help="what executes it on the device (default: cpu)")
    parser.add_argument("--threads", type=count, default=1, help="threads of the runtime (default: 1)")
    parser.add_argument("--batch", type=count, default=1, help="inputs per inference (default: 1)")
    parser.add_argument(
        "--repeats", type=count, default=defaults.repeats, help="fresh processes (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=positive_seconds, default=defaults.seconds, help="measured per repeat (default: %(default)s)"
    )
    parser.add_argument("--iterations", type=count, default=0, help="inferences per repeat, instead of --seconds")
    parser.add_argument(
        "--idle",
        type=positive_seconds,
        default=defaults.idle_s,
        help="s of idle before and after (default: %(default)s)",
    )
    parser.add_argument(
        "--warmup", type=positive_seconds, default=defaults.warmup_limit_s, help="at most, in s (default: %(default)s)"
    )
    parser.add_argument("--runtime", choices=("litert", "tflite-runtime"), help="default: the one installed")
    parser.add_argument(
        "--input-shape", action="append", default=[], metavar="NAME:1x224x224x3", help="of a dynamic input"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the random inputs (default: 0)")
    parser.add_argument("--session", help="name of the sitting, if this run shares it with others")


def run(args: argparse.Namespace) -> int:
    """Profile, and print the answer."""
    progress = ErrorStreamProgress()
    request = WorkloadRequest(
        model=_model(args.model),
        target=args.target,
        threads=args.threads,
        batch=args.batch,
        runtime=args.runtime,
        seed=args.seed,
        options={"input_shapes": dict(_input_shape(text) for text in args.input_shape)},
    )
    options = ProfileOptions(
        repeats=args.repeats,
        seconds=args.seconds,
        iterations=args.iterations,
        idle_s=args.idle,
        warmup_limit_s=args.warmup,
        session=args.session,
    )
    device = open_device(args.device)
    meters = [device if uri == args.device else open_device(uri) for uri in args.meter]
    try:
        trace = profile(device, request, Path(args.output), meters=meters, options=options, progress=progress)
    except KeyboardInterrupt:
        progress.done()
        raise KeyboardInterrupt(f"the run up to now is kept: edgewatt process {args.output}") from None
    finally:
        progress.done()
    print_answer(trace, as_json=args.json)
    return 0


def _model(text: str) -> Path:
    if text != TINY:
        return Path(text)
    from edgewatt.collectors.runtimes.model_file import bundled_model  # noqa: PLC0415

    return bundled_model()


def _input_shape(text: str) -> tuple[str, list[int]]:
    name, colon, shape = text.rpartition(":")
    sizes = shape.split("x")
    if not colon or not all(size.isascii() and size.isdigit() and len(size) < 10 for size in sizes):
        raise UsageError(f"--input-shape {text!r}: expected NAME:1x224x224x3, the input's name and its sizes")
    return name, [int(size) for size in sizes]
