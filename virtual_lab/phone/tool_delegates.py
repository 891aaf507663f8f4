"""What becomes of a delegate on a personality, and what benchmark_model says of it.

`all`, `some`: it takes the graph, or part of it. `none`: the CPU executes everything; tools since 2021 say so, that of
2019 does not. `absent`: the phone has no such accelerator. `fails`: the tool ends. Texts: tflite/tools/benchmark/
benchmark_tflite_model.cc, tflite/core/subgraph.cc, litert/runtime/accelerators, and published outputs of phones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from edgewatt.virtual_lab.phone.tool_flags import Flags

Fate = Literal["all", "some", "none", "absent", "fails"]
FATES: Final = get_args(Fate)
UNITS: Final[Mapping[str, str]] = {"use_gpu": "gpu", "use_nnapi": "nnapi", "use_hexagon": "hexagon", "use_npu": "npu"}
_TITLES: Final = {"gpu": "GPU", "nnapi": "NNAPI", "hexagon": "Hexagon", "npu": "NPU"}
_KERNELS: Final = {"gpu": "TfLiteGpuDelegateV2", "nnapi": "TfLiteNnapiDelegate", "hexagon": "TfLiteHexagonDelegate"}


@dataclass(frozen=True, slots=True)
class Delegated:
    """`unit` executes the graph (`share` of its nodes, the CPU the rest); `lines` is what the tool says."""

    unit: str = "cpu"
    share: float = 0.0
    lines: tuple[str, ...] = ()
    failed: bool = False


def delegated(flags: Flags, fates: Mapping[str, Fate], generation: str, nodes: int) -> Delegated:
    """What happens to the delegate that the flags ask for, the first of several; none is asked for: nothing."""
    asked = next((unit for flag, unit in UNITS.items() if flags.on(flag)), None)
    if asked is None:
        return Delegated()
    fate = fates.get(asked, "absent")
    if generation == "litert":
        return _litert(asked, fate, nodes)
    title = _TITLES[asked]
    made = f"INFO: Created TensorFlow Lite delegate for {title}."
    if fate == "absent":
        return Delegated(lines=(f"{title} acceleration is unsupported on this platform.",))
    if fate == "fails":
        return Delegated(lines=(made, *_failure(asked, title, nodes)), failed=True)
    if fate == "none":
        though = f"Though {title} delegate is explicitly applied, the model graph will not be executed by the delegate."
        return Delegated(lines=(made, though) if generation != "2019" else ())
    taken, parts = (nodes, 1) if fate == "all" else (max(nodes // 2, 1), 2)
    extent = "completely executed by" if fate == "all" else "partially executed by"
    tail = "" if fate == "all" else f" w/ {parts} delegate kernels"
    lines = [made] if generation != "2019" else []
    if generation == "2025":
        yields = parts + (fate == "some")
        lines.append(f"VERBOSE: {_replacing(taken, nodes, _KERNELS[asked], yields)}")
    if generation != "2019":
        lines.append(f"Explicitly applied {title} delegate, and the model graph will be {extent} the delegate{tail}.")
    return Delegated(asked, taken / nodes, tuple(lines))


def _litert(asked: str, fate: Fate, nodes: int) -> Delegated:
    if asked not in ("gpu", "npu") or fate in ("absent", "fails"):
        title = _TITLES[asked]
        absent = f"WARNING: [auto_registration.cc:97] {title} accelerator could not be loaded and registered: 504"
        return Delegated(lines=(absent,), failed=fate == "fails")
    kernel = "LITERT_CL" if asked == "gpu" else "DispatchDelegate"
    loaded = f"INFO: [auto_registration.cc:120] {_TITLES[asked]} accelerator registered."
    if fate == "none":
        return Delegated(lines=(loaded, f"VERBOSE: {_replacing(0, nodes, kernel, 0)}"))
    taken = nodes if fate == "all" else max(nodes // 2, 1)
    parts = 1 if fate == "all" else 2
    return Delegated(asked, taken / nodes, (loaded, f"VERBOSE: {_replacing(taken, nodes, kernel, parts)}"))


def _replacing(taken: int, nodes: int, kernel: str, parts: int) -> str:
    went = f"Replacing {taken} out of {nodes} node(s) with delegate ({kernel}) node"
    return f"{went}, yielding {parts} partitions for subgraph 0."


def _failure(asked: str, title: str, nodes: int) -> tuple[str, ...]:
    if asked == "nnapi":
        first = (
            "ERROR: NN API returned error ANEURALNETWORKS_OP_FAILED at line 3779 while completing NNAPI compilation."
        )
    else:
        first = f"ERROR: {_KERNELS[asked]} Init: the device refuses the program"
    return (
        f"{first}\n",
        f"ERROR: Node number {nodes} ({_KERNELS[asked]}) failed to prepare.\n",
        "ERROR: Restored original execution plan after delegate application failure.",
        f"Failed to apply {title} delegate.",
    )
