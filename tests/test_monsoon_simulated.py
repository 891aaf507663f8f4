"""A meter of the lab is marked as simulated however it is opened, and nothing else is."""

import os
from pathlib import Path

import pytest

from edgewatt.collectors.monsoon import simulated
from edgewatt.collectors.monsoon.addresses import Address
from edgewatt.collectors.monsoon.device import open_meter
from edgewatt.profiler.device import parse_uri
from edgewatt.virtual_lab.monsoon.feeds import Constant
from edgewatt.virtual_lab.monsoon.serve import lvpm_on_pty


@pytest.mark.skipif(not Path("/proc/self/fdinfo").exists(), reason="only Linux shows who holds a terminal")
def test_a_meter_of_the_lab_is_simulated_by_its_path_and_by_its_link() -> None:
    with lvpm_on_pty(Constant(0.1), seed=1) as lab:
        for path in (lab.path, lab.link):
            device = open_meter(parse_uri(f"monsoon:{path}?boundary=battery_bypass"))
            device.close()
            assert device.simulated


def test_a_terminal_of_any_other_program_is_not() -> None:
    ours, theirs = os.openpty()
    try:
        assert not simulated.is_simulated(Address("serial", path=os.ttyname(theirs)))
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("path", ["/dev/null", "/dev/no-such-port", "/tmp"])
def test_a_device_that_is_no_terminal_is_not(path: str) -> None:
    assert not simulated.is_simulated(Address("serial", path=path))


def test_the_backend_of_the_lab_is_and_that_of_libusb_is_not() -> None:
    assert simulated.is_simulated(Address("usb", backend="lab@somewhere"))
    assert not simulated.is_simulated(Address("usb", backend="theirs@somewhere"))
    assert not simulated.is_simulated(Address("usb", serial="12431"))
    assert not simulated.is_simulated(Address("usb"), object())


@pytest.mark.parametrize(
    ("words", "is_lab"),
    [
        (["python", "-m", "edgewatt.virtual_lab.monsoon.process"], True),
        (["python", "-m", "edgewatt.virtual_laboratory"], False),
        (["socat", "pty,link=edgewatt.virtual_lab", "tcp:host:1"], False),
        (["python", "-m"], False),
        ([], False),
    ],
)
def test_only_a_program_of_the_lab_counts(words: list[str], is_lab: bool) -> None:  # noqa: FBT001
    assert simulated._is_lab([word.encode() for word in words]) == is_lab
