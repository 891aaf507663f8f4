"""edgewatt as a person runs it: a process of its own, from the shell."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

EDGEWATT = Path(sys.executable).with_name("edgewatt")
QUICK = ("--repeats", "2", "--seconds", "0.05", "--warmup", "0.5")


def edgewatt(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The finished command; never a traceback, whatever was asked."""
    done = subprocess.run([str(EDGEWATT), *map(str, words)], cwd=cwd, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def edgewatt_json(*words: str | Path, code: int = 0) -> Any:
    """The one JSON object that the command printed."""
    done = edgewatt(*words, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)
