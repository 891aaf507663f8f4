"""Write tests/fixtures/training.tflite: `python benchmarks/make_tiny_training.py`, with TensorFlow (extra `zoo`).

A linear classifier with the signatures of `edgewatt model make --training`: batches of 4 inputs of 8 values, 3 classes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgewatt.collectors.runtimes.zoo.building import Ask, Weights
from edgewatt.collectors.runtimes.zoo.conversion import converted
from edgewatt.collectors.runtimes.zoo.tensorflow_here import load_tensorflow
from edgewatt.collectors.runtimes.zoo.training import _loss, _signatures, _stepped

FILE = Path(__file__).parents[1] / "tests" / "fixtures" / "training.tflite"
BATCH, VALUES, CLASSES = 4, 8, 3


def tiny(tf: Any) -> bytes:
    """The file."""
    ask = Ask(0, CLASSES, BATCH)
    kernel = tf.Variable(Weights(ask.seed).kernel(VALUES, CLASSES, fan_in=VALUES))

    def train(x: Any, y: Any) -> Mapping[str, Any]:
        loss, error = _loss(tf, tf.matmul(x, kernel), y, CLASSES)
        return _stepped([kernel], [tf.matmul(x, error, transpose_a=True)], loss)

    def infer(x: Any) -> Mapping[str, Any]:
        return {"logits": tf.matmul(x, kernel)}

    return converted(tf, _signatures(train, infer, (BATCH, VALUES), ask, [kernel]), "fp32", 0)


if __name__ == "__main__":
    print(f"{FILE.write_bytes(tiny(load_tensorflow()))} bytes written to {FILE}")
