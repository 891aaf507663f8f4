"""The encoder of MobileBERT (Sun et al. 2020, arXiv 2004.02984) with the head of question answering.

Sizes: google-research/google-research, mobilebert/config/uncased_L-24_H-128_B-512_A-4_F-4_OPT.json (read). How they are
joined: section 3 of the paper (remembered). NoNorm, a scale and a shift per channel, stands for normalisation.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from edgewatt.collectors.runtimes.zoo.building import Ask, Built, Input, Weights

_TOKENS: Final = 128  # the paper's measurements on phones
_VOCABULARY: Final = 30522
_TYPES: Final = 2
_EMBEDDED: Final = 128
_WIDE: Final = 512
_NARROW: Final = 128
_BLOCKS: Final = 24
_HEADS: Final = 4
_FORWARD: Final = 4
_INNER: Final = 512
_MASKED: Final = -10000.0  # what BERT adds to the score of a token that is not to be seen


def mobilebert(tf: Any, ask: Ask) -> Built:
    """The network on 128 tokens; `classes` logits for each (2: the begin and the end of an answer)."""
    net = _Encoder(tf, ask)
    shape = (ask.batch, _TOKENS)
    inputs = [Input("ids", shape, _VOCABULARY), Input("mask", shape, 2), Input("types", shape, _TYPES)]
    return Built({"serving_default": (net, inputs)}, net)


class _Encoder:
    """The network as a function. Rows are tokens: all of it but attention works on a matrix of them."""

    def __init__(self, tf: Any, ask: Ask) -> None:
        self.tf, self.batch = tf, ask.batch
        self.weights = Weights(ask.seed)
        self.words = self._stored(_VOCABULARY, _EMBEDDED)
        self.places, self.types = self._stored(_TOKENS, _WIDE), self._stored(_TYPES, _WIDE)
        self.widen, self.start = self._layer(3 * _EMBEDDED, _WIDE), self._norm(_WIDE)
        self.blocks = [self._block() for _ in range(_BLOCKS)]
        self.head = self._layer(_WIDE, ask.classes)

    def __call__(self, ids: Any, mask: Any, types: Any) -> Mapping[str, Any]:
        tf = self.tf
        words = tf.gather(self.words, ids)
        before, after = [[0, 0], [1, 0], [0, 0]], [[0, 0], [0, 1], [0, 0]]
        # Each token with its neighbours: the trigram input of section 3.2.
        near = tf.concat([tf.pad(words[:, 1:], after), words, tf.pad(words[:, :-1], before)], 2)
        x = self._dense(tf.reshape(near, [-1, 3 * _EMBEDDED]), self.widen)
        rest = tf.gather(self.types, types) + self.places
        x = self._scaled(x + tf.reshape(rest, [-1, _WIDE]), self.start)
        unseen = (1.0 - tf.cast(tf.reshape(mask, [self.batch, 1, 1, _TOKENS]), tf.float32)) * _MASKED
        for block in self.blocks:
            x = self._through(block, x, unseen)
        return {"logits": tf.reshape(self._dense(x, self.head), [self.batch, _TOKENS, -1])}

    def _stored(self, *shape: int) -> Any:
        # BERT's initializer_range of 0.02.
        return self.tf.constant(self.weights.random.normal(0, 0.02, shape).astype(np.float32))

    def _layer(self, size: int, out: int) -> tuple[Any, Any]:
        kernel = self.weights.kernel(size, out, fan_in=size)
        return self.tf.constant(kernel), self.tf.constant(self.weights.bias(out))

    def _norm(self, size: int) -> tuple[Any, Any]:
        # A scale below 1 keeps 24 sums with what came before from growing.
        return self.tf.constant(self.weights.between(0.4, 0.6, size)), self.tf.constant(self.weights.bias(size))

    def _block(self) -> dict[str, Any]:
        """The weights of one block: narrow input, shared query and key input, attention, feed forward, wide output."""
        forward = [(self._layer(_NARROW, _INNER), self._layer(_INNER, _NARROW)) for _ in range(_FORWARD)]
        return {
            "narrow": self._layer(_WIDE, _NARROW),
            "shared": self._layer(_WIDE, _NARROW),
            "query": self._layer(_NARROW, _NARROW),
            "key": self._layer(_NARROW, _NARROW),
            "value": self._layer(_WIDE, _NARROW),
            "joined": self._layer(_NARROW, _NARROW),
            "forward": forward,
            "wide": self._layer(_NARROW, _WIDE),
            "norms": [self._norm(_NARROW) for _ in range(3 + _FORWARD)],
            "norm": self._norm(_WIDE),
        }

    def _through(self, block: dict[str, Any], x: Any, unseen: Any) -> Any:
        norms = iter(block["norms"])
        narrow = self._scaled(self._dense(x, block["narrow"]), next(norms))
        shared = self._scaled(self._dense(x, block["shared"]), next(norms))
        seen = self._attended(block, shared, x, unseen)
        y = self._scaled(self._dense(seen, block["joined"]) + narrow, next(norms))
        for inner, outer in block["forward"]:
            y = self._scaled(self._dense(self.tf.nn.relu(self._dense(y, inner)), outer) + y, next(norms))
        return self._scaled(self._dense(y, block["wide"]) + x, block["norm"])

    def _attended(self, block: dict[str, Any], shared: Any, x: Any, unseen: Any) -> Any:
        tf, size = self.tf, _NARROW // _HEADS
        query, key = self._heads(self._dense(shared, block["query"])), self._heads(self._dense(shared, block["key"]))
        value = self._heads(self._dense(x, block["value"]))
        scores = tf.matmul(query, key, transpose_b=True) * size**-0.5 + unseen
        return tf.reshape(tf.transpose(tf.matmul(tf.nn.softmax(scores), value), [0, 2, 1, 3]), [-1, _NARROW])

    def _heads(self, x: Any) -> Any:
        split = self.tf.reshape(x, [self.batch, _TOKENS, _HEADS, _NARROW // _HEADS])
        return self.tf.transpose(split, [0, 2, 1, 3])

    def _dense(self, x: Any, layer: tuple[Any, Any]) -> Any:
        return self.tf.matmul(x, layer[0]) + layer[1]

    def _scaled(self, x: Any, norm: tuple[Any, Any]) -> Any:
        return x * norm[0] + norm[1]
