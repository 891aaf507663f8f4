"""The stand-in library, made from its C sources."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgewatt.profiler.errors import DeviceError, UsageError

SONAME: Final = "libnvidia-ml.so.1"
_HERE: Final = Path(__file__).parent
_SYMBOL: Final = "nvml"
_SAID: Final = 400


def build(folder: Path, missing: Sequence[str] = ()) -> Path:
    """The library in `folder`, without the exports `missing`, as an old driver's; about half a second of `cc`.

    `$CC` names another compiler. Raises DeviceError where there is none, or where it fails, and UsageError for a
    symbol that is none of NVML's.
    """
    wrong = [name for name in missing if not (name.startswith(_SYMBOL) and name.isidentifier() and name.isascii())]
    if wrong:
        raise UsageError(f"{wrong[0]!r} is no symbol of NVML")
    compiler = shutil.which(os.environ.get("CC") or "cc")
    if compiler is None:
        raise DeviceError("the virtual GPUs are a library in C, and there is no compiler: install cc, or set CC")
    # A function by another name is one that is not there.
    renamed = [f"-D{name}=absent_{name}" for name in missing]
    library = folder / SONAME
    words = ["-std=c11", "-O2", "-fPIC", "-shared", f"-Wl,-soname,{SONAME}", *renamed, "-o", str(library)]
    sources = sorted(str(path) for path in _HERE.glob("*.c"))
    done = subprocess.run(
        [compiler, *words, *sources, "-lm", "-lpthread", "-ldl"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise DeviceError(f"{compiler} could not make {SONAME}: {done.stderr.strip()[:_SAID]}")
    return library
