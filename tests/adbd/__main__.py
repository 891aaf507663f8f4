"""A phone by hand: `python -m tests.adbd pixel` says where it is and serves until Ctrl-C."""

import argparse
import signal
from contextlib import suppress

from tests.adbd.phones import PERSONALITIES
from tests.adbd.running import running


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.adbd", description=__doc__)
    parser.add_argument("personality", choices=sorted(PERSONALITIES))
    parser.add_argument("--tmp-size", type=int, default=0, metavar="BYTES", help="size of /data/local/tmp")
    parser.add_argument("--delay", type=float, default=0.0, metavar="S", help="added each way")
    parser.add_argument("--state", action="append", default=[], metavar="NAME=TEXT", help="such as load=1")
    asked = parser.parse_args()
    states = dict(text.split("=", 1) for text in asked.state)
    with running(asked.personality, tmp_size_b=asked.tmp_size, states=states) as phone, suppress(KeyboardInterrupt):
        phone.delay(asked.delay)
        print(phone.uri, flush=True)
        signal.pause()


if __name__ == "__main__":
    main()
