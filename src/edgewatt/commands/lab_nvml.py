"""`edgewatt lab nvml`: GPUs for any client of NVML, in a library that stands for the driver's."""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from edgewatt.commands import serving
from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.nvidia.families import FAMILIES
from edgewatt.virtual_lab.nvidia.faults import EXPECTED, with_faults
from edgewatt.virtual_lab.nvidia.gpu import Gpu
from edgewatt.virtual_lab.nvidia.lab import NvmlLab, nvml_lab

EPILOG: Final = f"""\
GPUs:
{chr(10).join(f"  {name:<12}{family.title}" for name, family in FAMILIES.items())}

faults of GPUs (times are seconds from the start on):
{chr(10).join(f"  {text}" for text in EXPECTED.values())}

  edgewatt lab nvml --gpu a100 --gpu v100               a program started with "env" of the JSON line finds two GPUs
  LOAD --gpu 1 --watts 200 -- COMMAND                   "load" of the line: GPU 1 is busy while COMMAND runs
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `lab nvml` that no other lab has."""
    group = parser.add_argument_group("nvml")
    group.add_argument("--gpu", action="append", metavar="NAME", help="one of its GPUs, see below (default: a100)")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped: exit code 130, or 0 by SIGTERM and where standard input ended."""
    with serving.until_stopped(), tempfile.TemporaryDirectory(prefix="edgewatt-nvml-") as folder:
        gpus = [_gpu(name, args.seed, exact=args.exact) for name in args.gpu or ["a100"]]
        origin_ns = time.monotonic_ns()
        lab = nvml_lab(Path(folder), *with_faults(gpus, args.fault, origin_ns))
        print(json.dumps(to_json(lab)), flush=True)
        serving.wait(attached=args.attached)
    return 0


def to_json(lab: NvmlLab) -> dict[str, Any]:
    """Where it is, how it is found and loaded, and what its clients cannot know."""
    return {
        "simulated": True,
        "nvml": str(lab.folder),
        "env": lab.environment,
        "load": [sys.executable, "-m", "edgewatt.virtual_lab.nvidia.load", "--lab", str(lab.folder)],
        "gpus": [
            {"name": one.family.title, "seed": one.seed, "drawn": asdict(one.drawn(index))}
            for index, one in enumerate(lab.gpus)
        ],
    }


def _gpu(name: str, seed: int, *, exact: bool) -> Gpu:
    if name not in FAMILIES:
        raise UsageError(f"there is no virtual GPU {name!r}; there are {', '.join(FAMILIES)}")
    return Gpu(FAMILIES[name], seed=seed, exact=exact)
