"""From bytes to amperes and volts: both wires, their calibrations, and any bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.monsoon.calibration import Scales
from edgewatt.collectors.monsoon.readings import Frames, Span
from edgewatt.collectors.monsoon.serial_samples import SerialSamples
from edgewatt.collectors.monsoon.usb_samples import HVPM, LVPM, SLOT_B, UsbSamples
from tests.monsoon_wire import (
    COARSE_A,
    FINE_A,
    VOLT_COUNTS,
    calibration,
    coarse,
    entry,
    fine,
    packet,
    sample_frame,
    usb_entry,
)

HV_SCALES = Scales.of(0.0365, 6.4)


def calibrated_samples(revision: int = 2) -> SerialSamples:
    samples = SerialSamples(revision=revision)
    samples.take(b"".join(calibration(0)))
    return samples


@pytest.mark.parametrize("ampere", [0.0, 1e-6, 0.02, 0.033, 0.1, 0.75, 2.5, -0.01])
@pytest.mark.parametrize("range_of", [fine, coarse])
def test_a_serial_current_comes_out_within_two_counts(ampere: float, range_of: object) -> None:
    assert callable(range_of)
    raw = range_of(ampere)
    if not -32768 <= raw < 32768:
        pytest.skip("beyond the range")
    samples = SerialSamples()
    samples.take(b"".join(calibration(0)))
    (frames,) = samples.take(sample_frame(2, [entry(raw)] * 7))
    step = FINE_A if range_of is fine else COARSE_A
    assert frames.columns["main.current_a"] == pytest.approx(ampere, abs=2.01 * step + 1e-6 * abs(ampere))
    assert frames.columns["main.voltage_v"] == pytest.approx(4.2, rel=1e-6)
    assert len(frames.columns["main.current_a"]) == 7
    assert not frames.spans


def test_markers_in_the_voltage_are_no_voltage() -> None:
    (frames,) = calibrated_samples().take(sample_frame(0, [entry(0, VOLT_COUNTS | 3)]))
    assert frames.columns["main.voltage_v"] == pytest.approx(4.2, rel=1e-6)


def test_the_first_hardware_revision_counts_half_the_voltage() -> None:
    (frames,) = calibrated_samples(revision=1).take(sample_frame(0, [entry(0)]))
    assert frames.columns["main.voltage_v"] == pytest.approx(2.1, rel=1e-6)


def test_without_calibration_a_current_is_unknown() -> None:
    samples = SerialSamples()
    (frames,) = samples.take(sample_frame(0, [entry(500)] * 2))
    assert frames.spans == [Span(0, 2, announced=False)]
    assert samples.counts.uncalibrated == 2


def test_a_zero_and_reference_that_are_equal_calibrate_nothing() -> None:
    samples = SerialSamples()
    same = [entry(100)] * 2
    samples.take(sample_frame(0, same, 1) + sample_frame(1, same, 2))
    samples.take(sample_frame(2, [entry(500)]))
    assert samples.counts.uncalibrated == 1


def test_calibrations_are_averaged_over_the_last_five() -> None:
    samples = SerialSamples()
    zeros = [10, 20, 30, 40, 50, 60]
    data = b"".join(sample_frame(k, [entry(z), entry(z)], 1) for k, z in enumerate(zeros))
    samples.take(data)
    assert samples.calibration.last[0][:2] == pytest.approx([40, 40])
    assert samples.calibration.readings == [6, 0]


def test_a_calibration_counts_from_the_frame_after_it_wherever_the_bytes_are_cut() -> None:
    frames = [*calibration(0), sample_frame(2, [entry(fine(0.02))] * 3)]
    moved = [sample_frame(3, [entry(300), entry(260)], 1), sample_frame(4, [entry(fine(0.02))] * 3)]
    together, apart = SerialSamples(), SerialSamples()
    whole = [values for f in together.take(b"".join(frames + moved)) for values in measured(f)]
    pieces = [values for frame in frames + moved for f in apart.take(frame) for values in measured(f)]
    assert len(whole) == 6
    assert whole == pytest.approx(pieces)


def measured(frames: Frames) -> list[float]:
    """The main current of the slots that hold a measurement."""
    found: list[float] = frames.columns["main.current_a"][frames.measured()].tolist()
    return found


def test_frames_of_unknown_kind_and_flags_are_counted() -> None:
    samples = SerialSamples()
    samples.take(sample_frame(0, [entry(0)] * 7, 9) + sample_frame(0x11, [entry(0)] * 7))
    flagged = bytearray(sample_frame(2, [entry(0)] * 7))
    flagged[1] |= 0x10
    flagged[-1] = (flagged[-1] + 0x10) & 0xFF
    samples.take(bytes(flagged))
    assert samples.counts.unknown_entries == 7
    assert samples.counts.flagged_frames == 1


def hv(*entries: bytes, sequence: int = 0) -> bytes:
    return packet(sequence, entries)


def test_a_usb_current_is_fine_below_the_threshold_and_coarse_above() -> None:
    samples = UsbSamples(HVPM, HV_SCALES, ("main", "usb"))
    samples.take(hv(usb_entry(1000, 1000, kind=1), usb_entry(33_000, 37_500, kind=3), usb_entry(0, 0, kind=2)))
    (frames,) = samples.take(hv(usb_entry(1000, 20_000), usb_entry(4_200, 64_000), usb_entry(4_200, 63_999)))
    assert not frames.spans
    expected = [19_000 * 0.0365 / 36_500, 3_200 * 6.4 / 32_000, 62_999 * 0.0365 / 36_500]
    assert frames.columns["main.current_a"] == pytest.approx(expected, rel=1e-5)
    assert frames.columns["main.voltage_v"] == pytest.approx([4.2] * 3, rel=1e-6)
    assert frames.columns["usb.voltage_v"] == pytest.approx([5.0] * 3, rel=1e-6)


def test_an_lvpm_over_usb_has_signed_counts_and_half_the_divider() -> None:
    samples = UsbSamples(LVPM, HV_SCALES)
    samples.take(hv(usb_entry(100, 100, kind=1), usb_entry(3300, 3750, kind=3)))
    (frames,) = samples.take(hv(usb_entry(100, 0xFFFF, volt=33_600)))
    assert frames.columns["main.current_a"][0] == pytest.approx(-101 * 0.0365 / 3650, rel=1e-5)
    assert frames.columns["main.voltage_v"][0] == pytest.approx(4.2, rel=1e-6)


def test_what_is_no_measurement_is_a_span() -> None:
    samples = UsbSamples(HVPM, HV_SCALES)
    samples.take(hv(usb_entry(1000, 1000, kind=1), usb_entry(33_000, 37_500, kind=3)))
    (frames,) = samples.take(hv(*(usb_entry(1, 1, kind=k) for k in (0, 1, 3))) + hv(usb_entry(1, 1, kind=2)))
    assert frames.spans == [Span(1, 4, announced=True)]
    assert frames.ends.tolist() == [3, 4]
    assert (samples.counts.calibration, samples.counts.unknown_entries) == (4, 1)


def test_a_packet_of_a_wrong_length_is_counted_and_marks_what_follows() -> None:
    samples = UsbSamples(HVPM, HV_SCALES)
    good = hv(usb_entry(1, 1))
    cut = good[:-1] + bytes([21])
    found = samples.take(good + cut + good)
    assert [frames.damaged for frames in found] == [False, True]
    assert samples.counts.bad_packets == 1


def check(frames: Frames) -> None:
    """Every slot is measured, or in one of the spans, which are in order."""
    assert {len(values) for values in frames.columns.values()} == {int(frames.ends[-1])}
    edges = [edge for span in frames.spans for edge in span[:2]]
    assert edges == sorted(edges)
    assert np.isfinite(measured(frames)).all()


@given(st.binary(max_size=6 * SLOT_B), st.sampled_from([HVPM, LVPM]))
def test_any_slots_are_taken(data: bytes, model: object) -> None:
    samples = UsbSamples(model, HV_SCALES, ("main", "usb", "aux"))  # type: ignore[arg-type]
    for frames in samples.take(data, final=True):
        check(frames)
        entries = np.diff(frames.ends, prepend=0)
        assert ((entries >= 1) & (entries <= 3)).all()


@given(st.binary(max_size=2000))
def test_any_serial_bytes_are_taken(data: bytes) -> None:
    samples = SerialSamples(("main", "usb", "aux"))
    for frames in samples.take(b"".join(calibration(0)) + data, final=True):
        check(frames)
