"""What goes wrong while a meter samples: silence, a pulled cable, damaged frames. And meters on USB."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from edgewatt.collectors.monsoon.capture import Request
from edgewatt.collectors.monsoon.device import open_meter
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.running.record import record
from edgewatt.virtual_lab.monsoon.feeds import Constant
from edgewatt.virtual_lab.monsoon.serve import lvpm_on_pty
from tests.test_monsoon_live import measure, rows

usb = pytest.importorskip("usb.core", reason="the extra `usb` is not installed")


@pytest.fixture(autouse=True)
def no_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@contextmanager
def spoilt(*faults: str) -> Iterator[Device]:
    with lvpm_on_pty(Constant(0.02), seed=1, exact=True, faults=faults) as lab:
        yield open_meter(parse_uri(f"monsoon:{lab.path}?boundary=battery_bypass"))


def after_a_gap(cause: str, more: int) -> object:
    """Enough once there were rows after a gap with such a cause and a length."""

    def done(items: list[Batch | Gap | End]) -> bool:
        at = [k for k, i in enumerate(items) if isinstance(i, Gap) and cause in i.cause and i.t1_ns > i.t0_ns]
        return bool(at) and sum(len(i) for i in items[at[0] :] if isinstance(i, Batch)) >= more

    return done


@pytest.mark.peer
@pytest.mark.parametrize(
    ("fault", "cause", "lost"),
    [("silent=0.5:1.5", "no samples for 1 s", 7500), ("disconnect=0.5:1", "hung up", 5000)],
)
def test_a_meter_that_comes_back_goes_on_after_a_gap(fault: str, cause: str, lost: int) -> None:
    with spoilt(fault) as device:
        _, items, learnt = measure(device, after_a_gap(cause, 500))  # type: ignore[arg-type]
    begun, gap = [item for item in items if isinstance(item, Gap) and cause in item.cause][:2]
    assert begun.t0_ns == begun.t1_ns, "where it began is said at once"
    assert gap.samples_lost is not None
    assert gap.samples_lost > lost - 1000
    t_ns = np.concatenate([item.t_ns for item in items if isinstance(item, Batch)])
    assert (np.diff(t_ns) > 0).all()
    # On a busy machine it may be away for a moment once more.
    assert any(reason.startswith("meter_restarted:") for reason in learnt.reasons)


@pytest.mark.peer
def test_a_meter_that_stays_away_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    impatient = partial(Request, silent_s=0.3, give_up_s=1.0)
    monkeypatch.setattr("edgewatt.collectors.monsoon.device.Request", impatient)
    with spoilt("disconnect=0.5") as device:
        _, items, learnt = measure(device, lambda items: any(isinstance(item, End) for item in items))
    assert any(isinstance(item, Gap) for item in items)
    assert learnt.facts["status_after"] is None


@pytest.mark.peer
@pytest.mark.parametrize("fault", ["checksum=0.02", "cut=0.02", "drop=0.02"])
def test_damaged_frames_are_gaps_and_counted(fault: str) -> None:
    with spoilt(fault) as device:
        _, items, learnt = measure(device, rows(5000))
    gaps = [item for item in items if isinstance(item, Gap)]
    assert gaps
    assert learnt.facts["lost"] >= sum(gap.samples_lost or 0 for gap in gaps) > 0
    values = np.concatenate([item.columns["main.current_a"] for item in items if isinstance(item, Batch)])
    assert np.abs(values - 0.02).max() < 0.002, "no damaged frame is believed"


@pytest.mark.peer
def test_a_recorded_run_has_the_clock_the_facts_and_the_energy(tmp_path: Path) -> None:
    with lvpm_on_pty(Constant(0.75), seed=1, exact=True) as lab:
        device = open_meter(parse_uri(f"monsoon:{lab.path}?boundary=battery_bypass&passthrough=off"))
        trace = record(device, tmp_path / "run", seconds=2.0)
        device.close()
    (stream,) = trace.streams
    clock = trace.stored_streams[stream].clock
    assert clock.startswith("monsoon.")
    assert 0 < trace.clock_fit(clock).bound_ns < 50_000_000
    facts = trace.manifest.device["instruments"]["monsoon"]
    assert facts["boundary"] == "battery_bypass"
    assert facts["status_after"]["passthrough"] == "auto"
    (source,) = trace.sources
    t_ns, _ = trace.series("main.current_a").to_numpy()
    t0_ns = int(t_ns[0]) + NS_PER_S // 10
    energy = energy_of_source(trace, source, [t0_ns], [t0_ns + NS_PER_S])
    assert energy.energy_j == pytest.approx([3.0], rel=1e-3)
    assert energy.coverage == pytest.approx([1.0])


def on_usb(model: str, options: str = "", **how: object) -> tuple[Device, object]:
    from edgewatt.virtual_lab.monsoon.usb import backend  # noqa: PLC0415  (needs pyusb)

    made = backend(Constant(0.75), model=model, seed=3, exact=True, queue=5000, **how)  # type: ignore[arg-type]
    return open_meter(parse_uri(f"monsoon:?boundary=usb_inline{options}"), made), made


@pytest.mark.parametrize("model", ["hvpm", "lvpm"])
def test_a_meter_on_usb_measures(model: str) -> None:
    device, _ = on_usb(model, "&channels=main,usb")
    assert device.device_id.startswith(f"monsoon-{model}-")
    answer, items, learnt = measure(device, rows(1000))
    names = [channel.column for channel in answer.channels[""]]
    assert names == ["main.current_a", "main.voltage_v", "usb.current_a", "usb.voltage_v"]
    current = np.concatenate([item.columns["main.current_a"] for item in items if isinstance(item, Batch)])
    assert current.mean() == pytest.approx(0.75, rel=1e-3)
    assert learnt.facts["bad_packets"] == 0


def test_an_hvpm_is_never_told_50_volts() -> None:
    with pytest.raises(UsageError, match=r"expected volts from 0 to 20"):
        on_usb("hvpm", "&voltage=50")
    with pytest.raises(UsageError, match=r"an HVPM gives 0 \(off\) or 0.8 to 13.5 V"):
        on_usb("hvpm", "&voltage=14")


def test_a_wrong_dac_calibration_is_refused() -> None:
    with pytest.raises(DeviceError, match="DAC calibration of this meter is off"):
        on_usb("hvpm", "&voltage=4.1", faults=["dac=1.5"])


def test_a_voltage_is_set_and_measured_over_usb() -> None:
    device, _ = on_usb("hvpm", "&voltage=4.4")
    device.close()
    assert device.facts["output_v"] == pytest.approx(4.4)
    assert device.facts["measured_v"] == pytest.approx(4.4, abs=0.05)


def test_without_permission_the_rule_is_in_the_message() -> None:
    with pytest.raises(DeviceError, match=r"60-monsoon\.rules"):
        on_usb("hvpm", faults=["denied=1"])


def test_the_aux_channel_of_an_lvpm_over_usb_is_given_with_its_unit_said_to_be_assumed() -> None:
    device, _ = on_usb("lvpm", "&channel=aux")
    answer, _, _ = measure(device, rows(100))
    (channel,) = answer.channels[""]
    assert channel.column == "aux.current_a"
    assert channel.source.endswith("(the unit of its scale, ampere, is assumed)")
    assert answer.sources == ()
