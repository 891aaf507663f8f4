"""An LVPM or HVPM on USB whatever its calibration says, and one that samples for somebody else."""

import pytest

from edgewatt.collectors.monsoon.device import open_meter
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.virtual_lab.monsoon import usb
from edgewatt.virtual_lab.monsoon.feeds import Constant

SEEDS = 12


def opened(seed: int) -> Device:
    backend = usb.backend(Constant(0.1), model="lvpm", seed=seed)
    return open_meter(parse_uri("monsoon:?boundary=battery_bypass&channels=main,usb"), backend)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_an_offset_of_minus_two_is_not_the_answer_of_a_meter_that_samples(seed: int) -> None:
    """Resistor offsets are drawn; on a third of all meters one of them is -2, which reads as 0xFFFFFFFE."""
    device = opened(seed)
    assert device.facts["model"] == "lvpm"
    device.close()
