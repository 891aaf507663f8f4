"""From a function of TensorFlow to the bytes of a .tflite file."""

import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, Literal

import numpy as np

from edgewatt.collectors.runtimes.zoo.building import Built, Input
from edgewatt.collectors.runtimes.zoo.tensorflow_here import without_variables
from edgewatt.profiler.errors import UsageError

Precision = Literal["fp32", "fp16", "int8"]
# Batches of random values that post-training quantisation looks at for ranges; with random weights, more say no more.
_SAMPLES: Final = 4


def converted(tf: Any, built: Built, precision: Precision, seed: int) -> bytes:
    """The network as a file: fp32, weights as float16, or weights and activations as int8.

    int8 is post-training quantisation on random values; float inputs and outputs become int8 too where there is one
    signature. Raises UsageError with what the converter says if it cannot.
    """
    with tempfile.TemporaryDirectory(prefix="edgewatt-zoo-") as folder, _quiet() as said:
        _save(tf, built, folder)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        converter.experimental_enable_resource_variables = True
        if precision != "fp32":
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if precision == "fp16":
            converter.target_spec.supported_types = [tf.float16]
        if precision == "int8":
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = converter.inference_output_type = tf.int8
            ((_, inputs),) = built.functions.values()
            converter.representative_dataset = lambda: _samples(inputs, seed)
        try:
            content: bytes = converter.convert()
        except Exception as error:  # whatever the converter throws; the wording is its own
            raise UsageError(
                f"TensorFlow's converter refuses it: {' '.join(str(error).split())[:500]}{said()}"
            ) from error
    return content


def _save(tf: Any, built: Built, folder: str) -> None:
    module = tf.Module()
    module.owner = built.owner if not built.folds else None
    signatures = {
        name: _concrete(tf, function, inputs, folds=built.folds) for name, (function, inputs) in built.functions.items()
    }
    module.functions = list(signatures.values())
    tf.saved_model.save(module, folder, signatures=signatures)


def _concrete(tf: Any, function: Callable[..., Mapping[str, Any]], inputs: Sequence[Input], *, folds: bool) -> Any:
    specs = [tf.TensorSpec(one.shape, one.dtype, one.name) for one in inputs]
    concrete = tf.function(function, autograph=False).get_concrete_function(*specs)
    if not folds:
        return concrete
    folded, names = without_variables(concrete), sorted(concrete.structured_outputs)

    def call(*values: Any) -> Mapping[str, Any]:
        return dict(zip(names, folded(*values), strict=True))

    return tf.function(call, autograph=False).get_concrete_function(*specs)


def _samples(inputs: Sequence[Input], seed: int) -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(seed)
    for _ in range(_SAMPLES):
        yield {one.name: one.drawn(random) for one in inputs}


@contextmanager
def _quiet() -> Iterator[Callable[[], str]]:
    """Keep what TensorFlow writes to standard error, which is much; the function gives its last line."""
    with tempfile.TemporaryFile() as kept, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)

        def last() -> str:
            kept.seek(0)
            lines = kept.read()[-2000:].decode(errors="replace").split("\n")
            found = next((line.strip() for line in reversed(lines) if "error" in line.lower()), "")
            return f" ({found})" if found else ""

        try:
            yield last
        finally:
            os.dup2(before, 2)
            os.close(before)
