"""TensorFlow, unmodified, makes networks of ours; LiteRT executes them, and a loss falls."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgewatt.collectors.runtimes.model_summary.summary import Summary, summarise
from tests.adbd.packages import Unavailable
from tests.environments import environment

pytestmark = pytest.mark.timeout(900)  # the first time, half a gigabyte is downloaded
TENSORFLOW, PSUTIL = "tensorflow-cpu==2.21.0", "psutil==7.2.2"
SOURCE = Path(__file__).parents[1] / "src"
SIDE, CLASSES = 28, 10

SEVERAL = """
import json, sys
from edgewatt.cli import main
for words in json.load(sys.stdin):
    if code := main(words):
        sys.exit(code)
"""

# Our gradients beside TensorFlow's own, which LiteRT cannot execute: how far each is from it, of its largest value.
GRADIENTS = """
import numpy, tensorflow
from edgewatt.collectors.runtimes.zoo import cnn_mnist, training
from edgewatt.collectors.runtimes.zoo.building import Ask
random = numpy.random.default_rng(3)
x = tensorflow.constant(random.uniform(-1, 1, (4, 28, 28, 1)).astype("float32"))
y = tensorflow.constant(random.integers(0, 10, 4).astype("int32"))
variables = [tensorflow.Variable(value) for value in cnn_mnist.first_weights(Ask(7, 10, 4))]
with tensorflow.GradientTape() as tape:
    logits = cnn_mnist.forward(tensorflow, variables, x)[-1]
    losses = tensorflow.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
    loss = tensorflow.reduce_mean(losses)
theirs = tape.gradient(loss, variables)
ours_loss, ours = training._cnn_gradients(tensorflow, variables, x, y)
off = [float(abs(a - b).numpy().max() / abs(b).numpy().max()) for a, b in zip([ours_loss, *ours], [loss, *theirs])]
print(json.dumps(off))
"""


@pytest.fixture(scope="session")
def python() -> Path:
    try:
        return environment(TENSORFLOW.replace("==", "-"), TENSORFLOW, PSUTIL)
    except Unavailable as error:
        pytest.skip(str(error))


def made(python: Path, folder: Path, *orders: str, then: str = "") -> tuple[dict[str, Summary], str]:
    """The files of these orders, and the last line printed; all by one process: TensorFlow takes seconds to import."""
    words = [["model", "make", *order.split()] for order in orders]
    done = subprocess.run(
        [python, "-c", SEVERAL + then],
        input=json.dumps(words), cwd=folder, env=os.environ | {"PYTHONPATH": str(SOURCE)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("random weights: accuracy means nothing") == len(orders)
    return {path.name: summarise(path) for path in folder.glob("*.tflite")}, done.stdout.splitlines()[-1]


def answer(path: Path, **inputs: Any) -> Any:
    """The first result of the only signature."""
    runner = Interpreter(str(path)).get_signature_runner()
    ((name, detail),) = runner.get_input_details().items()
    random = np.random.default_rng(0).uniform(-1, 1, detail["shape"])
    scaled = random * 100 if detail["dtype"] == np.int8 else random
    return next(iter(runner(**{name: scaled.astype(detail["dtype"]), **inputs}).values()))


@pytest.mark.peer
def test_a_training_signature_learns(python: Path, tmp_path: Path) -> None:
    order = "cnn_mnist --training --seed 7 --batch"
    files, off = made(python, tmp_path, f"{order} 2,4", f"{order} 4 -o again.tflite", then=GRADIENTS)
    assert len(json.loads(off)) == 9
    assert max(json.loads(off)) < 1e-5
    assert files["again.tflite"].file.sha256 == files["cnn_mnist_training_b4.tflite"].file.sha256
    for batch in (2, 4):
        summary = files[f"cnn_mnist_training_b{batch}.tflite"]
        infer, train = summary.calls
        assert (infer.name, train.name) == ("infer", "train")
        # By hand: two convolutions of 5 x 5 on 28 x 28 and 14 x 14, then 3136 x 512 and 512 x 10.
        assert infer.macs == batch * (784 * 25 * 32 + 196 * 25 * 32 * 64 + 3136 * 512 + 5120)
        assert (infer.uncounted, train.uncounted) == ({}, {})
        interpreter = Interpreter(str(summary.file.path))
        step, ask = interpreter.get_signature_runner("train"), interpreter.get_signature_runner("infer")
        random = np.random.default_rng(1)
        x = random.uniform(0, 1, (batch, SIDE, SIDE, 1)).astype(np.float32)
        y = random.permutation(CLASSES)[:batch].astype(np.int32)
        losses = [float(step(x=x, y=y)["loss"]) for _ in range(50)]
        assert losses[-1] < 0.1 * losses[0]
        assert np.array_equal(ask(x=x)["logits"].argmax(1), y)
        fresh = Interpreter(str(summary.file.path)).get_signature_runner("train")
        assert float(fresh(x=x, y=y)["loss"]) == pytest.approx(losses[0], rel=1e-4)


@pytest.mark.long
def test_mobilenet_and_a_quantised_one(python: Path, tmp_path: Path) -> None:
    files, _ = made(
        python, tmp_path, "mobilenet_v2", "mobilenet_v2 --precision int8 --classes 10", "mobilenet_v2 --training"
    )
    whole, small = files["mobilenet_v2_fp32.tflite"], files["mobilenet_v2_int8.tflite"]
    # Keras counts 3,538,984; its normalisations are folded into the convolutions, which leaves their shifts.
    folded = 3_538_984 - 3 * 17_056
    assert (whole.precision, whole.parameters) == ("fp32", folded)
    assert (small.precision, small.parameters) == ("int8", folded - 990 * 1281)
    assert whole.calls[0].macs == pytest.approx(300e6, rel=0.01)
    assert whole.layers.graph == whole.layers.used
    assert answer(whole.file.path).shape == (1, 1000)
    assert answer(small.file.path).dtype == np.int8
    step = Interpreter(str(files["mobilenet_v2_training.tflite"].file.path)).get_signature_runner("train")
    x, y = np.full((1, 224, 224, 3), 0.5, np.float32), np.array([3], np.int32)
    losses = [float(step(x=x, y=y)["loss"]) for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
