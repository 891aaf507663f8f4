"""Photographs of made-up scenes by two cameras whose gains and gamma are known: noise, exposure, JPEG and all."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edgewatt.profiler.isp.cells import pair_of
from edgewatt.profiler.isp.fit import Isp, isp_of
from edgewatt.profiler.isp.photos import Photo, photo_of

Pixels = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    gains: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    noise: float = 0.01
    # How it changes from scene to scene: all gains alike (exposure), each for itself (white balance), and gamma (tone).
    exposure: float = 0.0
    balance: float = 0.0
    tone: float = 0.0


def scene(rng: np.random.Generator, size: int = 128) -> Pixels:
    """Shapes and gradients of many tones, shape [size, size, 3], from 0.16 to 0.85, and a lamp that clips."""
    at = np.arange(size) / size
    tone = np.zeros((size, size))
    for _ in range(4):
        phase, across, down = rng.uniform(0, 6.28), *rng.uniform(-6, 6, 2)
        tone += rng.uniform(0.3, 1) * np.cos(phase + across * at[None, :] + down * at[:, None])
    for _ in range(6):
        top, left = rng.integers(0, size - 32, 2)
        tone[top : top + 32, left : left + 32] += rng.uniform(-1.5, 1.5)
    tone = (tone - tone.min()) / np.ptp(tone)
    tint = 1 + 0.15 * rng.uniform(-1, 1, 3) + 0.1 * np.cos(3 * at[:, None, None] + rng.uniform(0, 6, 3))
    light = 0.16 + 0.5 * tone[..., None] * tint
    light[: size // 8, : size // 8] = 1.0
    return light


def taken(light: Pixels, camera: Camera, rng: np.random.Generator) -> Pixels:
    """What the camera makes of it, in 0 to 1."""
    gains = np.log(camera.gains) + camera.exposure * rng.normal() + camera.balance * rng.normal(size=3)
    gamma = camera.gamma * np.exp(camera.tone * rng.normal())
    coded = (np.exp(gains) * light) ** gamma
    return np.clip(coded + camera.noise * rng.normal(size=light.shape), 0, 1)


def as_image(pixels: Pixels) -> Image.Image:
    return Image.fromarray((255 * pixels).round().astype(np.uint8))


def write(pixels: Pixels, path: Path, quality: int = 92) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    as_image(pixels).save(path, quality=quality)


def photo(pixels: Pixels, quality: int = 92, name: str = "photo") -> Photo:
    """As read_photo reads it, through a JPEG in memory."""
    buffer = io.BytesIO()
    as_image(pixels).save(buffer, "JPEG", quality=quality)
    return photo_of(name, np.asarray(Image.open(buffer)))


def fitted(camera: Camera, seed: int, scenes: int = 6, size: int = 128) -> Isp:
    rng = np.random.default_rng(seed)
    pairs = []
    for number in range(scenes):
        light = scene(rng, size)
        reference = taken(light, Camera(noise=camera.noise), rng)
        pairs.append(pair_of(str(number), photo(reference), photo(taken(light, camera, rng))))
    found = isp_of(pairs)
    assert isinstance(found, Isp), found
    return found
