"""`model show`: what a model file holds, without executing it."""

import argparse
import json
from collections.abc import Iterable
from typing import Final

from edgewatt.collectors.runtimes.model_summary.layers import AUTOSCALE, LayerCounts
from edgewatt.collectors.runtimes.model_summary.summary import Call, End, Summary, summarise
from edgewatt.collectors.runtimes.zoo.catalogue import ALIASES
from edgewatt.commands.arguments import TINY, model_path
from edgewatt.profiler.units import format_si
from edgewatt.reports.escape import printable
from edgewatt.reports.wording import counted

WHAT: Final = "say what a .tflite holds: operators, MACs, parameters, inputs and outputs, layer counts"
# Of operators, ends and reasons; the rest is in --json.
_LINES: Final = 40


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `model show`."""
    parser.add_argument("file", metavar="FILE", help=f"a .tflite, or {TINY}, the network that comes with edgewatt")
    parser.add_argument(
        "--as",
        dest="named",
        metavar="NAME",
        help=f"the network that it is, for the layer counts of AutoScale's table: {', '.join(AUTOSCALE)}",
    )


def run(args: argparse.Namespace) -> int:
    """Print what the file holds."""
    summary = summarise(model_path(args.file), named=ALIASES.get(args.named, args.named))
    print(json.dumps(summary.to_json()) if args.json else as_text(summary))
    return 0


def as_text(summary: Summary) -> str:
    """A summary for people."""
    lines = [
        f"{printable(summary.file.name)}  {summary.file.size_b:,} bytes, sha256 {summary.file.sha256[:16]}...",
        *([f"  it says: {summary.description}"] if summary.description else []),
        f"  precision   {summary.precision or 'unknown: it has no operators'}",
        f"  parameters  {summary.parameters:,} in {summary.weights_b:,} bytes",
        *_layers(summary.layers),
    ]
    for call in summary.calls:
        lines += _call(call)
    return "\n".join(lines)


def _layers(layers: LayerCounts) -> list[str]:
    used, seen = layers.used, layers.graph
    line = f"  layers      {used.conv} CONV, {used.fc} FC, {used.rc} RC"
    found = f"{seen.conv} CONV, {seen.fc} FC, {seen.rc} RC and {layers.depthwise} depthwise"
    if layers.source == "graph":
        return [f"{line}, counted in the graph, beside {layers.depthwise} depthwise"]
    return [
        f"{line}, of {layers.name} in AutoScale's table (remembered); named by {layers.named_by}",
        f"              in its graph: {found}",
    ]


def _call(call: Call) -> list[str]:
    title = "graph" if call.name is None else f"signature {call.name}"
    return [
        f"{title}: {counted(sum(call.operators.values()), 'operator')}, {_macs(call)}",
        *_first(f"  not counted: {op}, {why}" for op, why in call.uncounted.items()),
        *_first(f"  in   {_end(end)}" for end in call.inputs),
        *_first(f"  out  {_end(end)}" for end in call.outputs),
        *_first(f"  {number:>5} {op}" for op, number in call.operators.items()),
    ]


def _macs(call: Call) -> str:
    if call.macs is None:
        return "MACs unknown"
    return f"{'at least ' if call.uncounted else ''}{call.macs:,} MACs ({format_si(call.macs, 'MAC')})"


def _end(end: End) -> str:
    shape = "x".join(map(str, end.shape)) or "one number"
    size = "size unknown" if end.size_b is None else counted(end.size_b, "byte")
    return f"{end.name}: {end.dtype} {shape}, {size}{', its shape is open' if end.is_open else ''}"


def _first(lines: Iterable[str]) -> list[str]:
    found = list(lines)
    more = [f"  ... and {len(found) - _LINES} more, in --json"] if len(found) > _LINES else []
    return found[:_LINES] + more
