"""What is seen as text: SIMULATED first, absent as a dash, and hostile names as text."""

import json

import numpy as np
import pytest

from edgewatt.profiler.units import Quantity
from edgewatt.profiler.watching.view import View
from edgewatt.reports.escape import display_width
from edgewatt.reports.live.as_json import PAGE_BINS, STEP_BINS, curves, page_json, view_json
from edgewatt.reports.live.latest import WHOLE_VIEWS, Latest
from edgewatt.reports.live.panel import panel
from edgewatt.reports.live.sparkline import sparkline
from edgewatt.reports.live.text_line import text_lines
from edgewatt.reports.live.wording import clock_text, first_look, lost_text, state_text, value_text
from tests.sample_runs import HOSTILE
from tests.watching_views import device_view, line, view_of


def bars(*values: float, high: tuple[float, ...] | None = None, width: int = 8) -> str:
    series = np.array(values)
    return sparkline(series, series, series if high is None else np.array(high), width)


def test_a_sparkline() -> None:
    assert bars(0, 1, 2, 3, 4, 5, 6, 7) == "▁▂▃▄▅▆▇█"
    assert bars(1.0, np.nan, 2.0) == "▁·█"
    assert bars(5.0, 5.0) == "▄▄"
    assert bars(np.nan, np.nan) == "··"
    assert bars(1.0, 1.0, 1.1, high=(1.0, 9.0, 1.1)) == "▁█▁"
    assert bars(1, 2, 3, width=2) == "▁█"
    assert bars(1, 2, 3, width=0) == ""
    assert bars(-1e300, 1e300) == "▁█"


def test_a_line_of_text() -> None:
    assert text_lines(view_of())[0].split("  ")[1:] == [
        *("virtual phone", "2.50 W (battery_bypass)", "38.2 °C", "10.0 samples/s", "lost 3 in 1 gap"),
        "clock +200 µs off, within 4.7 ms",
    ]
    assert text_lines(view_of())[0].startswith("SIMULATED ")
    real = device_view("a phone", simulated=False, lines=(), clocks=())
    assert "SIMULATED" not in text_lines(view_of(real))[0]
    assert "energy not measured" in text_lines(view_of(real))[0]


@pytest.mark.parametrize(
    ("device", "says"),
    [
        (device_view(state="waiting", why="the cable was pulled", retry_s=3.2), "LOST, tries again in 4 s: the cable"),
        (device_view(state="silent", why="cut"), "NO SAMPLES: cut"),
        (device_view(state="ended", why="end of the recording"), "ended: end of the recording"),
        (device_view(), "connected 12 s"),
    ],
)
def test_states(device: object, says: str) -> None:
    assert state_text(device).startswith(says)  # type: ignore[arg-type]
    assert says in " ".join("".join(piece.text for piece in row) for row in panel(device, 200, everything=False))  # type: ignore[arg-type]


def test_absent_is_a_dash_and_unknown_is_said() -> None:
    assert value_text(line(value=None)) == "—"
    assert value_text(line("wifi", -60.0, Quantity.RSSI)) == "-60 dBm"
    assert value_text(line("used", 2e9, Quantity.MEMORY)) == "2.00 GB"
    stream = device_view().streams[0]
    unknown = device_view(streams=(type(stream)("s", 1, None, 0, True, 1, "cut", 0, 1.0),))
    assert lost_text(unknown) == "lost at least 0 in 1 gap"
    assert clock_text(()) == ""


def test_a_first_look_has_sources_first_and_no_limits() -> None:
    lines = (
        line("cpu_max", 3e9, Quantity.FREQUENCY),
        line("wifi", 5e9, Quantity.FREQUENCY),
        line("cpu0", 1e9, Quantity.FREQUENCY),
        line("cpu0", 1.0, Quantity.LOAD),
        line("cpu", 0.5, Quantity.LOAD),
        line("rail", boundary="rail"),
        line("phone/battery", boundary="gauge"),
    )
    found = [(of.name, of.quantity) for of in first_look(device_view(lines=lines))]
    assert found[:2] == [("phone/battery", "power_w"), ("rail", "power_w")]
    assert ("cpu", "load_ratio") in found
    assert ("cpu0", "frequency_hz") in found
    assert ("wifi", "frequency_hz") not in found


@pytest.mark.parametrize("width", [20, 60, 79, 120, 300])
@pytest.mark.parametrize("everything", [False, True])
def test_a_panel_is_never_wider_than_the_terminal(width: int, everything: bool) -> None:  # noqa: FBT001
    hostile = device_view(HOSTILE, label=HOSTILE, state="waiting", why=HOSTILE, lines=(line(HOSTILE), line("宽" * 100)))
    rows = panel(hostile, width, everything=everything)
    assert max(display_width("".join(piece.text for piece in row)) for row in rows) <= width
    assert all(piece.text.isprintable() for row in rows for piece in row)
    assert rows[0][0] == ("SIMULATED", "simulated")


def test_hostile_names_stay_text_on_their_line() -> None:
    hostile = device_view(HOSTILE, state="waiting", why=HOSTILE)
    (text,) = text_lines(view_of(hostile))
    assert text.isprintable()
    assert len(text) < 1000


def test_json_is_whole_and_finite() -> None:
    hostile = device_view(HOSTILE, lines=(line(HOSTILE, np.inf), line("x", None, Quantity.LOAD)))
    said = json.loads(json.dumps(view_json(view_of(device_view())), allow_nan=False))
    device = said["devices"][0]
    assert said["simulated"] is True
    assert device["energy"] == [
        {"source": "meter/main", "boundary": "battery_bypass", "power_w": 2.5, "energy_j": 12.5, "covered_s": 5.0}
    ]
    assert device["channels"] == {"skin.temperature_c": 38.25, "cpu.load_ratio": None}
    assert device["streams"]["meter"]["lost"] == 3
    page = json.loads(json.dumps(page_json(view_of(hostile)), allow_nan=False))
    assert page["devices"][0]["name"].startswith("SIMULATED ")
    assert max(len(text) for text in page["devices"][0].values() if isinstance(text, str)) < 400
    assert page["devices"][0]["lines"][0]["mean"][-4:] == [1.0, None, 2.0, 2.5]


def test_curves_keep_extremes_and_gaps_in_few_digits() -> None:
    series = np.array([5.0, 1.0, np.nan, 0.0])
    high = np.array([5.0, 1_234_567_890.0, np.nan, -1e-320])
    assert curves([line(series=series, low=series, high=high)], 3)[0] == {
        "mean": [1.0, None, 0.0],
        "low": [1.0, None, 0.0],
        "high": [1_234_570_000.0, None, pytest.approx(-1e-320)],
    }
    assert curves([], 3) == []


def test_a_reader_is_told_all_where_another_sensor_is_the_hottest() -> None:
    def heat(skin: float, soc: float) -> View:
        of = (("skin", skin), ("soc", soc))
        return view_of(device_view(lines=tuple(line(name, value, Quantity.TEMPERATURE) for name, value in of)))

    latest, told = Latest(), []
    with latest.listening() as old:
        number = old
        for skin in (38.0, 39.0, 20.0, 21.0):
            latest.publish(heat(skin, 30.0))
            number, text = latest.wait(number, 1.0) or (number, b"")
            first = json.loads(text)["devices"][0]["lines"][0]
            told.append((first["name"], len(first["mean"])))
    assert told == [("skin", PAGE_BINS), ("skin", STEP_BINS), ("soc", PAGE_BINS), ("soc", STEP_BINS)]


def test_a_reader_is_told_the_newest_seconds_and_all_once_in_a_while() -> None:
    latest, seconds = Latest(), []
    with latest.listening() as old:
        number = old
        for _ in range(WHOLE_VIEWS + 1):
            latest.publish(view_of())
            number, text = latest.wait(number, 1.0) or (number, b"")
            seconds.append(len(json.loads(text)["devices"][0]["lines"][0]["mean"]))
    assert seconds == [PAGE_BINS, *[STEP_BINS] * (WHOLE_VIEWS - 1), PAGE_BINS]
    latest.publish(view_of(device_view("another", label="another")))
    (_, text) = latest.wait(number, 1.0) or (0, b"")
    assert len(json.loads(text)["devices"][0]["lines"][0]["mean"]) == PAGE_BINS
