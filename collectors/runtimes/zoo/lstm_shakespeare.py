"""The next character of Shakespeare: two LSTM of 256 units on an embedding of 8, 80 characters of 80 kinds.

The network of LEAF (Caldas et al. 2018, arXiv 1812.01097, models/shakespeare/stacked_lstm.py, remembered), itself after
McMahan et al. 2017, which AutoFL names.
"""

from collections.abc import Mapping
from typing import Any, Final

from edgewatt.collectors.runtimes.zoo.building import Ask, Built, Input, Weights

_STEPS: Final = 80
_EMBEDDED: Final = 8
_UNITS: Final = 256


def lstm_shakespeare(tf: Any, ask: Ask) -> Built:
    """The network; `classes` is how many characters there are."""
    weights = Weights(ask.seed)
    table = tf.constant(weights.kernel(ask.classes, _EMBEDDED, fan_in=_EMBEDDED))
    layers = [_layer(tf, weights, size) for size in (_EMBEDDED, _UNITS)]
    kernel = tf.constant(weights.kernel(_UNITS, ask.classes, fan_in=_UNITS))
    bias = tf.constant(weights.bias(ask.classes))

    def call(ids: Any) -> Mapping[str, Any]:
        x = tf.gather(table, ids)
        for number, layer in enumerate(layers):
            x = _run(tf, x, layer, f"lstm_{number}")
        return {"probabilities": tf.nn.softmax(tf.matmul(x[:, -1], kernel) + bias)}

    inputs = [Input("ids", (ask.batch, _STEPS), ask.classes)]
    return Built({"serving_default": (call, inputs)}, layers)


def _layer(tf: Any, weights: Weights, size: int) -> tuple[Any, Any, Any]:
    """The kernels of the input and of the state, and the bias, of all four gates."""
    kernels = [weights.kernel(rows, 4 * _UNITS, fan_in=rows) for rows in (size, _UNITS)]
    return tf.constant(kernels[0]), tf.constant(kernels[1]), tf.constant(weights.bias(4 * _UNITS))


def _run(tf: Any, x: Any, layer: tuple[Any, Any, Any], name: str) -> Any:
    """All states of a layer over its steps.

    The converter puts one UNIDIRECTIONAL_SEQUENCE_LSTM in the place of a function with these attributes, arguments and
    results, which are those of Keras 2 (tensorflow/compiler/mlir/lite/utils/lstm_utils.cc, remembered).
    """
    batch = x.shape[0]

    def steps(inputs: Any, state: Any, memory: Any, kernel: Any, recurrent: Any, bias: Any) -> Any:
        by_step = tf.transpose(inputs, [1, 0, 2])

        def step(at: Any, state: Any, memory: Any, states: Any) -> Any:
            gates = tf.matmul(by_step[at], kernel) + tf.matmul(state, recurrent) + bias
            let_in, keep, new, let_out = tf.split(gates, 4, 1)
            memory = tf.sigmoid(keep) * memory + tf.sigmoid(let_in) * tf.tanh(new)
            state = tf.sigmoid(let_out) * tf.tanh(memory)
            return at + 1, state, memory, states.write(at, state)

        states = tf.TensorArray(tf.float32, _STEPS, element_shape=[batch, _UNITS])
        _, state, memory, states = tf.while_loop(
            lambda at, *_: at < _STEPS, step, (tf.constant(0), state, memory, states)
        )
        every = tf.ensure_shape(tf.transpose(states.stack(), [1, 0, 2]), [batch, _STEPS, _UNITS])
        return state, every, state, memory, tf.constant(1.0)

    attributes = {
        "api_implements": name,
        "api_preferred_device": "CPU",
        "time_major": False,
        "go_backwards": False,
    }
    function = tf.function(steps, experimental_attributes=attributes, autograph=False)
    nothing = tf.zeros([batch, _UNITS])
    return function(x, nothing, nothing, *layer)[1]
