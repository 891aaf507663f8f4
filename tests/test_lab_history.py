"""What the virtual phone's services remember: its charging in batterystats, its frames in SurfaceFlinger."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from edgewatt.virtual_lab.phone.anatomy import SCREEN
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.gauge import Seen
from edgewatt.virtual_lab.phone.history import checkin, history, latency
from edgewatt.virtual_lab.phone.layers import layers
from edgewatt.virtual_lab.phone.personalities import personality

S = 1_000_000_000
ORIGIN = 1000 * S
NOW = ORIGIN + 300 * S


def seen(*, charging: bool = False, level: float = 0.72) -> Seen:
    """What the gauge holds."""
    return Seen(3.9, 0.2, 1, level, 25.5, charging)


@pytest.fixture
def body() -> Body:
    """A phone with its screen off."""
    return Body(replace(personality("pixel"), clock_offset_s=1000.0), ORIGIN)


def test_the_history_of_a_charge(body: Body) -> None:
    rows = [line.split(",") for line in checkin(body, seen(), NOW).splitlines()]
    assert rows[0][:4] == ["9", "0", "i", "vers"]
    assert re.fullmatch(r"0:RESET:TIME:[0-9]{13}", rows[1][2])
    deltas_s = [int(row[2]) / 1000 for row in rows[2:]]
    said = [dict(word.split("=") for word in row[3:]) for row in rows[2:]]
    assert sum(deltas_s) == 5 * 3600
    plugs = [one["Bp"] for one in said if "Bp" in one]
    assert plugs == ["n", "a", "n"]
    assert [int(one["Bl"]) for one in said if "Bl" in one] == [36, 35, 55, 75, 91, 82, 73, 72]


def test_a_phone_that_is_charged_now(body: Body) -> None:
    last = checkin(body, seen(charging=True, level=0.74), NOW).splitlines()[-1]
    assert "Bs=c" in last
    assert "Bp=u" in last
    assert "Bl=74" in last


def test_the_same_for_people(body: Body) -> None:
    lines = history(body, seen(), NOW).splitlines()
    assert lines[0].startswith("Battery History (")
    assert lines[1].split()[:2] == ["0", "(2)"]
    assert "+1h06m40s000ms (2) 055 status=charging health=good plug=ac temp=331" in lines[3]


def test_no_frames_while_the_screen_is_off(body: Body) -> None:
    period, *rows = latency(body, NOW).splitlines()
    assert period == "16666667"
    assert set(rows) == {"0\t0\t0"}


def test_frames_and_what_came_late(body: Body) -> None:
    body.change("load", SCREEN, ORIGIN + S, 1.0)
    period, *rows = latency(body, NOW).splitlines()
    frames = [tuple(map(int, row.split("\t"))) for row in rows]
    assert len(frames) == 127
    shown = [actual for _, actual, _ in frames]
    assert {round((later - earlier) / int(period)) for earlier, later in pairwise(shown)} == {1, 2}
    assert all(wanted < ready < actual for wanted, actual, ready in frames)
    assert body.monotonic_ns(NOW) - shown[-1] < S
    assert "SurfaceView[" in layers()
