"""edgewatt as a person runs it: a process of its own, from the shell."""

import contextlib
import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from edgewatt.cli import main

EDGEWATT = Path(sys.executable).with_name("edgewatt")
_CAUGHT = (signal.SIGINT, signal.SIGTERM)
QUICK = ("--repeats", "2", "--seconds", "0.05", "--warmup", "0.5")


def edgewatt(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The finished command; never a traceback, whatever was asked."""
    done = subprocess.run([str(EDGEWATT), *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def called(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The same in this process, for the many words that end before anything is measured."""
    out, err, before = io.StringIO(), io.StringIO(), [signal.getsignal(number) for number in _CAUGHT]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), contextlib.chdir(cwd or Path.cwd()):
            code = main([str(word) for word in words])
    except SystemExit as ended:  # argparse's
        code = ended.code if isinstance(ended.code, int) else 0 if ended.code is None else 1
    finally:
        for number, handler in zip(_CAUGHT, before, strict=True):
            signal.signal(number, handler)
    return subprocess.CompletedProcess(words, code, out.getvalue(), err.getvalue())


def called_json(*words: str | Path, code: int = 0) -> Any:
    """The one JSON object that the command printed, in this process."""
    done = called(*words, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def edgewatt_json(*words: str | Path, code: int = 0) -> Any:
    """The one JSON object that the command printed."""
    done = edgewatt(*words, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)
