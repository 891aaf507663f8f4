"""`doctor --profile FILE`: what a profile is, what in it does nothing, and what is wrong with it and was meant."""

import json
from pathlib import Path

import pytest

from edgewatt.device_profiles import loader, schema
from edgewatt.profiler.errors import UsageError
from tests.shell import called
from tests.test_power_profile import NEW, nodes, plain

MINE = """
name = "mine"
kind = "phone"
title = "My phone"
base = "galaxy_s24"
date = "2026-11-26"

[match]
model = ["sm-x1"]
source = "its box"

[facts]
cpu_busy_w = { value = 3.6, source = "measured by me" }
"""


def test_a_profile_is_what_it_says_on_top_of_what_it_is_based_on(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(MINE)
    done = called("doctor", "--profile", tmp_path / "mine.toml")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == (
        "mine: a valid profile of a phone on top of galaxy_s24, samsung_galaxy: My phone"
    )
    assert "note:" not in done.stdout
    found = json.loads(called("doctor", "--profile", tmp_path / "mine.toml", "--json").stdout)
    assert (found["profile"], found["valid"], found["kind"]) == ("mine", True, "phone")
    assert found["has"]["facts"] == len(loader.shipped("galaxy_s24").facts) + 1


def test_what_is_no_error_and_yet_not_what_was_meant_is_a_note(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'name = "m"\nkind = "phone"\ntitle = "M"\n[facts]\nbattery_curent_unit = { value = "mA", source = "me" }\n'
        'zzz = { value = "?", source = "me" }\n'
    )
    said = called("doctor", "--profile", tmp_path / "mine.toml").stdout
    assert "note: facts.battery_curent_unit: nothing reads it; did you mean battery_current_unit?" in said
    assert "note: facts.zzz: nothing reads it; docs/device-profiles.md has the keys" in said
    assert "note: no date for battery_curent_unit, zzz" in said
    assert "note: no [match]" in said


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "value = 3.6",
            "value = 3600",
            "facts.cpu_busy_w: value is 3600, expected a text, true, false, a list, or a number",
        ),
        ("value = 3.6", "value = 3600", "from 0 to 20 W, which no unit of a phone exceeds: is it in mW?"),
        ("cpu_busy_w = { value = 3.6", "screen_v = { value = 3850", "from -60 to 60 V: is it in mV?"),
        ("cpu_busy_w = { value = 3.6", "a_clock_hz = { value = 2803200", "is it in kHz, MHz or GHz?"),
        ("cpu_busy_w = { value = 3.6", "battery_nominal_coulomb = { value = 4000", "is it in mAh?"),
        ("cpu_busy_w = { value = 3.6", "soc_c = { value = 45000", "is it in millidegrees?"),
        ("[facts]", "[fact]", "key 'fact' is unknown"),
        ("[facts]", "[fact]", "did you mean 'facts'?"),
        (
            '"phone"',
            '"phon"',
            "kind is 'phon', expected one of phone, board, gpu, meter, host; for 'phon', did you mean",
        ),
        ("model =", "modle =", "match: key 'modle' is unknown"),
        ("model =", "modle =", "did you mean 'model'?"),
        ('"galaxy_s24"', '"galaxy_s25"', "base is 'galaxy_s25' (did you mean 'galaxy_s24'?), expected one of"),
        ('"2026-11-26"', '"26.11.2026"', "date is '26.11.2026', expected a date such as 2026-11-26"),
    ],
)
def test_what_is_wrong_is_named_and_what_was_meant(old: str, new: str, message: str) -> None:
    assert old in MINE
    with pytest.raises(UsageError) as caught:
        loader.parse(MINE.replace(old, new, 1).encode(), "mine.toml")
    assert message in str(caught.value)


def test_a_name_that_is_nearly_one_is_named() -> None:
    done = called("doctor", "--profile", "pixle_6")
    assert done.returncode == 2
    assert "device profile 'pixle_6' (did you mean pixel_6?): neither a .toml file nor one of" in done.stderr


def test_a_meter_s_profile_is_checked_as_one() -> None:
    done = called("doctor", "--profile", loader.FOLDER / "meters" / "watts_up_pro.toml")
    assert (done.returncode, done.stdout.splitlines()[1]) == (0, "  3 channels")


def test_a_power_profile_says_what_of_it_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "power_profile.xml").write_text(plain(nodes(NEW | {"cpu.core_power.cluster1": ["1"]})))
    done = called("doctor", "--profile", tmp_path / "power_profile.xml")
    assert done.returncode == 0
    assert "2 clocks of processors" in done.stdout
    assert "note: cluster 1: 3 clocks and 1 currents" in done.stdout
    (tmp_path / "no.xml").write_text("<html>")
    assert called("doctor", "--profile", tmp_path / "no.xml").returncode == 2


def test_the_schema_is_printed() -> None:
    assert called("doctor", "--profile-schema").stdout == schema.text()
