"""What a builder is asked for, and what it gives: a function of TensorFlow, still to be converted."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Ask:
    """A network as it is asked for."""

    seed: int
    classes: int
    batch: int


@dataclass(frozen=True, slots=True)
class Input:
    """An input: whole numbers are drawn below `below`, floats from -1 to 1. `shape` begins with the batch."""

    name: str
    shape: tuple[int, ...]
    below: int | None = None

    @property
    def dtype(self) -> str:
        """The type of its elements."""
        return "float32" if self.below is None else "int32"

    def drawn(self, random: np.random.Generator) -> NDArray[Any]:
        """Random values for it."""
        if self.below is None:
            return random.uniform(-1, 1, self.shape).astype(np.float32)
        return random.integers(0, self.below, self.shape, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Built:
    """A network: one function per signature, each with its inputs in order; it returns tensors by name.

    `owner` keeps what the functions refer to. `folds`: its variables, as Keras keeps them, become constants.
    """

    functions: Mapping[str, tuple[Callable[..., Mapping[str, Any]], Sequence[Input]]]
    owner: Any
    folds: bool = False


class Weights:
    """Random weights, one after the other from one seed."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)

    def kernel(self, *shape: int, fan_in: int) -> NDArray[np.float32]:
        """Uniform weights that keep a signal's variance through a ReLU (He et al., arXiv 1502.01852, eq. 10)."""
        limit = (6 / fan_in) ** 0.5
        return self.between(-limit, limit, *shape)

    def bias(self, size: int) -> NDArray[np.float32]:
        """A small shift per channel: not zero, which a converter would leave out or store only once."""
        return self.between(-0.1, 0.1, size)

    def between(self, low: float, high: float, *shape: int) -> NDArray[np.float32]:
        """Uniform values."""
        return self.random.uniform(low, high, shape).astype(np.float32)
