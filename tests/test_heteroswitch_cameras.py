"""Cameras: what each stage does to a scene, those of a calibration, and whose phones a fleet is of."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgewatt.models.federated.heteroswitch.calibrated import calibrated_isps
from edgewatt.models.federated.heteroswitch.isp import CODING, LUMA, STAGES, Isp, assumed_isps, developed, linear
from edgewatt.models.federated.heteroswitch.scenes import Light, enlarged, lit
from edgewatt.models.federated.heteroswitch.world import shared_out
from edgewatt.models.scheduling.constants import Draw, constants_of
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.calibration.head import Head
from edgewatt.profiler.errors import UsageError

CONSTANTS = constants_of("../federated/heteroswitch")
PLAIN = Isp("plain", (1.0, 1.0, 1.0), 1.0, 1.0, 0.0, None, 1.0)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def scenes(n: int = 6, side: int = 16) -> np.ndarray:
    return rng().uniform(0.05, 0.95, (n, side, side, 3))


def test_there_are_nine_and_every_value_has_a_tag() -> None:
    isps = assumed_isps(CONSTANTS, Draw())
    assert len(isps) == 9
    assert isps[0].name == "galaxy_s22"
    assert sum(isp.share for isp in isps) == pytest.approx(1)
    assert {of.tag for name, of in CONSTANTS.by_name.items() if name.startswith("isp.")} == {"assumed"}
    assert CONSTANTS.by_name["published.variance_reduction"].tag == "confirmed"
    varied = assumed_isps(CONSTANTS, Draw(seed=4, vary=True))
    assert all(abs(a.gamma / b.gamma - 1) <= 0.3 for a, b in zip(varied, isps, strict=True))
    assert all(isp.quality is not None and 1 <= isp.quality <= 100 for isp in varied)


def test_a_plain_camera_codes_and_its_pictures_go_back_to_light() -> None:
    light = scenes()
    pictures = developed(light, PLAIN, rng())
    assert pictures.dtype == np.uint8
    assert np.abs(linear(pictures) - light).max() < 0.01


def test_white_balance_and_tone_are_what_calibrate_isp_fits() -> None:
    """out = (gain x in)^gamma on coded values, docs/isp.md."""
    light = scenes()
    got = developed(light, replace(PLAIN, gains=(0.9, 1.0, 1.05), gamma=1.2), rng()) / 255
    expected = np.clip(light ** (1 / CODING) * [0.9, 1.0, 1.05], 0, 1) ** 1.2
    assert np.abs(got - expected).max() < 0.003


def test_no_saturation_leaves_lightness_alone() -> None:
    grey = linear(developed(scenes(), replace(PLAIN, saturation=0.0), rng()))
    assert np.ptp(grey, axis=-1).max() < 1e-9
    assert np.abs(grey[..., 0] - scenes() @ LUMA).max() < 0.01


def test_noise_is_of_the_generator_and_grows_with_light() -> None:
    noisy = replace(PLAIN, noise=0.05)
    dark, bright = (linear(developed(np.full((40, 8, 8, 3), of), noisy, rng())).std() for of in (0.05, 0.5))
    assert bright > 2 * dark
    assert bright == pytest.approx(0.05 * 0.5**0.5, rel=0.1)
    assert (developed(scenes(), noisy, rng()) == developed(scenes(), noisy, rng())).all()


@pytest.mark.parametrize("side", [16, 10])
def test_jpeg_changes_each_picture_by_itself(side: int) -> None:
    """Pictures are compressed in one strip: what one is cannot depend on its neighbours."""
    camera = replace(PLAIN, quality=60)
    light = scenes(70, side)
    together = developed(light, camera, rng())
    assert together.shape == light.shape
    assert (developed(light[3:5], camera, rng()) == together[3:5]).all()
    assert np.abs(together.astype(int) - developed(light, PLAIN, rng())).mean() > 1


def test_each_stage_left_out_changes_a_camera_and_all_of_them_make_it_plain() -> None:
    isp = assumed_isps(CONSTANTS, Draw())[-1]
    full = developed(scenes(), isp, rng())
    for without in STAGES.values():
        assert (developed(scenes(), without(isp), rng()) != full).any()
    for without in STAGES.values():
        isp = without(isp)
    assert (developed(scenes(), isp, rng()) == developed(scenes(), PLAIN, rng())).all()


def row(device: str, **values: Any) -> dict[str, Any]:
    terms = {"gain_r": 1.1, "gain_g": 1.0, "gain_b": 0.9, "gamma": 1.2} | values
    of = {f"{name}_ratio": value for name, value in terms.items()}
    return {
        "device_id": device,
        "device": device,
        "reference": "pixel_5",
        "basis": "measured",
        "source": "sha256:0",
    } | of


def calibration(*rows: dict[str, Any], **tables: list[dict[str, Any]]) -> Calibration:
    return calibration_of_rows(Head(created=""), {"isp": list(rows), **tables})


def test_cameras_of_a_calibration_have_its_gains_and_gamma_and_the_reference_none() -> None:
    assumed = assumed_isps(CONSTANTS, Draw())
    found, notes = calibrated_isps(calibration(row("galaxy_s6"), row("own")), assumed, Draw(), 0.3)
    assert [isp.name for isp in found] == ["galaxy_s6", "own", "pixel_5"]
    assert found[0].gains == (1.1, 1.0, 0.9)
    assert found[0].gamma == 1.2
    assert found[0].noise == next(isp.noise for isp in assumed if isp.name == "galaxy_s6")
    assert (found[2].gains, found[2].gamma) == ((1.0, 1.0, 1.0), 1.0)
    assert {isp.share for isp in found} == {1.0}
    assert "all have the same" in " ".join(notes)
    assert {isp.basis for isp in found} == {"measured"}


def test_measured_values_are_drawn_from_their_intervals() -> None:
    of = row("own") | {"gamma_low_ratio": 1.1, "gamma_high_ratio": 1.3}
    gammas = [
        calibrated_isps(calibration(of), assumed_isps(CONSTANTS, Draw()), Draw(seed=k), 0.3)[0][0].gamma
        for k in range(8)
    ]
    assert len(set(gammas)) == 8
    assert all(1.0 < gamma < 1.45 for gamma in gammas)


def test_a_calibration_without_two_cameras_says_so() -> None:
    assumed = assumed_isps(CONSTANTS, Draw())
    found, notes = calibrated_isps(calibration(), assumed, Draw(), 0.3)
    assert found == ()
    assert "no rows of `isp`" in notes[0]
    grey = row("own", gamma=None) | {"reference": "neutral patch"}
    found, notes = calibrated_isps(calibration(grey), assumed, Draw(), 0.3)
    assert found == ()
    assert "one camera only (own)" in notes[0]
    found, notes = calibrated_isps(calibration(grey, grey | {"device_id": "b"}), assumed, Draw(), 0.3)
    assert [isp.gamma for isp in found] == [1.0, 1.0]
    assert "a grey patch tells none" in " ".join(notes)


def test_scenes_are_as_bright_as_they_are_said_to_be() -> None:
    ink = enlarged(np.pad(np.ones((200, 4, 4)), ((0, 0), (2, 2), (2, 2))), 16)
    assert ink.shape == (200, 16, 16)
    assert (ink[:, 7, 7] == 1).all()
    assert (ink[:, 0, 0] == 0).all()
    light = Light(16, 0.6, 0.4, 0.1, 0.2, 0.8)
    classes = np.arange(200) % 10
    found = lit(ink, classes, light, rng())
    assert found.min() >= 0
    assert found.max() <= 1
    assert found[:, 0, 0].max() <= 0.6 * 1.1
    assert found[:, 7, 7].min() >= 0.8 * 0.4 * (1 - 0.1 - 0.2)
    strokes = found[:, 7, 7] / found[:, 7, 7].mean(-1, keepdims=True)
    red = [strokes[classes == k, 0].mean() for k in (0, 5)]
    assert red[0] - red[1] > 0.2, "class 0 is tinted red, class 5 away from it"


def test_phones_are_shared_out_by_market_share_and_none_is_missing() -> None:
    counts = np.bincount(shared_out([0.5, 0.3, 0.2, 0.0], 24, rng()))
    assert list(counts) == [11, 7, 5, 1]
    assert list(np.bincount(shared_out([1.0] * 9, 100, rng()), minlength=9)) in ([12] + [11] * 8, [11] * 8 + [12])
    with pytest.raises(UsageError, match="8 devices cannot be of 9 types"):
        shared_out([1.0] * 9, 8, rng())
    with pytest.raises(UsageError, match="expected numbers above 0"):
        shared_out([float("nan"), 1.0], 8, rng())
