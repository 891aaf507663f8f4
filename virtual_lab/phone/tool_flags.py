"""The flags of benchmark_model as the lab's own tool takes them.

Names, defaults and what becomes of a wrong one: tflite/tools/benchmark/benchmark_model.cc and
tflite/tools/command_line_flags.cc; `use_cpu` and `use_npu`: litert/tools/benchmark_litert_model.h.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Value = bool | int | float | str

# Of the flag, with what the tool calls it when it prints what was set.
DEFAULTS: Final[Mapping[str, Value]] = {
    "graph": "",
    "num_runs": 50,
    "min_secs": 1.0,
    "max_secs": 150.0,
    "run_delay": -1.0,
    "run_frequency": -1.0,
    "num_threads": -1,
    "warmup_runs": 1,
    "warmup_min_secs": 0.5,
    "benchmark_name": "",
    "output_prefix": "",
    "verbose": False,
    "dry_run": False,
    "report_peak_memory_footprint": False,
    "enable_op_profiling": False,
    "max_profiling_buffer_entries": 1024,
    "allow_fp16": False,
    "require_full_delegation": False,
    "input_layer": "",
    "input_layer_shape": "",
    "use_gpu": False,
    "gpu_precision_loss_allowed": True,
    "gpu_backend": "",
    "use_nnapi": False,
    "nnapi_accelerator_name": "",
    "use_hexagon": False,
    "hexagon_lib_path": "/data/local/tmp",
    "use_xnnpack": False,
    "external_delegate_path": "",
}
# What only LiteRT's own tool has; it has none of the delegates of the other.
OF_LITERT: Final[Mapping[str, Value]] = {
    "use_cpu": True,
    "use_npu": False,
    "dispatch_library_path": "",
    "compiler_plugin_library_path": "",
    "use_profiler": False,
    "gpu-precision": "",
    "signature_to_run_for": "",
}
_NOT_LITERT: Final = (
    "use_nnapi",
    "nnapi_accelerator_name",
    "use_hexagon",
    "hexagon_lib_path",
    "use_xnnpack",
    "external_delegate_path",
    "enable_op_profiling",
)
# Came after 2019 (assumed; the releases are not at hand).
_NEW: Final = ("report_peak_memory_footprint", "gpu_backend", "external_delegate_path")

TITLES: Final[Mapping[str, str]] = {
    "num_runs": "Min num runs",
    "min_secs": "Min runs duration (seconds)",
    "max_secs": "Max runs duration (seconds)",
    "run_delay": "Inter-run delay (seconds)",
    "run_frequency": "Number of prorated runs per second",
    "num_threads": "Num threads",
    "benchmark_name": "Benchmark name",
    "output_prefix": "Output prefix",
    "warmup_runs": "Min warmup runs",
    "warmup_min_secs": "Min warmup runs duration (seconds)",
    "report_peak_memory_footprint": "Report the peak memory footprint",
    "graph": "Graph",
    "input_layer": "Input layers",
    "input_layer_shape": "Input shapes",
    "enable_op_profiling": "Enable op profiling",
    "max_profiling_buffer_entries": "Max initial profiling buffer entries",
    "require_full_delegation": "Require full delegation",
    "use_gpu": "Use gpu",
    "gpu_precision_loss_allowed": "Allow lower precision in gpu",
    "gpu_backend": "GPU backend",
    "use_nnapi": "Use NNAPI",
    "nnapi_accelerator_name": "NNAPI accelerator name",
    "use_hexagon": "Use Hexagon",
    "hexagon_lib_path": "Hexagon lib path",
    "use_xnnpack": "Use xnnpack",
    "external_delegate_path": "External delegate path",
}


class FlagError(Exception):
    """A flag whose value cannot be read; the tool prints its usage and ends."""


@dataclass(frozen=True, slots=True)
class Flags:
    """`values` of all flags; `given` those of the command line, in its order; `twice` and `unknown` what it lacks."""

    values: Mapping[str, Value]
    given: tuple[str, ...]
    twice: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    def number(self, name: str) -> float:
        """A number."""
        return float(self.values[name])

    def text(self, name: str) -> str:
        """A text."""
        return str(self.values[name])

    def on(self, name: str) -> bool:
        """A switch; one that this generation does not have is off."""
        return bool(self.values.get(name, False))


def parse(argv: Sequence[str], generation: str) -> Flags:
    """What a command line says to a tool of this generation. The first of a flag given twice counts.

    Raises FlagError for a value of another kind.
    """
    known = _known(generation)
    values, given, twice, unknown = dict(known), list[str](), list[str](), list[str]()
    for word in argv:
        name, equals, text = word.removeprefix("--").partition("=")
        if not (word.startswith("--") and equals and name in known):
            unknown.append(word)
        elif name in given:
            twice.append(name)
        else:
            given.append(name)
            values[name] = _value(name, text, known[name])
    return Flags(values, tuple(given), tuple(twice), tuple(unknown))


def _known(generation: str) -> dict[str, Value]:
    if generation == "litert":
        return {name: value for name, value in {**DEFAULTS, **OF_LITERT}.items() if name not in _NOT_LITERT}
    return {name: value for name, value in DEFAULTS.items() if not (generation == "2019" and name in _NEW)}


def _value(name: str, text: str, like: Value) -> Value:
    try:
        if isinstance(like, bool):
            return {"true": True, "1": True, "false": False, "0": False}[text]
        return type(like)(text)
    except (KeyError, ValueError):
        raise FlagError(f"Failed to parse {text!r} of --{name}") from None
