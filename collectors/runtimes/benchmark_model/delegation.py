"""What TensorFlow Lite and LiteRT say about delegates, as far as it tells which nodes went where.

Wording: tflite/core/subgraph.cc (Replacing ...), tflite/tools/benchmark/benchmark_tflite_model.cc and the providers
in tflite/tools/delegates (applied, created), the delegates themselves, litert/runtime/accelerators; older wording as
in recorded outputs.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

# How much of the graph a delegate took.
Extent = Literal["all", "some", "none"]

_ABOUT: Final = re.compile(
    r"delegate|accelerator could not be loaded|accelerator.{0,80} registered|operations will run on the"
    r"|NNAPI accelerator|acceleration is unsupported|Disallowed CPU fallback",
    re.IGNORECASE,
)
_REPLACING: Final = re.compile(
    r"Replacing ([0-9]{1,9})(?: out of ([0-9]{1,9}))? node\(s\) with delegate \(([^)]{0,80})\) node, "
    r"yielding ([0-9]{1,9}) partitions(?: for subgraph ([0-9]{1,6}))?"
)
_COUNTED: Final = re.compile(
    r"(\S{1,80}) delegate: ([0-9]{1,9}) nodes delegated out of ([0-9]{1,9}) nodes with ([0-9]{1,9}) partitions"
)
_APPLIED: Final = re.compile(
    r"(?:Explicitly a|A)pplied (\S{1,40}) delegate, and the model graph will be (completely|partially) executed"
)
_REFUSED: Final = re.compile(r"Though (\S{1,40}) delegate is (?:explicitly )?applied, the model(?: graph)? will not be")
_FAILED: Final = re.compile(r"Failed to apply (\S{1,40}) delegate")
_CREATED: Final = re.compile(
    r"Created TensorFlow Lite (?:(XNNPACK) delegate for CPU|delegate for (\w{1,40}))|(\w{1,40}) delegate created"
)
_GPU_KERNELS: Final = re.compile(r"Created ([0-9]{1,9}) GPU delegate kernels")
_NOT_THERE: Final = re.compile(
    r"(GPU|NNAPI) acceleration is unsupported|Could not create (\w{1,40}) delegate"
    r"|(\w{1,40})(?: CPU)? accelerator could not be loaded"
)
# Kernels by the name that a node has after delegation.
_KERNELS: Final = (
    ("tflitegpudelegate", "gpu"),
    ("litert_", "gpu"),
    ("tflitennapidelegate", "nnapi"),
    ("tflitehexagondelegate", "hexagon"),
    ("tflitexnnpackdelegate", "xnnpack"),
    ("tfliteynnpackdelegate", "ynnpack"),
    ("dispatchdelegate", "npu"),
)
_PROVIDERS: Final = ("gpu", "nnapi", "hexagon", "xnnpack", "ynnpack", "npu")


def is_about_delegates(text: str) -> bool:
    """Whether a line may tell something about delegates."""
    return _ABOUT.search(text) is not None


def accelerator(kernel: str) -> str:
    """What executes a delegate's kernel of this name; `external` for those that did not come with the runtime."""
    lower = kernel.lower()
    return next((name for start, name in _KERNELS if lower.startswith(start)), "external")


def provider(name: str) -> str:
    """What the tool's own name for a delegate stands for."""
    return name.lower() if name.lower() in _PROVIDERS else "external"


@dataclass(slots=True)
class Said:
    """What was said of one accelerator. `nodes` of `total` went to it, in `partitions`; None: not said."""

    extent: Extent | None = None
    created: bool = False
    failed: bool = False
    nodes: int | None = None
    total: int | None = None
    partitions: int | None = None


@dataclass(slots=True)
class Delegation:
    """Accelerators in the order in which they are mentioned. `counts_nodes`: this tool tells how many nodes went."""

    said: dict[str, Said] = field(default_factory=dict)
    counts_nodes: bool = False

    def of(self, name: str) -> Said:
        """What was said of `name`, empty if nothing."""
        return self.said.setdefault(name, Said())


def delegation(texts: Iterable[str]) -> Delegation:
    """What these lines tell."""
    found, subgraphs = Delegation(), _Subgraphs()
    for text in texts:
        if replacing := _REPLACING.match(text):
            subgraphs.replace(replacing)
        elif counted := _COUNTED.match(text):
            subgraphs.put(accelerator(counted[1]), "", int(counted[2]), int(counted[3]), int(counted[4]))
        else:
            _note(found, text)
    subgraphs.settle(found)
    return found


def _note(found: Delegation, text: str) -> None:
    if applied := _APPLIED.match(text):
        found.of(provider(applied[1])).extent = "all" if applied[2] == "completely" else "some"
    elif refused := _REFUSED.match(text):
        found.of(provider(refused[1])).extent = "none"
    elif failed := _FAILED.match(text):
        found.of(provider(failed[1])).failed = True
    elif absent := _NOT_THERE.match(text):
        found.of(provider(absent[1] or absent[2] or absent[3])).extent = "none"
    elif kernels := _GPU_KERNELS.match(text):
        gpu = found.of("gpu")
        gpu.partitions = int(kernels[1])
        gpu.extent = "none" if gpu.partitions == 0 else gpu.extent
    elif created := _CREATED.match(text):
        found.of(provider(created[1] or created[2] or created[3])).created = True


class _Subgraphs:
    """Nodes by accelerator and subgraph. A line that comes again, as after a change of sizes, replaces the first."""

    def __init__(self) -> None:
        self._replaced: dict[str, dict[str, tuple[int, int | None, int]]] = {}
        self._totals: dict[str, int] = {}

    def replace(self, line: re.Match[str]) -> None:
        """A line of the runtime: so many of the nodes that a subgraph has now."""
        total = int(line[2]) if line[2] else None
        self.put(accelerator(line[3]), line[5] or "0", int(line[1]), total, int(line[4]))

    def put(self, name: str, subgraph: str, nodes: int, total: int | None, partitions: int) -> None:
        """So many nodes of a subgraph of `total`, or of what an earlier delegate left of it."""
        if total is not None:
            self._totals.setdefault(subgraph, total)
        self._replaced.setdefault(name, {})[subgraph] = (nodes, total, partitions)

    def settle(self, found: Delegation) -> None:
        """Put the sums into `found`; they are more exact than words."""
        for name, replaced in self._replaced.items():
            said = found.of(name)
            found.counts_nodes = True
            said.nodes = sum(nodes for nodes, _, _ in replaced.values())
            said.partitions = sum(partitions for _, _, partitions in replaced.values())
            if all(total is not None for _, total, _ in replaced.values()):
                said.total = sum(self._totals.values())
                said.extent = "none" if said.nodes == 0 else "all" if said.nodes >= said.total else "some"
            elif said.nodes == 0:
                said.extent = "none"
            else:
                # Parts that stay with the CPU count as partitions too, so that a single one is the whole graph.
                said.extent = said.extent or ("all" if said.partitions == len(replaced) else "some")
