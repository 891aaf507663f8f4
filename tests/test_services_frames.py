"""Frame rates out of SurfaceFlinger and gfxinfo; names of layers that are hostile; any bytes."""

import math
import shlex

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.android.services.frames import (
    PENDING,
    Frames,
    frame_rate,
    parse_framestats,
    parse_latency,
)
from edgewatt.collectors.android.services.surfaceflinger import LIST, TOP, FrameWatch, foreground, layers
from edgewatt.profiler.errors import UsageError
from tests.answering_phone import phone_saying
from tests.test_services_any_text import damaged

PERIOD = 16_666_667
GAME = "org.example.game"
LAYER = f"SurfaceView[{GAME}/{GAME}.Main](BLAST)#412"
LAYERS = f"""\
Display 0 name="Built-in Screen"#2
RequestedLayerState{{ActivityRecord{{6ae2b6d u0 {GAME}/.Main t31}}#405 parentId=12 z=0}}
RequestedLayerState{{{GAME}/{GAME}.Main#410 parentId=405 layerStack=0}}
RequestedLayerState{{Background for SurfaceView[{GAME}/{GAME}.Main]#411 parentId=410 z=-3}}
RequestedLayerState{{{LAYER} parentId=410 relativeParentId=410 z=-2}}
RequestedLayerState{{org.example.other/.Main#500 parentId=1}}
{GAME}/'$(reboot)'; reboot #7
StatusBar#90
"""


def latency(*shown: int, period: int = PERIOD, pending: int = 0, empty: int = 3) -> bytes:
    rows = [(0, 0, 0)] * empty + [(at - PERIOD, at, at - 5_000_000) for at in shown]
    rows += [(shown[-1] if shown else 1, PENDING, PENDING)] * pending
    return (f"{period}\n" + "".join("{}\t{}\t{}\n".format(*row) for row in rows) + "\n").encode()


def steady(frames: int, every: int = PERIOD, begin: int = 10**12) -> list[int]:
    return [begin + every * at for at in range(frames)]


def seen(raw: bytes) -> Frames:
    found = parse_latency(raw)
    assert isinstance(found, Frames), found
    return found


def test_times_are_those_at_which_frames_were_shown() -> None:
    found = seen(latency(*steady(5), pending=2))
    assert found == Frames(tuple(steady(5)), PERIOD)
    rate = frame_rate([found])
    assert rate.rate_hz == pytest.approx(60, rel=1e-6)
    assert rate.refresh_hz == pytest.approx(60, rel=1e-6)
    assert (rate.frames_n, rate.janks_n, rate.pauses_n, rate.janks_ratio) == (5, 0, 0, 0.0)


def test_a_late_frame_is_a_jank_and_a_rest_is_a_pause() -> None:
    times = steady(60)
    late = times[:20] + [at + PERIOD for at in times[20:40]] + [at + 2 * 10**9 for at in times[40:]]
    rate = frame_rate([Frames(tuple(late), PERIOD)])
    assert (rate.janks_n, rate.pauses_n) == (1, 1)
    assert rate.janks_ratio == pytest.approx(1 / 58)
    half = frame_rate([Frames(tuple(steady(60, 2 * PERIOD)), PERIOD)])
    assert (half.janks_n, half.rate_hz) == (0, pytest.approx(30, rel=1e-6))


def test_answers_that_overlap_are_counted_once() -> None:
    times = steady(300)
    answers = [Frames(tuple(times[at : at + 127]), PERIOD) for at in (0, 60, 120, 173)]
    rate = frame_rate(answers)
    assert (rate.frames_n, rate.is_whole) == (300, True)
    lost = frame_rate([answers[0], answers[3]])
    assert (lost.frames_n, lost.is_whole) == (254, False)
    assert frame_rate(answers, since_ns=times[126]).frames_n == 173
    assert not frame_rate([answers[3]], since_ns=times[126]).is_whole
    none = frame_rate([])
    assert (none.frames_n, none.rate_hz, none.janks_ratio) == (0, None, None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "no refresh period"),
        (b"Can't find layer", "no refresh period"),
        (latency(), "no frame of that layer"),
        (latency(period=16), "no frame of that layer"),
        (f"{PERIOD}\n0\t{PENDING}\t0\n".encode(), "no frame of that layer"),
    ],
)
def test_why_there_are_no_frames(raw: bytes, reason: str) -> None:
    assert reason in str(parse_latency(raw))


def test_a_period_that_no_screen_has_is_not_told() -> None:
    assert seen(latency(1, 2, period=5)).period_ns is None


FRAMESTATS = """\
Applications Graphics Acceleration Info:
Total frames rendered: 3
---PROFILEDATA---
Flags,IntendedVsync,FrameInterval,DrawStart,FrameCompleted,
0,1000000000,16666667,1001000000,1010000000,
1,1016666667,16666667,1017000000,1500000000,
0,1033333334,16666667,1034000000,1043333334,
0,1050000001,16666667,1051000000,9223372036854775807,
---PROFILEDATA---
---PROFILEDATA---
Flags,IntendedVsync,FrameCompleted,
0,1,2,
---PROFILEDATA---
"""


def test_framestats_are_read_by_their_header() -> None:
    assert parse_framestats(FRAMESTATS.encode()) == Frames((1_010_000_000, 1_043_333_334), 16_666_667)
    assert "no frames of a window" in str(parse_framestats(b"No process found for: org.example.game\n"))


def test_layers_that_may_show_frames_the_likely_first() -> None:
    assert layers(LAYERS, GAME) == [LAYER, f"{GAME}/{GAME}.Main#410", f"{GAME}/'$(reboot)'; reboot #7"]


def test_the_layer_that_is_drawn_is_watched_and_every_name_is_quoted() -> None:
    command = f"dumpsys SurfaceFlinger --latency {shlex.quote(LAYER)}"
    times = steady(200)
    answers = [latency(*times[at : at + 100]) for at in (0, 50, 100)]
    old = f"dumpsys SurfaceFlinger --latency {shlex.quote(f'{GAME}/{GAME}.Main#410')}"
    phone, asked = phone_saying({LIST: LAYERS.encode(), command: answers, old: latency(5, 6, 7)})
    watch = FrameWatch(phone, GAME)
    assert [watch.look() for _ in range(3)] == [True] * 3
    assert watch.source == command
    rate = watch.found()
    assert (rate.frames_n, rate.is_whole) == (100, True)
    assert rate.rate_hz == pytest.approx(60, rel=1e-6)
    assert asked.count(LIST) == 1
    hostile = shlex.split(asked[3])
    assert hostile == ["dumpsys", "SurfaceFlinger", "--latency", f"{GAME}/'$(reboot)'; reboot #7"]


def test_a_stretch_is_watched_twice_a_second() -> None:
    command = f"dumpsys SurfaceFlinger --latency {shlex.quote(LAYER)}"
    times = steady(400)
    phone, asked = phone_saying(
        {LIST: f"{LAYER}\n".encode(), command: [latency(*times[30 * k :][:100]) for k in range(9)]}
    )
    now_s = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds

    phone.monotonic_s, phone.sleep = (lambda: now_s), sleep
    rate = FrameWatch(phone, GAME).watch(2.2)
    assert (now_s, asked.count(command)) == (pytest.approx(2.2), 6)
    assert (rate.frames_n, rate.is_whole) == (150, True)


def test_gfxinfo_where_the_layers_tell_nothing() -> None:
    gfxinfo = f"dumpsys gfxinfo {GAME} framestats"
    phone, _ = phone_saying({LIST: LAYERS.encode(), gfxinfo: FRAMESTATS.encode()})
    watch = FrameWatch(phone, GAME)
    assert watch.look()
    assert watch.source == gfxinfo
    silent = FrameWatch(phone_saying({})[0], GAME)
    assert not silent.look()
    assert silent.reasons == (f"dumpsys gfxinfo {GAME}: this phone has no such service",)
    assert silent.found().rate_hz is None


@pytest.mark.parametrize(
    "package", ["", "game", "org.example;reboot", "-x.y", "org..x", "a" * 300, "org.ex ample", "ö.a"]
)
def test_what_is_no_package_is_refused(package: str) -> None:
    with pytest.raises(UsageError, match="no name of an Android package"):
        FrameWatch(phone_saying({})[0], package)


def test_what_the_screen_shows() -> None:
    line = b"  topResumedActivity=ActivityRecord{12ab u0 org.example.game/.Main t31}\n"
    assert foreground(phone_saying({TOP: line})[0]) == GAME
    assert foreground(phone_saying({TOP: b"  topResumedActivity=null\n"})[0]) is None
    assert foreground(phone_saying({})[0]) is None


def holds(raw: bytes) -> None:
    for found in (parse_latency(raw), parse_framestats(raw)):
        if isinstance(found, str):
            assert found.isprintable()
            assert len(found) < 300
            continue
        assert list(found.shown_ns) == sorted(set(found.shown_ns))
        rate = frame_rate([found, found])
        assert rate.frames_n == len(found.shown_ns)
        assert rate.rate_hz is None or math.isfinite(rate.rate_hz)
        assert 0 <= rate.janks_n <= rate.frames_n
    assert all(GAME in name and name.isprintable() for name in layers(raw.decode(errors="replace"), GAME))


@settings(max_examples=20)
@given(text=damaged(latency(*steady(12)).decode()) | damaged(FRAMESTATS) | damaged(LAYERS))
def test_any_damage_gives_frames_or_a_reason(text: str) -> None:
    holds(text.encode(errors="replace"))


@settings(max_examples=20)
@given(raw=st.binary(max_size=300))
def test_any_bytes_give_frames_or_a_reason(raw: bytes) -> None:
    holds(raw)


@pytest.mark.parametrize("piece", ["1 ", "1\n", "0 1 0\n", "RequestedLayerState{", f"{GAME}#1 ", "---PROFILEDATA---\n"])
def test_no_pattern_is_slow_on_much_of_the_same(piece: str) -> None:
    holds((piece * (20_000 // len(piece))).encode())
