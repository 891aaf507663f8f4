"""Their environments: made once for all tests of a session, by pip and by name."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MOBLY = "mobly==1.10.1"
PYMONSOON = "monsoon==0.1.88"


def python_with(package: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which `package` is installed and nothing of edgewatt."""
    shared = tmp_path_factory.getbasetemp()
    shared = shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared
    folder = shared / package
    with (shared / f"{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            subprocess.run([python311(), "-m", "venv", "--clear", str(folder)], check=True)
            pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, package], check=True)
            (folder / "complete").touch()
    return folder / "bin" / "python"


def python311() -> str:
    """Both packages run on Python 3.11: 3.12 took away what they still import."""
    found = sys.executable if sys.version_info[:2] == (3, 11) else shutil.which("python3.11")
    if found is None:
        pytest.skip("there is no Python 3.11")
    return found


def ask(python: Path, script: str, *words: str, **environment: str) -> tuple[dict[str, Any], str]:
    """What one of the scripts beside this file printed as JSON on its last line, and what it complained about."""
    done = subprocess.run(
        [python, Path(__file__).parent / script, *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer, done.stderr
