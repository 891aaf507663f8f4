"""edgewatt measures what a neural network costs on a real device, in seconds and joules with an error bar."""

import sys
from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Loaded when first used, so that `import edgewatt` costs next to nothing.
_PUBLIC = {
    "EdgewattError": "edgewatt.profiler.errors",
    "LatencyEnergyTable": "edgewatt.reports.latency_energy_table",
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
    "training": "edgewatt.collectors.runtimes.training_cost.meter",
    "training_callback": "edgewatt.collectors.runtimes.training_cost.callback",
    "window": "edgewatt.profiler.windowing.marking",
}

__all__ = [
    "EdgewattError",
    "LatencyEnergyTable",
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
    "training",
    "training_callback",
    "window",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        found = globals()[name] = getattr(import_module(_PUBLIC[name]), name)
        if "IPython" in sys.modules:  # a run shows itself; the profiler, which has it, knows no report
            import_module("edgewatt.reports.notebook").show_traces()
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
