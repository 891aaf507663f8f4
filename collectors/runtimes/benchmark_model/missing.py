"""What to do without a --runner: the files that Google publishes.

Names: tensorflow/lite/g3doc/performance/measurement.md (nightly builds of TensorFlow Lite) and LiteRT-CLI (LiteRT's
bucket); edgewatt downloads none of them.
"""

from collections.abc import Sequence
from typing import Final

from edgewatt.collectors.runtimes.benchmark_model.executables import machine_of
from edgewatt.collectors.runtimes.text import printable

# By the machine a program is for, as in executables.py.
_NIGHTLY: Final = {"aarch64": "android_aarch64_benchmark_model", "arm": "android_arm_benchmark_model"}
_LITERT: Final = {"aarch64": "litert/binaries/latest/android_arm64/benchmark_model"}


def no_runner(abis: Sequence[str] = ()) -> str:
    """The message for a phone of these ABIs (ro.product.cpu.abilist), the preferred one first."""
    machine = machine_of(abis[0]) if abis else "aarch64"
    nightly, litert = _NIGHTLY.get(machine or ""), _LITERT.get(machine or "")
    if nightly is None:
        return (
            f"a model on a phone needs --runner FILE, a benchmark_model for it; Google publishes none for "
            f"{printable(abis[0])}: build tflite/tools/benchmark:benchmark_model of LiteRT for it"
        )
    both = f"{nightly} (TensorFlow Lite: nightly builds in Google's bucket tensorflow-nightly-public)"
    if litert is not None:
        both += f" or {litert} (LiteRT: Google's bucket litert)"
    return (
        f"a model on a phone needs --runner FILE, a benchmark_model for it: download {both}, then give its path with "
        "--runner; delegate libraries that it needs go along with --push FILE and --env LD_LIBRARY_PATH=..."
    )
