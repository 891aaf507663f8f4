"""`model make`: a real architecture with random weights, as a .tflite file."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.runtimes.model_summary.summary import Summary, summarise
from edgewatt.collectors.runtimes.zoo.catalogue import NETWORKS, Network
from edgewatt.collectors.runtimes.zoo.making import PRECISIONS, Order, check, make
from edgewatt.collectors.runtimes.zoo.tensorflow_here import load_tensorflow
from edgewatt.commands.arguments import count
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.units import format_si
from edgewatt.reports.escape import printable

WHAT: Final = "write a known architecture with random weights as a .tflite; needs pip install 'edgewatt[zoo]'"
# A batch beyond it is a slip: the largest of the papers is 32, and a file of it takes gigabytes to run.
_LARGEST_BATCH: Final = 256
_MOST_CLASSES: Final = 100_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `model make`."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="the network, one of --list")
    parser.add_argument("--list", action="store_true", help="the networks, with what is published of each")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="the file to write (default: NAME_PRECISION.tflite here)"
    )
    parser.add_argument("--precision", choices=PRECISIONS, help="fp32, weights as fp16, or int8 (default: fp32)")
    parser.add_argument("--seed", type=_seed, help="of the random weights (default: 0)")
    parser.add_argument(
        "--classes", type=_classes, metavar="N", help="how many the output has (default: the network's)"
    )
    parser.add_argument(
        "--batch", type=_batches, metavar="N[,N...]", help="inputs at a time; several make a file each (default: 1)"
    )
    parser.add_argument("--training", action="store_true", help="with signatures train(x, y) -> loss and infer(x)")


def run(args: argparse.Namespace) -> int:
    """Make the files, or list what can be made."""
    if args.list:
        return _list(args)
    if args.name is None:
        raise UsageError("`model make` needs the name of a network; `edgewatt model make --list` has them")
    order = Order(args.name, args.precision or "fp32", args.seed or 0, args.classes, 1, args.training)
    network = check(order)
    batches = args.batch or [1]
    paths = [_path(args.output, network, order, batch, several=len(batches) > 1) for batch in batches]
    for path in paths:
        _check_new(path)
    load_tensorflow()
    made = []
    for path, batch in zip(paths, batches, strict=True):
        print(f"edgewatt model: making {printable(str(path))}, seconds to minutes", file=sys.stderr)
        _write(path, make(replace(order, batch=batch)).content)
        made.append((path, batch, summarise(path)))
    print(json.dumps(_as_json(network, order, made)) if args.json else "\n".join(_as_text(network, made)))
    return 0


def _list(args: argparse.Namespace) -> int:
    if args.name is not None:
        raise UsageError("--list names all networks; give either it or the name of one")
    if args.json:
        print(json.dumps({"networks": [network.to_json() for network in NETWORKS.values()]}))
        return 0
    for network in NETWORKS.values():
        said = network.published
        print(f"{network.name:<18}{network.title}{f'; --training: {network.trains}' if network.trains else ''}")
        print(f"{'':<18}published: {_said(said.macs, 'MACs')}, {_said(said.parameters, 'parameters')}; {said.source}")
    return 0


def _said(value: float | None, what: str) -> str:
    return f"no {what}" if value is None else f"{format_si(value, '')}{what}"


def _path(output: str | None, network: Network, order: Order, batch: int, *, several: bool) -> Path:
    """The file for a batch: as it was asked for, with the batch before its ending where there are several."""
    kind = "training" if order.training else order.precision
    path = Path(output) if output else Path(f"{network.name}_{kind}.tflite")
    return path.with_name(f"{path.stem}_b{batch}{path.suffix}") if several or (batch > 1 and not output) else path


def _check_new(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise UsageError(f"'{printable(str(path))}' is there already; name another file with -o, or remove it")
    if not path.parent.is_dir():
        raise UsageError(f"'{printable(str(path))}' cannot be written: its folder does not exist")


def _write(path: Path, content: bytes) -> None:
    """The whole file or none."""
    half = path.with_name(f".{path.name}.part")
    try:
        half.write_bytes(content)
        half.rename(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise UsageError(f"'{printable(str(path))}' cannot be written: {error.strerror}") from error


def _as_json(network: Network, order: Order, made: Sequence[tuple[Path, int, Summary]]) -> dict[str, Any]:
    return {
        "network": network.to_json(),
        "precision": order.precision,
        "seed": order.seed,
        "training": order.training,
        "files": [{"path": str(path), "batch": batch, **summary.to_json()} for path, batch, summary in made],
    }


def _as_text(network: Network, made: Sequence[tuple[Path, int, Summary]]) -> list[str]:
    said, lines = network.published, []
    for path, batch, summary in made:
        macs = summary.calls[0].macs
        per_one = "MACs unknown" if macs is None else _said(macs / batch, "MACs")
        lines += [
            f"{printable(str(path))}  {summary.file.size_b:,} bytes, sha256 {summary.file.sha256}",
            f"  {summary.precision}, batch {batch}, {_said(summary.parameters, 'parameters')}, {per_one} per input",
        ]
    published = f"{_said(said.macs, 'MACs')}, {_said(said.parameters, 'parameters')}"
    return [*lines, f"published: {published} ({said.source})", "random weights: accuracy means nothing"]


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: expected a whole number from 0 to 999999999")
    return int(text)


def _classes(text: str) -> int:
    if not 2 <= (found := count(text)) <= _MOST_CLASSES:
        raise argparse.ArgumentTypeError(f"{found} classes: expected 2 to {_MOST_CLASSES}")
    return found


def _batches(text: str) -> list[int]:
    found = [count(part) for part in text.split(",")]
    if len(set(found)) < len(found) or max(found) > _LARGEST_BATCH:
        raise argparse.ArgumentTypeError(f"{text!r}: expected different whole numbers from 1 to {_LARGEST_BATCH}")
    return found
