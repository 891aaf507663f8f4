"""The verb `watch` of the command line."""

import argparse
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from edgewatt.commands import watch_http, watch_terminal, watch_text
from edgewatt.commands.arguments import positive_seconds
from edgewatt.commands.boundary import INTERRUPTED
from edgewatt.commands.kept import kept
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.manifest import FILE_NAME
from edgewatt.profiler.watching.connection import Asked
from edgewatt.profiler.watching.watch import Watch
from edgewatt.reports.escape import printable

DEVICES_LIMIT: Final = 64
EPILOG: Final = """\
examples:
  edgewatt watch -d host                             live, on the terminal; q leaves, a shows all channels
  edgewatt watch -d adb: virtual:phone --seconds 60  two devices for a minute
  edgewatt watch -d adb: -m monsoon:                 a phone and the meter beside it
  edgewatt watch -d nvml:0 --plain                   a line a second, for a log
  edgewatt watch -d host --json | jq .devices[0].channels
  edgewatt watch -d adb: -o runs/seen                the same, recorded too
  edgewatt watch -d host --http 8080 --runs runs     a page at http://127.0.0.1:8080/, with the reports of runs
  curl http://127.0.0.1:8080/metrics                 for Prometheus

A device that is lost is opened again, after 1 s at first and 30 s at last. Nothing is set on a device; what reads on it
ends with the watch. Ctrl-C exits with 130. The live view and /metrics need pip install 'edgewatt[live]'.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `watch`."""
    parser.add_argument(
        "-d",
        "--device",
        metavar="DEVICE",
        nargs="+",
        action="extend",
        default=[],
        help="what to watch: host, adb:SERIAL, jetson, nvml:0, monsoon:, replay:RUN, virtual:phone, a bench, several",
    )
    parser.add_argument(
        "-m",
        "--meter",
        metavar="METER",
        action="append",
        default=[],
        help="a meter to watch too; without its energy the watch ends with exit code 5",
    )
    parser.add_argument("--seconds", type=positive_seconds, help="how long (default: until q or Ctrl-C)")
    parser.add_argument("-o", "--output", metavar="RUN", help="record it too, into this folder (one device)")
    parser.add_argument(
        "--plain", action="store_true", help="a line a second instead of the live view, as where there is no terminal"
    )
    watch_http.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Watch until somebody leaves, the time is over or everything ended."""
    watch_http.check(args)
    asked = _asked(args)
    show = _way(args)
    if asked and not args.json:
        # Devices take their time to answer.
        print(f"opening {printable(', '.join(one.uri for one in asked), 200)}", file=sys.stderr, flush=True)
    with nullcontext() if args.output is None else kept(Path(args.output)), Watch(asked) as watch:
        code = show(args, watch)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
    for uri in watch.stuck:
        print(f"edgewatt watch: {printable(uri)} has not let go in time; it is left behind", file=sys.stderr)
    if args.output is not None and not args.json:
        print(f"written to {args.output}")
    return code or 0


def _way(args: argparse.Namespace) -> Callable[[argparse.Namespace, Watch], int | None]:
    """How it is shown: as a page, as text, or live."""
    if args.http is not None:
        return watch_http.run
    if args.json or args.plain or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return watch_text.run
    return watch_terminal.run


def _asked(args: argparse.Namespace) -> list[Asked]:
    devices, meters = (list(dict.fromkeys(map(_paced, uris))) for uris in (args.device, args.meter))
    if not devices and (meters or args.output or args.http is None or args.runs is None):
        raise UsageError("say what to watch: -d DEVICE, such as -d host (or --http PORT --runs DIR for runs alone)")
    if len(devices) + len(meters) > DEVICES_LIMIT:
        raise UsageError(f"{len(devices) + len(meters)} devices are more than the {DEVICES_LIMIT} that fit a view")
    if args.output is None:
        both = [uri for uri in devices if uri not in meters]
        return [*(Asked(uri) for uri in both), *(Asked(uri, energy=True) for uri in meters)]
    if len(devices) != 1:
        raise UsageError(f"-o {args.output}: a run is of one device, and {len(devices)} were named; leave out -o")
    folder = Path(args.output)
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"-o {args.output} exists already: give a name that is not taken, or remove it first")
    return [Asked(devices[0], tuple(meters), run=folder)]


def _paced(uri: str) -> str:
    """A stored run at the pace at which it was recorded, unless another one was asked for."""
    parsed = parse_uri(uri)
    if parsed.scheme != "replay" or "speed" in parsed.options or not _is_run(parsed.rest):
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}speed=1"


def _is_run(path: str) -> bool:
    try:
        return (Path(path) / FILE_NAME).is_file()
    except (OSError, ValueError):
        return False
