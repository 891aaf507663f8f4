"""Numbers as people read them, the same in every report."""

import pytest

from edgewatt.profiler.units import format_duration, format_interval, format_si
from edgewatt.reports.budget import degrees, per_cent


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.0124, "s", "12.4 ms"),
        (1234.0, "s", "1234 s"),
        (-1795643654.95, "s", "-1,795,643,655 s"),
        (1.8e9, "Hz", "1.80 GHz"),
        (0.99996, "J", "1.00 J"),
        (9.9996, "W", "10.0 W"),
        (0.0, "s", "0.00 s"),
        (float("inf"), "s", "inf s"),
    ],
)
def test_a_prefix_suits_the_rounded_value_and_seconds_have_none_above_one(value: float, unit: str, said: str) -> None:
    assert format_si(value, unit) == said


def test_a_long_duration_is_said_in_plain_words_too() -> None:
    assert format_duration(0.0031) == "3.10 ms"
    assert format_duration(3599.0) == "3599 s"
    assert format_duration(5018.7) == "5019 s (1.39 hours)"
    assert format_duration(7 * 86400.0) == "604,800 s (7.00 days)"
    assert format_duration(1795643655.0) == "1,795,643,655 s (56.9 years)"


def test_an_interval_is_in_the_unit_of_its_value() -> None:
    assert format_interval(0.006, -0.043, 0.055, "s") == ("6.00 ms", "[-43.0, 55.0]")
    assert format_interval(5018.7, 4900.0, 12345.0, "s") == ("5019 s", "[4900, 12,345]")


def test_a_share_that_is_no_zero_is_not_shown_as_one() -> None:
    assert [per_cent(share) for share in (1.0, 0.9731, 0.0006, 0.0004, 1.2e-9, 0.0)] == [
        "100.0", "97.3", "0.1", "< 0.1", "< 0.1", "0.0",
    ]  # fmt: skip


def test_degrees_of_freedom_are_one_or_several_as_they_are_shown() -> None:
    assert degrees(1.0) == degrees(1.0027) == "1 degree of freedom"
    assert degrees(1.5) == "1.5 degrees of freedom"
    assert degrees(None) == "known, not estimated"
