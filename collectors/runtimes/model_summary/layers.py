"""How many layers of each kind a network has, as AutoScale and AutoFL put it into their state: CONV, FC and RC.

Counted in a graph, CONV leaves depthwise convolutions out: so counted, AutoScale's figures for MobileNet v2, ResNet 50
and Inception v3 come out, and those for MobileNet v1 but for its last layer, which Keras makes a convolution. Others do
not (it calls the 24 blocks of MobileBERT recurrent, and has 49 convolutions for the 57 of Inception v1), so for the
networks of its table its own counts are kept here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.collectors.runtimes.litert_graph import Node
from edgewatt.collectors.runtimes.model_summary.reading import Subgraph
from edgewatt.profiler.errors import UsageError

# How the description of a network that `model make` wrote begins; its name follows.
PREFIX: Final = "edgewatt zoo: "

CONVOLUTIONS: Final = frozenset({"CONV_2D", "CONV_3D", "CONV_3D_TRANSPOSE", "TRANSPOSE_CONV"})
RECURRENT: Final = frozenset(
    {
        "BIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_RNN", "LSTM", "RNN", "UNIDIRECTIONAL_SEQUENCE_LSTM",
        "UNIDIRECTIONAL_SEQUENCE_RNN",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Layers:
    """Counts of convolutions that are not depthwise, of fully connected and of recurrent layers."""

    conv: int
    fc: int
    rc: int

    def to_json(self) -> dict[str, int]:
        """By the names that `model_table.csv` of the calibration gives them."""
        return {"n_conv": self.conv, "n_fc": self.fc, "n_rc": self.rc}


SOURCE: Final = "AutoScale (arXiv 2005.02544), table of workloads; remembered, not confirmed"
AUTOSCALE: Final[Mapping[str, Layers]] = {
    "inception_v1": Layers(49, 1, 0),
    "inception_v3": Layers(94, 1, 0),
    "mobilenet_v1": Layers(14, 1, 0),
    "mobilenet_v2": Layers(35, 1, 0),
    "mobilenet_v3": Layers(23, 20, 0),
    "resnet_50": Layers(53, 1, 0),
    "ssd_mobilenet_v1": Layers(19, 1, 0),
    "ssd_mobilenet_v2": Layers(52, 1, 0),
    "ssd_mobilenet_v3": Layers(28, 20, 0),
    "mobilebert": Layers(0, 1, 24),
}


@dataclass(frozen=True, slots=True)
class LayerCounts:
    """The counts to use, and how they came about: `source` is "graph" or "table", `named_by` says who named it."""

    used: Layers
    graph: Layers
    depthwise: int
    name: str | None
    named_by: str | None

    @property
    def source(self) -> str:
        """Whether the counts in use were counted in the graph or looked up by the network's name."""
        return "graph" if self.name is None else "table"

    def to_json(self) -> dict[str, Any]:
        """The counts in use, and beside them those of the graph."""
        told = {"network": self.name, "named_by": self.named_by, "table": SOURCE} if self.name else {}
        return {
            **self.used.to_json(),
            "source": self.source,
            **told,
            "in_graph": {**self.graph.to_json(), "n_depthwise": self.depthwise},
        }


def count_layers(subgraph: Subgraph) -> Layers:
    """The layers as the operators of a graph tell them; a product with stored weights is a fully connected layer."""
    nodes = subgraph.graph.nodes
    return Layers(
        sum(node.op in CONVOLUTIONS for node in nodes),
        sum(node.op == "FULLY_CONNECTED" or _multiplies_stored(subgraph, node) for node in nodes),
        sum(node.op in RECURRENT for node in nodes),
    )


def _multiplies_stored(subgraph: Subgraph, node: Node) -> bool:
    if node.op != "BATCH_MATMUL" or len(node.inputs) < 2:
        return False
    source = subgraph.graph.producer.get(node.inputs[1])
    return node.inputs[1] in subgraph.constants or (source is not None and source.op == "READ_VARIABLE")


def layer_counts(subgraph: Subgraph, *, asked: str | None, description: str, file_name: str) -> LayerCounts:
    """The counts of the table if the network is one of it, by what was asked, its description, or its file's name.

    Raises UsageError if what was asked is not in the table.
    """
    found = count_layers(subgraph)
    depthwise = sum(node.op == "DEPTHWISE_CONV_2D" for node in subgraph.graph.nodes)
    if asked is not None and asked not in AUTOSCALE:
        raise UsageError(f"no layer counts are known for '{asked}'; they are for {', '.join(AUTOSCALE)}")
    for name, by in (
        (asked, "--as"),
        (_name_in(description.removeprefix(PREFIX)) if description.startswith(PREFIX) else None, "its description"),
        (_name_in(file_name), "its file's name"),
    ):
        if name is not None:
            return LayerCounts(AUTOSCALE[name], found, depthwise, name, by)
    return LayerCounts(found, found, depthwise, None, None)


def _name_in(text: str) -> str | None:
    """The network whose name a text begins with, the name alone and not a part of a longer one."""
    lowered = text.lower()
    names = [
        name for name in AUTOSCALE if lowered.startswith(name) and not lowered[len(name) : len(name) + 1].isalnum()
    ]
    return max(names, key=len, default=None)
