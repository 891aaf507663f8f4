"""What every camera photographs: handwritten digits in colour and light, or pictures as they are."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.heteroswitch.isp import Bytes, linear
from edgewatt.models.federated.learning.data import Data
from edgewatt.models.federated.round import Floats, Ints
from edgewatt.models.scheduling.constants import Constants, Draw

# Hues around the circle: of ten digits.
CLASSES: Final = 10


@dataclass(frozen=True, slots=True)
class Light:
    """How scenes are lit and coloured, in linear light: `side` in pixels; the rest as heteroswitch.toml has it."""

    side: int
    background_high: float
    stroke_low: float
    colour_spread: float
    class_tint: float
    light_low: float


def light_of(constants: Constants, draw: Draw) -> Light:
    """As drawn; light stays in 0 to 1."""
    names = ("background_high", "stroke_low", "colour_spread", "class_tint", "light_low")
    values = (float(np.clip(draw.constant(constants, f"scene.{name}"), 0, 1)) for name in names)
    return Light(int(constants["scene.side_n"]), *values)


def enlarged(ink: Floats, side: int) -> Floats:
    """Pictures (n, rows, columns) as (n, side, side), linear between the middles of pixels."""
    for axis in (1, 2):
        size = ink.shape[axis]
        at = np.clip((np.arange(side) + 0.5) * size / side - 0.5, 0, size - 1)
        low = np.minimum(at.astype(np.intp), size - 2)
        part = (at - low).reshape([-1 if k == axis else 1 for k in range(3)])
        ink = np.take(ink, low, axis) * (1 - part) + np.take(ink, low + 1, axis) * part
    return ink


def lit(ink: Floats, classes: Ints, light: Light, rng: np.random.Generator) -> Floats:
    """Linear light (n, side, side, 3) of ink (n, side, side): colours and exposure of each scene are drawn."""
    n = len(ink)
    lightness = (rng.uniform(0, light.background_high, (n, 1)), rng.uniform(light.stroke_low, 1, (n, 1)))
    spread = rng.uniform(-light.colour_spread, light.colour_spread, (2, n, 3))
    tint = light.class_tint * np.cos(2 * np.pi * (classes[:, None] / CLASSES - np.arange(3) / 3))
    background, stroke = (
        np.clip(of * (1 + off), 0, 1)[:, None, None]
        for of, off in zip(lightness, (spread[0], spread[1] + tint), strict=True)
    )
    exposure = rng.uniform(light.light_low, 1, (n, 1, 1, 1))
    scenes: Floats = exposure * (background + ink[..., None] * (stroke - background))
    return scenes


@dataclass(frozen=True, slots=True, eq=False)
class Scenes:
    """What is photographed: `data` of one channel are strokes, to be coloured and lit; of three, pictures."""

    data: Data
    light: Light

    @property
    def are_strokes(self) -> bool:
        """Whether they have colours and light that are drawn."""
        return bool(self.data.inputs.shape[1] == 1)

    def of(self, rows: Ints, rng: np.random.Generator, *, held: bool) -> Floats:
        """Linear light of these samples, (n, rows, columns, 3); colours and light of strokes are drawn anew."""
        pictures = (self.data.held_inputs if held else self.data.inputs)[rows]
        if self.are_strokes:
            ink = enlarged(pictures[:, 0].astype(np.float64), self.light.side)
            return lit(ink, (self.data.held_targets if held else self.data.targets)[rows], self.light, rng)
        return linear(as_bytes(pictures))


def as_bytes(pictures: NDArray[Any]) -> Bytes:
    """Pictures [n, 3, rows, columns] of any kind as bytes (n, rows, columns, 3)."""
    of = pictures if pictures.dtype == np.uint8 else np.round(255 * np.clip(pictures, 0, 1)).astype(np.uint8)
    return np.ascontiguousarray(of.transpose(0, 2, 3, 1))
