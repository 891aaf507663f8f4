"""Nine cameras, or those of a calibration: what each makes of one scene.

Linear light goes through noise of the sensor, a colour matrix, plain coding (x^(1/2.2)), white balance and tone, and
JPEG. White balance and tone are out = (gain x in)^gamma on coded values, as docs/isp.md defines what `calibrate isp`
measures; all else is assumed (heteroswitch.toml).
"""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.round import Floats
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.profiler.errors import UsageError

Bytes = NDArray[np.uint8]

NO_PILLOW: Final = "a camera's JPEG is made with Pillow; install it with: pip install 'edgewatt[photos]'"
# Display gamma without sRGB's linear toe: cameras bend there anyway.
CODING: Final = 2.2
# Rec. 709: what of each channel makes lightness.
LUMA: Final = np.array([0.2126, 0.7152, 0.0722])
_BLACK: Final = 0.01
_LEAST_GAMMA: Final = 0.05
# libjpeg's longest side is 65,535: pictures lie in one strip of this many columns of them.
_ACROSS: Final = 64
_ROWS_LIMIT: Final = 65_000


@dataclass(frozen=True, slots=True)
class Isp:
    """A camera. `gains` of r, g, b and `gamma` on coded values; `saturation` 1 leaves colours as they are.

    `noise`: deviation of linear light at white; `quality` of JPEG, None: not compressed; `share` of the market, any
    unit; `basis`: measured, simulated, published or assumed, of gains and gamma.
    """

    name: str
    gains: tuple[float, float, float]
    gamma: float
    saturation: float
    noise: float
    quality: int | None
    share: float
    basis: str = "assumed"


# What makes one stage of a camera do nothing.
STAGES: Final[Mapping[str, Callable[[Isp], Isp]]] = {
    "white balance": lambda isp: replace(isp, gains=(1.0, 1.0, 1.0)),
    "tone": lambda isp: replace(isp, gamma=1.0),
    "colour matrix": lambda isp: replace(isp, saturation=1.0),
    "noise": lambda isp: replace(isp, noise=0.0),
    "JPEG": lambda isp: replace(isp, quality=None),
}


def assumed_isps(constants: Constants, draw: Draw) -> tuple[Isp, ...]:
    """The nine phones of the constants, as drawn."""
    names = dict.fromkeys(name.split(".")[1] for name in constants.by_name if name.startswith("isp."))
    return tuple(_assumed(constants, draw, name) for name in names)


def _assumed(constants: Constants, draw: Draw, name: str) -> Isp:
    def of(what: str) -> float:
        return draw.constant(constants, f"isp.{name}.{what}")

    return Isp(
        name=name,
        gains=(of("red_ratio"), 1.0, of("blue_ratio")),
        gamma=max(of("gamma_ratio"), _LEAST_GAMMA),
        saturation=of("saturation_ratio"),
        noise=of("noise_ratio"),
        quality=int(np.clip(round(of("jpeg_quality")), 1, 100)),
        share=of("share_ratio"),
    )


def developed(light: Floats, isp: Isp, rng: np.random.Generator) -> Bytes:
    """Pictures that `isp` makes of linear light, both (n, rows, columns, 3), light in 0 to 1.

    The same generator gives the same pictures. Raises UsageError where JPEG is asked for and Pillow is not there.
    """
    seen = light + rng.normal(size=light.shape) * (isp.noise * np.sqrt(np.maximum(light, 0) + _BLACK))
    grey = (seen @ LUMA)[..., None]
    mixed = np.clip(grey + isp.saturation * (seen - grey), 0, 1)
    coded = np.clip(mixed ** (1 / CODING) * np.array(isp.gains), 0, 1) ** isp.gamma
    pictures = np.round(255 * coded).astype(np.uint8)
    return pictures if isp.quality is None else _compressed(pictures, isp.quality)


def linear(pictures: Bytes) -> Floats:
    """The light that plain coding would have made these pictures of."""
    light: Floats = (pictures / 255.0) ** CODING
    return light


def _compressed(pictures: Bytes, quality: int) -> Bytes:
    """Through JPEG, many at once: sides are filled up to 8s, and without subsampling blocks do not touch each other."""
    try:
        from PIL import Image  # noqa: PLC0415  (the extra `photos`)
    except ImportError:
        raise UsageError(NO_PILLOW) from None
    n, rows, columns = pictures.shape[:3]
    high, wide = (-(-side // 8) * 8 for side in (rows, columns))
    at_once = _ACROSS * max(_ROWS_LIMIT // high, 1)
    if n > at_once:
        halves = (pictures[:at_once], pictures[at_once:])
        return np.concatenate([_compressed(half, quality) for half in halves])
    padded = np.pad(pictures, ((0, -n % _ACROSS), (0, high - rows), (0, wide - columns), (0, 0)), mode="edge")
    strip = padded.reshape(-1, _ACROSS, high, wide, 3).swapaxes(1, 2).reshape(-1, _ACROSS * wide, 3)
    buffer = io.BytesIO()
    Image.fromarray(strip).save(buffer, "JPEG", quality=quality, subsampling=0)
    with Image.open(io.BytesIO(buffer.getvalue())) as image:
        back = np.asarray(image.convert("RGB"))
    apart = back.reshape(-1, high, _ACROSS, wide, 3).swapaxes(1, 2).reshape(-1, high, wide, 3)
    return np.ascontiguousarray(apart[:n, :rows, :columns])
