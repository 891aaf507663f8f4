"""Environments with packages that are none of edgewatt's, made once and kept between runs."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.adbd.packages import CACHE, once


def environment(name: str, *needs: str, python: str = sys.executable) -> Path:
    """The Python of an environment made by `python` with these packages; `name` says which, and of what version.

    Raises Unavailable if they cannot be had.
    """

    def make(half: Path) -> None:
        uv = shutil.which("uv", path=Path(sys.executable).parent)
        subprocess.run([python, "-m", "venv", *(["--without-pip"] if uv else []), half], check=True)
        there = str(half / "bin" / "python")
        install = [uv, "pip", "install", "--python", there] if uv else [there, "-m", "pip", "install"]
        subprocess.run([*install, "--quiet", *needs], check=True)

    return once(CACHE / name, make) / "bin" / "python"
