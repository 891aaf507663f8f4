"""Training signatures: one step of gradient descent that runs with the builtin operators of LiteRT alone.

TensorFlow's own gradients of convolutions and pools have no counterpart there, so they are written out here. A file has
two signatures, whose parameters are variables that live as long as the interpreter:

train(x, y) -> loss      one step on a batch; `loss` is the mean cross-entropy before the step, float32 without shape
infer(x) -> logits       what the network says with the parameters as they are now
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from edgewatt.collectors.runtimes.zoo import cnn_mnist as cnn
from edgewatt.collectors.runtimes.zoo.building import Ask, Built, Input, Weights
from edgewatt.collectors.runtimes.zoo.tensorflow_here import without_variables

RATE: Final = 0.01  # ours: the loss of both networks falls at it, from any of the seeds that were tried


def train_cnn(tf: Any, ask: Ask) -> Built:
    """The CNN on MNIST, all of it trained."""
    variables = [tf.Variable(value) for value in cnn.first_weights(ask)]

    def train(x: Any, y: Any) -> Mapping[str, Any]:
        loss, gradients = _cnn_gradients(tf, variables, x, y)
        return _stepped(variables, gradients, loss)

    def infer(x: Any) -> Mapping[str, Any]:
        return {"logits": cnn.forward(tf, variables, x)[-1]}

    return _signatures(train, infer, (ask.batch, cnn.SIDE, cnn.SIDE, 1), ask, variables)


def train_head(tf: Any, ask: Ask, built: Built) -> Built:
    """The last layer of a classifier, on what the layers before it, which stay as they are, make of an image."""
    ((_, (image,)),) = built.functions.values()
    body = _frozen_body(tf, built.owner, image)
    weights = Weights(ask.seed)
    size = body(tf.zeros(image.shape)).shape[-1]
    kernel = tf.Variable(weights.kernel(size, ask.classes, fan_in=size))
    bias = tf.Variable(weights.bias(ask.classes))

    def train(x: Any, y: Any) -> Mapping[str, Any]:
        features = body(x)
        loss, error = _loss(tf, tf.matmul(features, kernel) + bias, y, ask.classes)
        return _stepped([kernel, bias], [tf.matmul(features, error, transpose_a=True), tf.reduce_sum(error, 0)], loss)

    def infer(x: Any) -> Mapping[str, Any]:
        return {"logits": tf.matmul(body(x), kernel) + bias}

    return _signatures(train, infer, image.shape, ask, [kernel, bias])


def _signatures(train: Any, infer: Any, shape: tuple[int, ...], ask: Ask, variables: Sequence[Any]) -> Built:
    x, y = Input("x", shape), Input("y", (ask.batch,), ask.classes)
    return Built({"train": (train, [x, y]), "infer": (infer, [x])}, variables)


def _frozen_body(tf: Any, model: Any, image: Input) -> Any:
    """A classifier up to its last layer of weights, as a function without variables; one row of features per image."""
    last = next(layer for layer in reversed(model.layers) if type(layer).__name__ in ("Conv2D", "Dense"))
    inside = tf.keras.Model(model.inputs, last.input)

    def features(image: Any) -> Any:
        return tf.reshape(inside(image, training=False), [image.shape[0], last.input.shape[-1]])

    spec = tf.TensorSpec(image.shape, tf.float32, image.name)
    folded = without_variables(tf.function(features, autograph=False).get_concrete_function(spec))
    return lambda image: folded(image)[0]


def _stepped(variables: Sequence[Any], gradients: Sequence[Any], loss: Any) -> Mapping[str, Any]:
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign(variable - RATE * gradient)
    return {"loss": loss}


def _loss(tf: Any, logits: Any, y: Any, classes: int) -> tuple[Any, Any]:
    """The mean cross-entropy of a batch, and its gradient by the logits."""
    right = tf.one_hot(y, classes)
    loss = -tf.reduce_mean(tf.reduce_sum(right * tf.nn.log_softmax(logits), 1))
    return loss, (tf.nn.softmax(logits) - right) / logits.shape[0]


def _cnn_gradients(tf: Any, variables: Sequence[Any], x: Any, y: Any) -> tuple[Any, list[Any]]:
    """The loss, and its gradient by each variable."""
    _, _, w2, _, w3, _, w4, b4 = variables
    first, first_pool, second, second_pool, flat, hidden, logits = cnn.forward(tf, variables, x)
    loss, error = _loss(tf, logits, y, b4.shape[0])
    at_hidden = tf.matmul(error, w4, transpose_b=True) * _positive(tf, hidden)
    at_pool = tf.reshape(tf.matmul(at_hidden, w3, transpose_b=True), second_pool.shape)
    at_second = _unpooled(tf, at_pool, second, second_pool)
    at_first = _unpooled(tf, tf.nn.conv2d_transpose(at_second, w2, first_pool.shape, 1, "SAME"), first, first_pool)
    return loss, [
        _by_window(tf, x, at_first),
        tf.reduce_sum(at_first, [0, 1, 2]),
        _by_window(tf, first_pool, at_second),
        tf.reduce_sum(at_second, [0, 1, 2]),
        tf.matmul(flat, at_hidden, transpose_a=True),
        tf.reduce_sum(at_hidden, 0),
        tf.matmul(hidden, error, transpose_a=True),
        tf.reduce_sum(error, 0),
    ]


def _positive(tf: Any, x: Any) -> Any:
    return tf.cast(x > 0, tf.float32)


def _unpooled(tf: Any, gradient: Any, x: Any, pool: Any) -> Any:
    """The gradient before a ReLU and a 2x2 pool: where the pool took its value. Equal values, unless 0, get it all."""
    return _doubled(tf, gradient) * tf.cast(tf.equal(x, _doubled(tf, pool)), tf.float32) * _positive(tf, x)


def _doubled(tf: Any, x: Any) -> Any:
    return tf.raw_ops.ResizeNearestNeighbor(images=x, size=[2 * x.shape[1], 2 * x.shape[2]])


def _by_window(tf: Any, x: Any, gradient: Any) -> Any:
    """The gradient of a 5x5 convolution by its kernel: a convolution over the image, with images as channels."""
    edge = cnn.WINDOW // 2
    padded = tf.pad(x, [[0, 0], [edge, edge], [edge, edge], [0, 0]])
    found = tf.nn.conv2d(tf.transpose(padded, [3, 1, 2, 0]), tf.transpose(gradient, [1, 2, 0, 3]), 1, "VALID")
    return tf.transpose(found, [1, 2, 0, 3])
