"""White balance and gamma of known cameras are found again, within their own intervals."""

import numpy as np
import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.gauging.found import Undecided
from edgewatt.profiler.isp.cells import Pair, pair_of
from edgewatt.profiler.isp.fit import Isp, isp_of
from edgewatt.profiler.isp.neutral import Patch, isp_of_patch
from edgewatt.profiler.isp.photos import Photo
from tests.isp_photos import Camera, Pixels, fitted, photo, scene, taken


def drawn(rng: np.random.Generator) -> Camera:
    return Camera(
        tuple(np.exp(rng.uniform(-0.25, 0.2, 3)).tolist()),
        float(np.exp(rng.uniform(-0.4, 0.5))),
        noise=rng.uniform(0.002, 0.012),
        exposure=0.05,
        balance=0.02,
        tone=0.01,
    )


def holds(found: Isp, camera: Camera) -> list[bool]:
    assert found.gamma is not None
    return [
        term.low <= truth <= term.high
        for term, truth in zip((found.gamma, *found.gains), (camera.gamma, *camera.gains), strict=True)
    ]


def logs(camera: Camera, rng: np.random.Generator, scenes: int, cells: int = 40) -> list[Pair]:
    """The model itself: mean logarithms of cells, without pictures."""
    pairs = []
    for number in range(scenes):
        x = rng.uniform(-2.0, -0.2, (cells, 3))
        gain = np.log(camera.gains) + camera.exposure * rng.normal() + camera.balance * rng.normal(size=3)
        y = camera.gamma * np.exp(camera.tone * rng.normal()) * (x + gain)
        seen = [z + camera.noise * rng.normal(size=z.shape) for z in (x, y)]
        pairs.append(Pair(str(number), seen[0], seen[1]))
    return pairs


def test_intervals_hold_what_they_should_on_cells() -> None:
    rng = np.random.default_rng(20261126)
    held = []
    for _ in range(80):
        camera = drawn(rng)
        found = isp_of(logs(camera, rng, int(rng.integers(3, 9))))
        assert isinstance(found, Isp)
        held.append(holds(found, camera))
    assert 0.90 <= np.mean(held) <= 0.985
    assert (np.mean(held, 0) >= 0.86).all()


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_intervals_hold_what_they_should_on_photographs() -> None:
    rng = np.random.default_rng(20261126)
    held = []
    for seed in range(1000):
        camera = drawn(rng)
        held.append(holds(fitted(camera, seed, scenes=int(rng.integers(3, 9))), camera))
    assert 0.93 <= np.mean(held) <= 0.97, np.mean(held, 0)
    assert ((np.mean(held, 0) >= 0.90) & (np.mean(held, 0) <= 0.99)).all(), np.mean(held, 0)


@pytest.mark.parametrize(
    "camera",
    [
        Camera((1.2, 1.0, 0.8), 1.0),
        Camera((0.9, 1.1, 1.0), 1.5),
        Camera((1.0, 1.0, 1.0), 0.7, noise=0.02),
        Camera((1.1, 0.95, 1.05), 1.2, exposure=0.1),
    ],
)
def test_a_known_camera_is_found_in_photographs(camera: Camera) -> None:
    found = fitted(camera, 7, scenes=4)
    assert found.gamma is not None
    assert found.gamma.value == pytest.approx(camera.gamma, rel=0.01)
    relative = [gain.value / found.gains[1].value for gain in found.gains]
    assert relative == pytest.approx([gain / camera.gains[1] for gain in camera.gains], rel=0.01)
    assert found.scenes == 4
    assert 0.05 < found.valid[0] < found.valid[1] < 0.97
    assert found.residual < 0.05


def test_what_moved_in_a_scene_does_not_move_the_line() -> None:
    rng = np.random.default_rng(3)
    pairs = logs(Camera((1.1, 1.0, 0.9), 1.3, noise=0.005), rng, 4)
    for pair in pairs:
        pair.device[:4] += 1.0
    found = isp_of(pairs)
    assert isinstance(found, Isp)
    assert found.gamma is not None
    assert found.gamma.value == pytest.approx(1.3, rel=0.005)


def test_equal_errors_of_both_pictures_do_not_flatten_gamma() -> None:
    rng = np.random.default_rng(4)
    found = isp_of(logs(Camera(gamma=1.0, noise=0.15), rng, 30, cells=400))
    assert isinstance(found, Isp)
    assert found.gamma is not None
    assert found.gamma.low < 1.0 < found.gamma.high
    assert found.gamma.value == pytest.approx(1.0, abs=0.02)  # least squares would give 0.92


def test_why_nothing_is_found() -> None:
    rng = np.random.default_rng(5)
    two = isp_of(logs(Camera(), rng, 2))
    assert isinstance(two, Undecided)
    assert "3 are needed" in two.reason
    flat = [Pair(p.scene, 0.05 * p.reference - 1, 0.05 * p.device - 1) for p in logs(Camera(), rng, 4)]
    little = isp_of(flat)
    assert isinstance(little, Undecided)
    assert "too little contrast" in little.reason
    inverse = isp_of([Pair(p.scene, p.reference, -2.2 - p.device) for p in logs(Camera(), rng, 4)])
    assert isinstance(inverse, Undecided)
    assert "does not become lighter" in inverse.reason
    steep = isp_of(logs(Camera(gamma=9.0), rng, 4))
    assert isinstance(steep, Undecided)
    assert "gamma of 9" in steep.reason
    dark = logs(Camera(), rng, 4)
    dark[0].reference[5:] = np.nan
    dark[1].reference[5:] = np.nan
    lost = isp_of(dark)
    assert isinstance(lost, Undecided)
    assert "0 (5 cells), 1 (5 cells)" in lost.reason


def test_another_scene_and_another_shape_are_refused() -> None:
    rng = np.random.default_rng(6)
    one, other = (photo(scene(rng), name=name) for name in ("a/s.jpg", "b/s.jpg"))
    with pytest.raises(UsageError, match=r"b/s\.jpg and a/s\.jpg do not show the same"):
        pair_of("s", one, other)
    light = scene(rng)
    with pytest.raises(UsageError, match="crop both"):
        pair_of("s", photo(light), _cropped(light))


def _cropped(light: Pixels) -> Photo:
    whole = photo(light)
    return Photo("b", whole.values[:20], whole.usable[:20], "")


def test_grey_tells_the_balance_and_no_gamma() -> None:
    rng = np.random.default_rng(8)
    camera = Camera((1.2, 1.0, 0.9), 1.0, noise=0.005, exposure=0.1, balance=0.005)
    photos = []
    for _ in range(6):
        light = scene(rng)
        light[48:80, 48:80] = rng.uniform(0.3, 0.5)
        photos.append(photo(taken(light, camera, rng)))
    found = isp_of_patch(photos, Patch(0.4, 0.4, 0.6, 0.6))
    assert isinstance(found, Isp)
    assert found.gamma is None
    mean = np.exp(np.log(camera.gains).mean())
    assert [gain.value for gain in found.gains] == pytest.approx([g / mean for g in camera.gains], rel=0.01)
    lamp = isp_of_patch(photos, Patch(0.0, 0.0, 0.1, 0.1))
    assert isinstance(lamp, Undecided)
    assert "in 0 photographs" in lamp.reason
    assert isinstance(isp_of_patch(photos, Patch(0.5, 0.5, 0.501, 0.501)), Undecided)
