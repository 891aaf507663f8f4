"""A minute at 5 kHz, live, beside a program that computes: nothing is lost by us, and memory stays flat."""

from pathlib import Path

import pytest

from tests.live_monsoon import CURRENT_A, computing, count, lab, record, uri_of

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

SECONDS = 60
# What a terminal's delays leave of the slots that passed by the host's clock; sixteen frames lost unseen are 112.
JITTER_SLOTS = 50
FLAT_B = 16 << 20


def test_a_minute_of_a_serial_meter_is_whole(tmp_path: Path) -> None:
    with lab("--current", str(CURRENT_A)) as said, computing():
        used = record(uri_of(said), tmp_path / "run", SECONDS, 2.0)
        found = count(tmp_path / "run", Path(said["log"]))
    assert (found.gaps, found.lost) == (0, 0)
    assert found.rows == found.of_ours >= SECONDS * 5000
    assert found.by_meter == pytest.approx(found.of_ours, abs=JITTER_SLOTS)
    assert 0 < found.began_s < 0.5
    assert used.grown_b < FLAT_B


def test_what_a_usb_meter_drops_itself_is_counted(tmp_path: Path) -> None:
    with lab("--model", "hvpm", "--current", str(CURRENT_A)) as said:
        record(uri_of(said), tmp_path / "run", 10, 1.0)
        found = count(tmp_path / "run", Path(said["log"]))
    assert found.rows + found.lost == found.of_ours
    assert found.by_meter == pytest.approx(found.of_ours, abs=JITTER_SLOTS)
