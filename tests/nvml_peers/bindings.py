"""The stand-in library below nvidia-ml-py, in this process."""

import ctypes
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pynvml
import pytest

from edgewatt.virtual_lab.nvidia.build import build
from edgewatt.virtual_lab.nvidia.lab import NvmlLab

_BUILT: dict[str, Path] = {}


def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library, built once by each process of the tests; skips where there is no compiler."""
    if shutil.which("cc") is None:
        pytest.skip("there is no compiler")
    if "library" not in _BUILT:
        _BUILT["library"] = build(tmp_path_factory.mktemp("libnvml"))
    return _BUILT["library"]


@contextmanager
def bindings(lab: NvmlLab, *, begun: bool = True) -> Iterator[Any]:
    """nvidia-ml-py on this lab's library, initialised; as it was, after."""
    before = pynvml.nvmlLib, dict(pynvml._nvmlGetFunctionPointer_cache), pynvml._nvmlLib_refcount
    pynvml._nvmlGetFunctionPointer_cache.clear()
    pynvml.nvmlLib, pynvml._nvmlLib_refcount = ctypes.CDLL(str(lab.library)), 0
    try:
        if begun:
            pynvml.nvmlInit()
        yield pynvml
        if begun:
            pynvml.nvmlShutdown()
    finally:
        pynvml._nvmlGetFunctionPointer_cache.clear()
        pynvml.nvmlLib, cache, pynvml._nvmlLib_refcount = before
        pynvml._nvmlGetFunctionPointer_cache.update(cache)
