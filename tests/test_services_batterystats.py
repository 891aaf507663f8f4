"""The charge log in the histories of a battery: golden texts in both forms, and any bytes."""

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.android.services.batterystats import (
    COMMAND,
    LOCAL_CLOCK,
    Charge,
    charge_log,
    parse_batterystats,
)
from edgewatt.profiler.calibration.tables import TABLES
from edgewatt.profiler.errors import DeviceError
from tests.answering_phone import phone_saying
from tests.test_services_any_text import damaged

T0_S = 1_790_000_000.0
# On battery; an hour on USB from 50 to 60 %; on battery; on a wireless pad until it is asked.
CHECKIN = """\
9,0,i,vers,36,215,AAAA.260101.001,AAAA.260101.001
9,hsp,0,10234,"org.example.game"
9,hsp,1,0,"a name of two lines
9,h,5:RESET:TIME:1
9,h,5,Bp=a
"
9,hsp,2,1000,"*alarm*"
9,h,0:RESET:TIME:1790000000000
9,h,0,Bl=52,Bs=d,Bh=g,Bp=n,Bt=251,Bv=3800,Bcc=2080,Mrc=0,Wrc=0,+r,+w,+BP,Pcn=lte,+W
9,h,600000,Bl=50,Bcc=2000,+S
9,h,60000,Bs=c,Bp=u,Bv=4000,+BP,+Est=0
9,h,1800000,Bl=55,Bcc=2200,Bv=4000,-S,wr=1
9,h,1800000,Bl=60,Bcc=2400,Bv=4100
9,h,0,Bs=d,Bp=n,Bv=4000,-BP
9,h,7200000,Bl=40,Bcc=1600,Bv=3700
9,h,0,Bp=w,Bs=c
9,h,60000,Bl=41,Bcc=1640,+S
9,h,60000,-w
9,0,l,bt,0,1000,2000
9,0,l,lv,52,40
"""
TEXT = """\
Battery History (2% used, 5536 used of 256KB, 15 strings using 794):
                    0 (15) RESET:TIME: 2026-09-21-16-13-20
                    0 (1) 052 status=discharging health=good plug=none temp=251 volt=3800 charge=2080 +running +wifi
               +10m0s000ms (2) 050 charge=2000 +screen
              +11m00s000ms (2) 050 status=charging plug=usb volt=4000 +plugged top=u0a1:"x plug=none -screen"
              +41m00s000ms (2) 055 charge=2200 -screen
           +1h11m00s000ms (2) 060 c0000000 charge=2400 volt=4100
           +1h11m00s000ms (3) 060 status=discharging plug=none -plugged
                 Details: cpu=1000u+500s (u0a1=1u+1s)
Per-PID Stats:
"""


def approx(charge: Charge, **values: float | str | None) -> None:
    for name, value in values.items():
        found = getattr(charge, name)
        assert found == (pytest.approx(value) if isinstance(value, float) else value), name


def test_every_stay_on_a_plug_is_a_charge() -> None:
    log = parse_batterystats(CHECKIN.encode())
    usb, pad = log.charges
    # 400 mAh: 200 at 4.0 V, and 200 from 4.0 to 4.1 V
    approx(
        usb,
        t0_s=T0_S + 660,
        t1_s=T0_S + 4260,
        duration_s=3600.0,
        level_from_ratio=0.5,
        level_to_ratio=0.6,
        plug="usb",
        energy_in_j=0.2 * 3600 * (4.0 + 4.05),
        energy_how="charge counter",
        screen_on_s=1800.0,
        reasons=(),
    )
    approx(
        pad,
        t0_s=T0_S + 11_460,
        t1_s=T0_S + 11_580,
        plug="wireless",
        energy_in_j=40 * 3.6 * 3.7,
        screen_on_s=60.0,
        reasons=("it was still plugged in when asked",),
    )
    assert (log.t0_s, log.t1_s, log.reasons) == (T0_S, T0_S + 11_580, ())
    for row in log.rows("phone", basis="measured", source="x"):
        assert list(row) == TABLES["charge"].names


def test_the_text_says_the_same_in_local_time() -> None:
    (local,) = parse_batterystats(TEXT.encode()).charges
    assert (local.t0_s, local.reasons) == (None, (LOCAL_CLOCK,))
    (charge,) = parse_batterystats(TEXT.encode(), zone_s=7200.0).charges
    (usb, _) = parse_batterystats(CHECKIN.encode()).charges
    approx(charge, t0_s=T0_S + 660, t1_s=T0_S + 4260, plug="usb", level_to_ratio=0.6, screen_on_s=1800.0)
    assert charge.energy_in_j == usb.energy_in_j
    assert parse_batterystats(TEXT.encode()).rows("phone", basis="measured", source="x") == []


def test_a_clock_that_is_set_later_was_wrong_before() -> None:
    text = CHECKIN.replace("9,h,60000,-w", "9,h,60000:TIME:1800000000000")
    usb, _ = parse_batterystats(text.encode()).charges
    assert usb.t0_s == pytest.approx(1_800_000_000 - 11_580 + 660)


def test_a_restart_cuts_a_charge_in_two() -> None:
    text = """\
9,h,0:RESET:TIME:1790000000000
9,h,0,Bl=20,Bp=a,Bv=3700,Bcc=800,+S
9,h,100000,Bl=21,Bcc=840
9,h,1000:SHUTDOWN
9,h,5:START
9,h,0:TIME:1790000900000
9,h,1000,Bl=30,Bp=a,Bv=3700,Bcc=1200
9,h,100000,Bl=31,Bcc=1240
9,h,0,Bp=n
"""
    before, after = parse_batterystats(text.encode()).charges
    approx(before, t0_s=T0_S, screen_on_s=101.0, energy_in_j=40 * 3.6 * 3.7)
    assert before.reasons == ("it was plugged in before the log begins", "the phone was switched off")
    approx(after, t0_s=T0_S + 901, t1_s=T0_S + 1001, screen_on_s=0.0, level_from_ratio=0.3)
    lost = text.replace("9,h,1000:SHUTDOWN\n9,h,5:START\n9,h,0:TIME:1790000900000", "9,h,1000:*OVERFLOW*")
    assert "the phone lost part of its history" in parse_batterystats(lost.encode()).charges[0].reasons
    no_time = text.replace("9,h,0:TIME:1790000900000\n", "")
    cut = parse_batterystats(no_time.encode()).charges[1]
    assert (cut.t0_s, cut.reasons[-1]) == (None, "the log gives no time of day for it")


def test_changing_the_plug_is_another_charge() -> None:
    text = CHECKIN.replace("9,h,1800000,Bl=55,", "9,h,1800000,Bl=55,Bp=a,")
    assert [charge.plug for charge in parse_batterystats(text.encode()).charges] == ["usb", "ac", "wireless"]
    odd = parse_batterystats(CHECKIN.replace("Bp=u", "Bp=8").replace("Bp=w", "Bp=x").encode()).charges
    assert [charge.plug for charge in odd] == ["dock", "unknown"]
    assert "no plug that Android documents" in odd[1].reasons[0] + odd[1].reasons[1]


def test_energy_is_null_with_a_reason_where_nothing_tells_it() -> None:
    silent = re.sub(r",Bcc=[0-9]+", "", CHECKIN)
    usb = parse_batterystats(silent.encode()).charges[0]
    assert (usb.energy_in_j, usb.energy_how) == (None, None)
    assert "counts no charge" in usb.reasons[-1]
    by_level = parse_batterystats(silent.encode(), capacity_coulomb=14_400.0).charges[0]
    approx(by_level, energy_how="level")
    assert by_level.energy_in_j == pytest.approx(0.1 * 14_400 * 4.0, rel=0.02)
    stuck = parse_batterystats(re.sub(r"Bcc=[0-9]+", "Bcc=2000", CHECKIN).encode()).charges[0]
    assert "counts no charge" in stuck.reasons[-1]
    dark = parse_batterystats(re.sub(r",Bv=[0-9]+", "", CHECKIN).encode()).charges[0]
    assert "no voltage" in dark.reasons[-1]
    with pytest.raises(DeviceError, match="4000 mAh are 14400 C"):
        parse_batterystats(b"", capacity_coulomb=-1.0)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no battery history"),
        ("9,0,l,bt,0,1000", "no battery history"),
        ("09-21 16:13:20.000 052 status=discharging plug=none", "dates without a year"),
        ("9,h,0:RESET:TIME:1790000000000\n9,h,0,Bl=52,Bp=n", "not plugged in"),
        ("9,h,999999999999999,Bl=5", "lasts for years"),
    ],
)
def test_why_there_is_no_charge(text: str, reason: str) -> None:
    log = parse_batterystats(text.encode())
    assert log.charges == ()
    assert reason in " ".join(log.reasons)


def test_a_phone_is_asked_without_clearing_anything() -> None:
    phone, asked = phone_saying({COMMAND: CHECKIN.encode()})
    assert len(charge_log(phone).charges) == 2
    assert asked == ["dumpsys batterystats -c"]
    none, _ = phone_saying({})
    assert charge_log(none).reasons == ("dumpsys batterystats -c: this phone has no such service",)


def holds(raw: bytes) -> None:
    log = parse_batterystats(raw, zone_s=3600.0, capacity_coulomb=14_400.0)
    assert log.charges or log.reasons
    assert all(reason and len(reason) < 400 for reason in log.reasons)
    for charge in log.charges:
        assert charge.duration_s >= charge.screen_on_s >= 0
        assert (charge.t0_s is None) == (charge.t1_s is None)
        assert (charge.energy_in_j is None) == (charge.energy_how is None)
        assert charge.energy_in_j is None or math.isfinite(charge.energy_in_j)
        assert charge.energy_in_j is not None or charge.reasons


@settings(max_examples=25)
@given(text=damaged(CHECKIN) | damaged(TEXT))
def test_any_damage_gives_charges_or_a_reason(text: str) -> None:
    holds(text.encode(errors="replace"))


@settings(max_examples=25)
@given(raw=st.binary(max_size=300))
def test_any_bytes_give_charges_or_a_reason(raw: bytes) -> None:
    holds(raw)


@pytest.mark.parametrize("piece", ["9,h,1,Bp=u,Bp=n,", "9,h,1,Bp=u\n9,h,1,Bp=n\n", "+1d", '"', "0 (1) 052 plug=usb\n"])
def test_no_pattern_is_slow_on_much_of_the_same(piece: str) -> None:
    holds((piece * (20_000 // len(piece))).encode())
