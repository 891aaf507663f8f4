"""The table of reason codes holds every code that the tree emits, and is what docs and terminal say."""

from pathlib import Path

import pytest

from edgewatt.profiler.analysis.repeats import VOID_REASONS
from edgewatt.profiler.quality.reason import GOOD, MARKED, VOID
from edgewatt.profiler.quality.table import REASONS, ROOMS, code_of, in_words, quality_of, reason_of, refuses_energy
from edgewatt.reports.quality_page import page
from tests.reason_codes import ROOT, codes, codes_in, files

# The least that reading the tree finds: fewer, and the reader no longer sees where reasons go.
SEEN_AT_LEAST = 60


def test_every_code_that_is_emitted_is_in_the_table() -> None:
    found = codes()
    assert len(found) >= SEEN_AT_LEAST
    assert {code: places for code, places in found.items() if code not in REASONS} == {}


def test_every_code_of_the_table_stands_somewhere() -> None:
    source = "\n".join(path.read_text() for path in files())
    assert [code for code in REASONS if f'"{code}' not in source] == []


PLANTED = """
from edgewatt.profiler.running.thermal import REASON
A, B = "first_code", "second_code"
def run(self):
    self.reasons.append(f"{A}: {self.why}")
    reasons = [*given, *([B] if late else [])]
    return Facts(reasons=("third_code", REASON) if bad else ())
def _remarks(x):
    return [f"fourth_code:{x}"]
"""


def test_reading_finds_what_is_planted(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(PLANTED)
    assert set(codes_in(module)) == {"first_code", "second_code", "third_code", "hot", "fourth_code"}


def test_the_table_is_whole() -> None:
    assert len(REASONS) == sum(map(len, ROOMS.values()))
    for reason in REASONS.values():
        assert reason.meaning.endswith("."), reason
        assert reason.advice.endswith("."), reason
        assert "|" not in reason.meaning + reason.advice, reason
    assert {code for code, reason in REASONS.items() if reason.weight == VOID} == {*VOID_REASONS, "all_void"}


def test_the_page_is_that_of_the_table() -> None:
    assert (ROOT / "docs" / "quality.md").read_text() == page(), (
        "python -m edgewatt.reports.quality_page > docs/quality.md"
    )


@pytest.mark.parametrize(
    ("reasons", "quality"),
    [
        ([], GOOD),
        (["no_energy_source:rapl: permission denied", "wall_clock_stepped:2"], GOOD),
        (["results:gaps"], MARKED),
        (["hot", "suspended"], VOID),
        (["a_code_of_next_year:5"], MARKED),
    ],
)
def test_what_reasons_come_to(reasons: list[str], quality: str) -> None:
    assert quality_of(reasons) == quality


def test_a_reason_in_words() -> None:
    assert code_of("results:meter_values_unreadable:tegrastats:3") == "meter_values_unreadable"
    assert code_of("not_synchronised: the phone is away") == "not_synchronised"
    assert in_words("results:not_set:wakelock").startswith("not_set:wakelock: A condition that a run sets by default")
    assert in_words("hot").endswith("slows down sooner.")
    assert "Let the device cool" not in in_words("hot", advice=False)
    assert refuses_energy("no_sync_peak: 0.1 of 1")
    assert not refuses_energy("sync_drift_unknown: no_sync_peak: 0.1 of 1")


def test_an_unknown_code_is_kept_and_said_to_be_unknown() -> None:
    assert reason_of("of_tomorrow:x").code == "of_tomorrow"
    assert in_words("of_tomorrow:x") == "of_tomorrow:x (a code that this edgewatt does not know)"
