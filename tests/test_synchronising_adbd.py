"""A train of pulses on phones behind the real adbd, in mksh, as uid 2000."""

import numpy as np
import pytest

from edgewatt.collectors.android.pulses import BOUND_NS
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import open_device
from edgewatt.profiler.synchronising.train import train
from tests.adbd.running import PeerPhone

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]


def test_a_phone_executes_a_train_and_stamps_it_by_its_own_clock(pixel: PeerPhone) -> None:
    device = open_device(pixel.uri)
    try:
        assert device.pulses is not None
        assert device.target is not None
        asked = train(5, 2.0)
        before = device.target.probe_clock(HostClock())
        edges = device.pulses(asked)
        after = device.target.probe_clock(HostClock())
    finally:
        device.close()
    assert edges.bound_ns == BOUND_NS
    assert before.device_ns < edges.begin_ns[0] < edges.end_ns[-1] < after.device_ns
    lengths_s = np.array(asked)
    assert (edges.end_ns - edges.begin_ns >= lengths_s[:, 0] * 1e9 - 2e5).all()
    assert (edges.begin_ns[1:] - edges.end_ns[:-1] >= lengths_s[:-1, 1] * 1e9 - 2e5).all()
