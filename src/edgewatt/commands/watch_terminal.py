"""`edgewatt watch` on a terminal."""

import argparse
import signal
import sys

from edgewatt.commands import watch_text
from edgewatt.profiler.errors import EdgewattError
from edgewatt.profiler.watching.view import View
from edgewatt.profiler.watching.watch import Watch
from edgewatt.reports.live.terminal import NEEDS, is_available, terminal_app


def run(args: argparse.Namespace, watch: Watch) -> int | None:
    """Show it live until somebody leaves; as plain lines where Textual is not installed. The exit code."""
    if not is_available():
        print(f"edgewatt watch: {NEEDS}", file=sys.stderr)
        watch_text.run(args, watch)
        return 0

    def look() -> View:
        watch.raise_failure()
        return watch.look(sight=app.sight)

    app = terminal_app(look, args.seconds)
    caught = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        failure = app.run()
    finally:
        for number, handler in caught.items():
            signal.signal(number, handler)
    if isinstance(failure, EdgewattError):
        raise failure
    code: int | None = app.return_code
    return code
