"""The true terms of a cluster's power are what the timeline draws, and each core is as busy as it was told to be."""

from collections.abc import Sequence

import numpy as np
import pytest

from edgewatt.virtual_lab.phone.anatomy import BATTERY, SOC, core_load, device_of
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.power.domains import Domain
from edgewatt.virtual_lab.power.load import level, suspension
from edgewatt.virtual_lab.power.terms import Terms
from edgewatt.virtual_lab.power.timeline import Timeline

S = 1_000_000_000
PIXEL = personality("pixel")
DEVICE = device_of(PIXEL)


def looping(cpus: Sequence[int], intensity: float = 1.0) -> Timeline:
    """Loops on these processors from second 1 to second 3."""
    timeline = Timeline(DEVICE)
    timeline.record(*(level(core_load(cpu), [S, 3 * S], [intensity, 0.0]) for cpu in cpus))
    return timeline


@pytest.mark.parametrize("source", [BATTERY, "cpu", "S4M_VDD_CPUCL0", "S2M_VDD_CPUCL2"])
@pytest.mark.parametrize("cpus", [(0,), (0, 1, 2, 3), (6,), (6, 7)])
def test_what_busy_cores_draw(cpus: tuple[int, ...], source: str) -> None:
    timeline, terms = looping(cpus), Terms(DEVICE, source)
    name = "cpu0" if cpus[0] == 0 else "cpu2"
    hz = DEVICE.domain(name).frequencies_hz[-1]
    zones = {SOC: float(timeline.temperature_c(2 * S, SOC))}
    expected_w = terms.power_w(name, hz, len(cpus), zones)
    assert float(timeline.power_w(2 * S, source)) == pytest.approx(expected_w, rel=1e-4)
    more_w = expected_w - terms.base_w(zones)
    assert more_w == pytest.approx(terms.on_w(name, hz) + len(cpus) * terms.busy_w(name, hz))
    assert (more_w == 0) == (source in ("S4M_VDD_CPUCL0", "S2M_VDD_CPUCL2") and source[1] != {0: "4", 6: "2"}[cpus[0]])


def test_the_first_core_costs_more_than_the_next() -> None:
    terms = Terms(DEVICE, BATTERY)
    assert terms.on_w("cpu2", 2.802e9) == pytest.approx(0.2 * 3.6 / 0.9, rel=1e-6)
    assert terms.busy_w("cpu2", 2.802e9) == pytest.approx(0.4 * 3.6 / 0.9, rel=1e-6)
    assert terms.on_w("cpu2", 1.0e9) < terms.on_w("cpu2", 2.0e9)
    assert terms.busy_w("memory") == pytest.approx(0.5 / 0.9)
    assert terms.on_w("memory") == 0.0


def test_leakage_grows_with_temperature() -> None:
    terms = Terms(DEVICE, BATTERY)
    at = [terms.leakage_w({SOC: celsius}) for celsius in (25.0, 55.0)]
    assert at[1] == pytest.approx(2 * at[0])
    assert terms.leakage_w_per_k({SOC: 40.0}, SOC) == pytest.approx(
        terms.leakage_w({SOC: 40.0}) * np.log(2) / 30, rel=1e-3
    )


def test_a_domain_needs_a_core_and_a_share_that_is_one() -> None:
    for wrong in ({"cores": 0}, {"on_share": -0.1}, {"on_share": 1.1}):
        with pytest.raises(ValueError, match="at least one core"):
            Domain("cpu", 0.1, **wrong)


def test_each_core_is_as_busy_as_what_is_bound_to_it() -> None:
    timeline = looping((4,), 0.5)
    busy_s = [float(timeline.core_busy_s(4 * S, "cpu1", core)) for core in (0, 1)]
    assert busy_s == pytest.approx([1.0, 0.0])
    assert float(timeline.busy_s(4 * S, "cpu1")) * 2 == pytest.approx(sum(busy_s))


def test_the_rest_is_where_there_is_room() -> None:
    timeline = Timeline(DEVICE)
    timeline.record(level(core_load(4), [S, 3 * S], [1.0, 0.0]), level("cpu1", [0, 4 * S], [0.5, 0.0]))
    at_s = np.arange(5) * S
    first, second = (timeline.core_busy_s(at_s, "cpu1", core) for core in (0, 1))
    assert second.tolist() == pytest.approx([0.0, 0.5, 1.5, 2.5, 3.0])
    assert first.tolist() == pytest.approx([0.0, 0.5, 1.5, 2.5, 3.0])
    assert (np.diff(first) >= 0).all()


def test_no_core_works_while_the_phone_sleeps() -> None:
    timeline = looping((0,))
    timeline.record(suspension([2 * S], [4 * S]))
    assert float(timeline.core_busy_s(5 * S, "cpu0", 0)) == pytest.approx(1.0)
    assert float(timeline.core_busy_s(5 * S, "cpu0", 1)) == 0.0
