"""A number beside a paper's: its mean and interval over seeds, of ratios by their logarithms."""

import math

import pytest

from edgewatt.models.headline import Headline


def row(*values: float, geometric: bool) -> dict[str, float | None]:
    made = Headline(name="n", unit="ratio", better="higher", basis="b", gap="", values=values, geometric=geometric)
    assert made.ours == made.as_json()["ours"]
    return {key: made.as_json()[key] for key in ("ours", "ci_low", "ci_high")}


def test_ratios_have_the_mean_and_interval_of_their_logarithms() -> None:
    found = row(2.0, 8.0, geometric=True)
    assert found["ours"] == pytest.approx(4.0)
    # Student's t of one degree of freedom is 12.706; the logarithms' mean has an error of log(4) / 2.
    assert found["ci_high"] == pytest.approx(4.0 * math.exp(12.7062 * math.log(4) / 2), rel=1e-4)
    assert found["ci_low"] == pytest.approx(16.0 / (found["ci_high"] or 0.0))
    inverse = row(0.5, 0.125, geometric=True)
    assert inverse["ours"] == pytest.approx(0.25)
    assert row(2.0, 8.0, geometric=False)["ours"] == 5.0


def test_without_values_or_with_one_there_is_no_interval() -> None:
    assert row(geometric=True) == {"ours": None, "ci_low": None, "ci_high": None}
    assert row(3.0, geometric=True) == {"ours": pytest.approx(3.0), "ci_low": None, "ci_high": None}
