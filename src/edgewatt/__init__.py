"""edgewatt measures what a neural network costs on a real device, in seconds and joules with an error bar."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "Trace": "edgewatt.profiler.storage.trace",
    "open_device": "edgewatt.profiler.device",
    "EdgewattError": "edgewatt.profiler.errors",
}

__all__ = ["EdgewattError", "Trace", "__version__", "open_device"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
