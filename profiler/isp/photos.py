"""A photograph as numbers: its pixels averaged into points, and which of those no pixel of which was clipped.

Pillow is the extra `photos`, and imported here alone. Files come from strangers: what is large, animated, or not what
its name says is refused before it is unpacked.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.gauging.found import Floats
from edgewatt.profiler.storage.checked import shown

if TYPE_CHECKING:
    from PIL import Image

SUFFIXES: Final = (".jpg", ".jpeg", ".png")
NO_PILLOW: Final = "photographs are read with Pillow; install it with: pip install 'edgewatt[photos]'"
# A 200-megapixel sensor bins its photographs to 12 or 50 by default; 100 need 300 MB here (assumed to be enough).
PIXELS_LIMIT: Final = 100_000_000
BYTES_LIMIT: Final = 256 << 20
# Below and above, a camera's curve bends and its pixels stick (of 255; assumed).
DARKEST: Final = 20
BRIGHTEST: Final = 245
# Points of a photograph's longer side: a point is the mean of a square of pixels, at least so many wide, so that noise
# is averaged out before logarithms are taken.
POINTS: Final = 512
LEAST_PIXELS: Final = 4
LEAST_POINTS: Final = 16


@dataclass(frozen=True, slots=True)
class Photo:
    """`values` in 0 to 1, shape [rows, columns, 3], as they are stored (sRGB coded, no profile applied).

    `usable` (same shape): no pixel of that point is nearly black or white in that channel.
    """

    name: str
    values: Floats
    usable: NDArray[np.bool_]
    sha256: str


def read_photo(path: Path) -> Photo:
    """The photograph, turned as its camera was held. Raises UsageError for a file that is none or is too large."""
    content = _content(path)
    return photo_of(str(path), _pixels(path, content), hashlib.sha256(content).hexdigest())


def read_pixels(path: Path) -> NDArray[np.uint8]:
    """Its pixels as they are, shape [rows, columns, 3], turned as its camera was held. Raises UsageError."""
    return _pixels(path, _content(path))


def photo_of(name: str, pixels: NDArray[np.uint8], sha256: str = "") -> Photo:
    """The photograph of these pixels, shape [rows, columns, 3]. Raises UsageError for too few."""
    rows, columns = pixels.shape[:2]
    wide = max(LEAST_PIXELS, -(-max(rows, columns) // POINTS))
    if min(rows, columns) < wide * LEAST_POINTS:
        raise UsageError(
            f"{name}: {columns} x {rows} pixels are too few to compare; expected at least "
            f"{LEAST_PIXELS * LEAST_POINTS} on each side"
        )
    high, across = rows // wide, columns // wide
    # Rows first, each whole: along neighbouring bytes numpy is fast.
    strips = pixels[: high * wide, : across * wide].reshape(high, wide, -1)
    sums = strips.sum(1, dtype=np.uint32).reshape(high, across, wide, 3).sum(2)
    darkest = strips.min(1).reshape(high, across, wide, 3).min(2)
    brightest = strips.max(1).reshape(high, across, wide, 3).max(2)
    usable = (darkest >= DARKEST) & (brightest <= BRIGHTEST)
    return Photo(name, sums / (255.0 * wide**2), usable, sha256)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_LIMIT + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"{path}: cannot be read ({why}); expected a photograph (JPEG or PNG)") from None
    if len(content) > BYTES_LIMIT:
        raise UsageError(f"{path}: larger than {BYTES_LIMIT >> 20} MiB, which no photograph is")
    return content


def _pixels(path: Path, content: bytes) -> NDArray[np.uint8]:
    """Shape [rows, columns, 3]. Raises UsageError."""
    try:
        from PIL import Image, ImageOps  # noqa: PLC0415  (an extra)
    except ImportError:
        raise UsageError(NO_PILLOW) from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own limit is below ours, and it warns of metadata that nobody needs
        try:
            with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
                _check(path, image)
                image.load()
                upright = ImageOps.exif_transpose(image)
                return np.asarray(upright.convert("RGB"))
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001  (a decoder of strangers' bytes raises whatever it likes)
            raise UsageError(
                f"{path}: no readable photograph ({shown(str(error) or type(error).__name__)}); expected a whole JPEG "
                "or PNG"
            ) from None


def _check(path: Path, image: "Image.Image") -> None:
    if image.width * image.height > PIXELS_LIMIT:
        raise UsageError(
            f"{path}: {image.width} x {image.height} pixels; at most {PIXELS_LIMIT // 10**6} million are unpacked"
        )
    if image.mode not in ("RGB", "RGBA"):
        raise UsageError(
            f"{path}: its pixels are of mode {shown(str(image.mode))}; expected a colour photograph of 8 bits "
            "(RGB): grey, indexed, CMYK and 16-bit pictures are not what a camera app writes"
        )
    if image.mode == "RGBA" and np.asarray(image.getchannel("A")).min() < 255:
        raise UsageError(f"{path}: is transparent in places, which no photograph is")
