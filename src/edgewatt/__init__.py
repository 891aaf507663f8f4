"""edgewatt measures what a neural network costs on a real device, in seconds and joules with an error bar."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Loaded when first used, so that `import edgewatt` costs next to nothing.
_PUBLIC = {
    "EdgewattError": "edgewatt.profiler.errors",
    "ProfileOptions": "edgewatt.profiler.running.profile",
    "Trace": "edgewatt.profiler.storage.trace",
    "WorkloadRequest": "edgewatt.profiler.protocols",
    "check": "edgewatt.profiler.checking.check",
    "compare_paths": "edgewatt.profiler.comparing.compare",
    "open_device": "edgewatt.profiler.device",
    "process": "edgewatt.profiler.analysis.process",
    "profile": "edgewatt.profiler.running.profile",
    "record": "edgewatt.profiler.running.record",
    "recording": "edgewatt.collectors.runtimes.commands.in_process",
    "window": "edgewatt.profiler.windowing.marking",
}

__all__ = [
    "EdgewattError",
    "ProfileOptions",
    "Trace",
    "WorkloadRequest",
    "__version__",
    "check",
    "compare_paths",
    "open_device",
    "process",
    "profile",
    "record",
    "recording",
    "window",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        found = globals()[name] = getattr(import_module(_PUBLIC[name]), name)
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
