"""`edgewatt watch --http PORT`: a page, for this machine unless told otherwise, and metrics for Prometheus."""

import argparse
import ipaddress
import json
import os
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from edgewatt import __version__
from edgewatt.commands import watch_text
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.progress import Silent
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.watching.watch import Watch
from edgewatt.reports.live.guard import Guard
from edgewatt.reports.live.latest import Latest
from edgewatt.reports.live.pace import Pace
from edgewatt.reports.live.runs import Runs
from edgewatt.reports.live.server import Server, Site, listening

LOOPBACK: Final = "127.0.0.1"
# Where a token may come from: others can read a command line, and not an environment.
VARIABLE: Final = "EDGEWATT_WATCH_TOKEN"
TOKEN_LEAST: Final = 16
_POLL_S: Final = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `watch` that are about its page."""
    parser.add_argument("--http", metavar="PORT", type=_port, help="a page at http://127.0.0.1:PORT/; 0: any free port")
    parser.add_argument(
        "--runs", metavar="DIR", help="with --http: list the runs in this folder, and open their reports"
    )
    parser.add_argument(
        "--listen",
        metavar="ADDR",
        help=f"with --http: another address of this machine; a token is then needed, drawn anew or from ${VARIABLE}",
    )


def check(args: argparse.Namespace) -> None:
    """Raise UsageError for arguments that contradict each other."""
    for name in ("runs", "listen"):
        if args.http is None and getattr(args, name) is not None:
            raise UsageError(f"--{name} is about the page: say --http PORT too")
    if args.http is not None and args.plain:
        raise UsageError("--plain and --http are two ways to look: leave out one of them")
    if args.http is not None:
        _given_token()
    if args.runs is not None and not os.path.isdir(args.runs):  # noqa: PTH112  (unlike Path.is_dir, never raises)
        raise UsageError(f"--runs {args.runs}: is no folder")
    if args.listen is not None:
        try:
            ipaddress.ip_address(args.listen)
        except ValueError:
            raise UsageError(
                f"--listen {args.listen!r}: expected an IP address of this machine, such as 192.168.1.20, or 0.0.0.0"
            ) from None


def run(args: argparse.Namespace, watch: Watch) -> int | None:
    """Serve until the time is over or somebody stops it. Raises UsageError where nobody can listen there."""
    latest, address = Latest(), args.listen or LOOPBACK
    with listening(address, args.http) as server:
        guard = Guard(address, server.server_address[1], _token(address))
        server.site = Site(guard, latest, None if args.runs is None else Runs(Path(args.runs)), report_of)
        latest.publish(watch.look())
        _say(guard, as_json=args.json)
        with _served(server, latest):
            # Whoever asked for lines of JSON gets one a second, whatever it takes.
            pace = (lambda: watch_text.PERIOD_S) if args.json else Pace().next_s
            wanted = lambda: latest.listeners > 0  # noqa: E731
            for view in watch_text.views(watch, args.seconds, stay=True, series=wanted, pace=pace):
                latest.publish(view)
                if args.json:
                    watch_text.say(view, as_json=True)
    return 0


def report_of(path: Path) -> bytes:
    """The report of one run as HTML. Raises EdgewattError."""
    from edgewatt.reports.page.page import page_of  # noqa: PLC0415  (only if somebody opens one)

    return page_of([Trace.open(path)], Silent(), __version__)


@contextmanager
def _served(server: Server, latest: Latest) -> Iterator[None]:
    """The server in a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="edgewatt-http", daemon=True)
    thread.start()
    try:
        yield
    finally:
        latest.end()
        server.shutdown()
        thread.join()


def _token(address: str) -> str | None:
    """None for an address that only this machine reaches, unless a token was given."""
    given = _given_token()
    return given if given is not None or ipaddress.ip_address(address).is_loopback else secrets.token_urlsafe(32)


def _given_token() -> str | None:
    """The token of the environment, if there is one. Raises UsageError if it is none."""
    given = os.environ.get(VARIABLE)
    if given is not None and (len(given) < TOKEN_LEAST or re.fullmatch(r"[A-Za-z0-9_-]+", given) is None):
        raise UsageError(f"${VARIABLE}: expected at least {TOKEN_LEAST} letters, digits, - and _")
    return given


def _say(guard: Guard, *, as_json: bool) -> None:
    url = guard.url if guard.token is None else f"{guard.url}?token={guard.token}"
    if as_json:
        print(json.dumps({"http": guard.url, "token": guard.token}), flush=True)
    else:
        print(f"{url}   (Ctrl-C ends it; /metrics is for Prometheus)", flush=True)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: expected 0 to 65535")
    return int(text)
