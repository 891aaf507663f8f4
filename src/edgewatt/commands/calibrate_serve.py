"""`calibrate --serve`: the server that radio and offload loads of another machine's device talk to."""

import argparse
import errno
import json
import socket
from typing import Final

from edgewatt.commands import serving
from edgewatt.profiler.collecting.checking import server_of
from edgewatt.profiler.collecting.server import serving as load_serving
from edgewatt.profiler.errors import UsageError

EPILOG: Final = """\
examples:
  edgewatt calibrate --serve 192.168.1.7:7800        until Ctrl-C; then on the other machine:
  edgewatt calibrate --collect -d adb: -o cal --steps radio,offload --server 192.168.1.5:7800 --to 192.168.1.7:7800

It takes and sends bytes of zero to whoever connects, nothing else: name an address of the network that you measure in.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `calibrate --serve`."""
    parser.add_argument("--serve", metavar="HOST:PORT", required=True, help="an address of this machine to listen at")


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    host, port = place_of("--serve", args.serve)
    with load_serving(host, port) as server, serving.until_stopped():
        answer = json.dumps({"serving": server.address}) if args.json else f"serving at {server.address} until Ctrl-C"
        print(answer, flush=True)
        serving.wait(attached=False)
    return 0


def place_of(option: str, text: str) -> tuple[str, int]:
    """The host and port of an option. Raises UsageError."""
    try:
        return server_of(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error}") from None


def is_here(host: str, port: int) -> bool:
    """True if that is an address of this machine where nobody listens yet."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EADDRNOTAVAIL):
                return False
            raise UsageError(f"server {host}:{port}: {error}") from None
    return True
