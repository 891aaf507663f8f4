"""The verb `model` of the command line."""

import argparse
from collections.abc import Mapping
from typing import Any, Final

from edgewatt.collectors.runtimes.zoo.catalogue import ALIASES, NETWORKS
from edgewatt.commands import model_make, model_show

EPILOG: Final = f"""\
examples:
  edgewatt model show model.tflite                    operators, MACs, parameters, inputs and outputs, layer counts
  edgewatt model show @tiny --json                    the network that comes with edgewatt
  edgewatt model show net.tflite --as mobilenet_v3    with the layer counts that AutoScale gives for MobileNet v3
  edgewatt model make --list                          what can be made, and what is published of each
  edgewatt model make mobilenet_v2 -o net.tflite      random weights, fp32, batch 1; needs pip install 'edgewatt[zoo]'
  edgewatt model make resnet_50 --precision int8 --seed 3
  edgewatt model make cnn_mnist --training --batch 1,2,4,8,16,32    one file each, cnn_mnist_training_b1.tflite and on
  edgewatt profile net.tflite -d host -o runs/a       then measure it

networks:
{chr(10).join(f"  {one.name:<18}{one.title}" for one in NETWORKS.values())}
  {", ".join(f"{alias} is {name}" for alias, name in ALIASES.items())}

The weights are random: latency and energy are those of the architecture, accuracy means nothing. The same order gives
the same bytes with the same TensorFlow and Keras. What counts as a MAC, a parameter, a layer: docs/models.md.
"""
_VERBS: Final[Mapping[str, Any]] = {"show": model_show, "make": model_make}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `model`: a table of two more verbs."""
    table = parser.add_subparsers(dest="what", metavar="show|make", required=True)
    for name, module in _VERBS.items():
        sub = table.add_parser(
            name,
            help=module.WHAT,
            description=f"{module.WHAT[0].upper()}{module.WHAT[1:]}.",
            epilog=EPILOG,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        module.add_arguments(sub)
        # The verb has it too; what is not given here must leave that alone.
        sub.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="print one JSON object instead of text"
        )


def run(args: argparse.Namespace) -> int:
    """Show or make."""
    code: int = _VERBS[args.what].run(args)
    return code
