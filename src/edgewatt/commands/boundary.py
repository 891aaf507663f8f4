"""Where a verb's errors become one line and an exit code, and its interruption an orderly end."""

import argparse
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Final

from edgewatt.profiler.errors import EdgewattError
from edgewatt.profiler.state import state_folder
from edgewatt.reports.escape import printable

FAULT: Final = 70
INTERRUPTED: Final = 130


def run_verb(verb: str, words: Sequence[str], parser: argparse.ArgumentParser) -> int:
    """Parse `words` and run the verb; the exit code, whatever happens."""
    args = parser.parse_args(words)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        code: int = import_module(f"edgewatt.commands.{verb}").run(args)
        sys.stdout.flush()
    except EdgewattError as error:
        return _fail(args, _whole(error), error.exit_code)
    except KeyboardInterrupt as error:
        return _fail(args, f"interrupted{'; ' + str(error) if str(error) else ''}", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has had enough; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception:  # noqa: BLE001  (a fault of ours: the user gets a path, not a traceback)
        return _fail(args, f"a fault of edgewatt, not of yours; please report {_write_fault(words)}", FAULT)
    return code


def _whole(error: EdgewattError) -> str:
    """The message, and what closing things found wrong besides."""
    return ". ".join([str(error), *getattr(error, "__notes__", ())])


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    """End in good order, once: what closes a run must not be interrupted in its turn."""
    signal.signal(signal.SIGTERM, _say_wait)
    signal.signal(signal.SIGINT, _say_wait)
    raise KeyboardInterrupt


def _say_wait(_signal: int, _frame: FrameType | None) -> None:
    print("edgewatt: closing the run; nothing is lost, a moment please", file=sys.stderr)


def _fail(args: argparse.Namespace, message: str, code: int) -> int:
    print(f"edgewatt {args.verb}: {printable(message)}", file=sys.stderr)
    if args.json:
        print(json.dumps({"error": message, "exit_code": code}))
    return code


def _write_fault(words: Sequence[str]) -> Path:
    folder = state_folder("faults")
    path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.txt"
    path.write_text(f"edgewatt {' '.join(words)!r}\n\n{traceback.format_exc()}")
    return path
