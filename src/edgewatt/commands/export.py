"""The verb `export` of the command line."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from edgewatt.collectors.runtimes.tflite_kernels import kernels_of
from edgewatt.commands.arguments import count, model_path
from edgewatt.profiler.calibration.calibration import read_calibration
from edgewatt.profiler.calibration.contents import holds
from edgewatt.profiler.calibration.head import FILE_NAME
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.operator_kernel import OperatorKernel
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.escape import printable
from edgewatt.reports.export import FORMATS, STANDARD_OUTPUT, export
from edgewatt.reports.figures.asked import COLUMN_IN, FIGURE_FORMATS, KINDS, Asked
from edgewatt.reports.formats.chosen import Chosen, configs_in, names_in, where_of
from edgewatt.reports.formats.consumers import CONSUMERS
from edgewatt.reports.source import TABLES

EPILOG: Final = """\
examples:
  edgewatt export runs/a runs/b --to csv -o table.csv
  edgewatt export runs/a --to markdown -o -              to the terminal
  edgewatt export runs/a --to parquet --table repeats -o repeats.parquet
  edgewatt export runs/a --to markdown --table budget -o -    what each interval is made of, term by term

for a paper, and for ui.perfetto.dev:
  edgewatt export runs/a --to pdf --kind timeline -o run.pdf      or cdf, bars; svg, png
  edgewatt export runs/a runs/b --to pdf --kind pareto --width 7 -o pareto.pdf
  edgewatt export runs/night --to pdf --kind dvfs -o dvfs.pdf     latency and energy over the pinned frequencies
  edgewatt export runs/a --to latex -o table.tex                  for booktabs and siunitx
  edgewatt export runs/a --to perfetto -o run.pftrace             counters and windows; --to chrome for JSON

for other programs, each in its own units (docs/exports.md):
  edgewatt export s10e.zip --to fedscale --where model=lenet --where batch=8 --rssi -60 -o capacity.json
  edgewatt export fleet.zip --to fedscale --pickle -o client_device_capacity      as FedScale itself reads it
  edgewatt export runs/blocks --to ofa --names keys.csv -o 224_lookup_table.yaml  keys.csv: model,name
  edgewatt export runs/kernels --to nn-meter --configs conv-bn-relu_prior.json -o profiled_results.json
  edgewatt export runs/ops --to nn-meter --graph net.tflite -o kernels.json       operators that runs/ops measured alone
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `export`."""
    parser.add_argument(
        "runs",
        metavar="RUN",
        nargs="+",
        help=f"folders of runs, whose rows stand one after the other; for {', '.join(CONSUMERS)} calibrations too",
    )
    parser.add_argument("--to", metavar="FORMAT", choices=FORMATS, required=True, help=f"one of {', '.join(FORMATS)}")
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="the file to write, or - for the terminal"
    )
    parser.add_argument("--table", choices=tuple(TABLES), default="results", help="default: %(default)s")
    _add_figure(parser.add_argument_group(f"for {', '.join(FIGURE_FORMATS)}"))
    _add_choices(parser.add_argument_group(f"for {', '.join(CONSUMERS)}"))


def _add_figure(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--kind", choices=KINDS, help="what to draw")
    group.add_argument(
        "--width",
        metavar="INCHES",
        type=float,
        default=COLUMN_IN,
        help="default: %(default)s, a column of two; 7 goes over both",
    )


def _add_choices(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--where", metavar="COLUMN=VALUE", action="append", default=[], help="only such rows; repeatable"
    )
    group.add_argument("--names", metavar="FILE", help="a table model,name: what the other program calls our models")
    group.add_argument("--configs", metavar="FILE", help="nn-Meter's JSON of its kernels, for their configurations")
    group.add_argument(
        "--graph", metavar="FILE", action="append", default=[], help="a model's .tflite: the shapes of its operators"
    )
    group.add_argument("--rssi", metavar="DBM", type=float, help="the signal at which rates of a radio are looked up")
    group.add_argument("--local-steps", metavar="N", type=count, help="steps of training in a round (oort-durations)")
    group.add_argument("--pickle", action="store_true", help="a pickle, which executes what is in it when it is loaded")


def run(args: argparse.Namespace) -> int:
    """Write the table."""
    if args.json and args.output == STANDARD_OUTPUT:
        raise UsageError("--json prints an object where -o - prints the table; choose one (--to json is the format)")
    given = [path for path in args.runs if holds(Path(path), FILE_NAME)]
    calibrations = [read_calibration(path) for path in given]
    runs = [Trace.open(run) for run in args.runs if run not in given]
    chosen = _chosen(args)
    asked = Asked(args.kind, args.width)
    said = export(runs, args.to, args.output, table=args.table, calibrations=calibrations, chosen=chosen, asked=asked)
    of_runs = [f"{run.path}: {notice}" for run in runs for notice in run.notices]
    for notice in (*of_runs, *(notice for one in calibrations for notice in one.notices), *said):
        print(f"notice: {printable(notice)}", file=sys.stderr)
    if args.json:
        wrote = {"written": args.output, "format": args.to, "table": args.table, "runs": args.runs}
        print(json.dumps({**wrote, "notices": list(said)}))
    elif args.output != STANDARD_OUTPUT:
        print(f"written to {printable(args.output)}")
    return 0


def _chosen(args: argparse.Namespace) -> Chosen:
    return Chosen(
        where=where_of(args.where),
        names=names_in(args.names) if args.names else {},
        configs=configs_in(args.configs) if args.configs else {},
        graphs=dict(_graph(model_path(file)) for file in args.graph),
        rssi_dbm=args.rssi,
        local_steps=args.local_steps,
        pickled=args.pickle,
    )


def _graph(path: Path) -> tuple[str, list[OperatorKernel]]:
    kernels = kernels_of(path)
    return sha256_of_file(path), kernels
