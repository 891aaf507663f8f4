"""The rails of a Raspberry Pi 5: read by a program that stands in for vcgencmd, from a folder that is the machine."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.host.places import Places
from edgewatt.collectors.host.pmic import Pmic, parse_adc, pmics
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.clock import ManualClock
from tests.trees import write

SAID = """\
       3V3_SYS_A current(1)=0.06148359A
      DDR_VDD2_A current(3)=0.00000000A
      DDR_VDDQ_A current(4)=0.00980400A
      VDD_CORE_A current(7)=5.03652000A
       3V3_SYS_V volt(9)=3.29982600V
      DDR_VDD2_V volt(11)=1.10109800V
      DDR_VDDQ_V volt(12)=0.60366240V
      VDD_CORE_V volt(15)=0.89369880V
         EXT5V_V volt(24)=4.92450000V
          BATT_V volt(25)=0.00341880V
"""
RAILS = ["3v3_sys", "ddr_vdd2", "ddr_vddq", "vdd_core"]


def board(root: Path, said: str = SAID, *, code: int = 0, model: str = "Raspberry Pi 5 Model B Rev 1.0\0") -> Places:
    write(root / "sys/firmware/devicetree/base/model", model)
    write(root / "said", said)
    program = write(root / "usr/bin/vcgencmd", f'#!/bin/sh\n[ "$1" = pmic_read_adc ] && cat {root}/said\nexit {code}\n')
    program.chmod(0o755)
    return Places(root / "sys", root / "proc", root)


def test_each_rail_has_its_volts_and_amperes_and_the_rails_add_up(tmp_path: Path) -> None:
    pmic, clock = Pmic(board(tmp_path)), ManualClock(0)
    answer = pmic.open(clock)
    assert [c.name for c in answer.channels[""][::2]] == RAILS
    assert {c.accuracy for c in answer.channels[""]} == {None}
    assert answer.unavailable == ()
    sources = {source.name: source for source in answer.sources}
    assert set(sources) == {"pmic/vdd_core", "pmic/rails"}
    assert len(sources["pmic/rails"].terms) == len(RAILS)
    assert sources["pmic/rails"].boundary == "rail"
    row = pmic.read(1.0)
    assert isinstance(row, Batch)
    assert row.columns["vdd_core.current_a"][0] == pytest.approx(5.03652)
    assert row.columns["vdd_core.voltage_v"][0] == pytest.approx(0.8936988)
    assert row.columns["ddr_vdd2.current_a"][0] == 0.0
    pmic.close()


def test_a_firmware_that_stops_answering_is_a_gap(tmp_path: Path) -> None:
    places = board(tmp_path)
    pmic = Pmic(places)
    pmic.open(ManualClock(0))
    board(tmp_path, "", code=1)
    item = pmic.read(1.0)
    assert isinstance(item, Gap)
    assert "vcgencmd pmic_read_adc failed: exit code 1" in item.cause


@pytest.mark.parametrize(
    ("said", "code", "why"),
    [
        ('error=1 error_msg="Command not registered"\n', 0, "a Raspberry Pi 5 does"),
        ("VCHI initialization failed\n", 255, "VCHI initialization failed"),
        ("VDD_CORE_A current(7)=5.0A\n", 0, "a Raspberry Pi 5 does"),
    ],
)
def test_what_gives_no_rails_says_why(tmp_path: Path, said: str, code: int, why: str) -> None:
    answer = Pmic(board(tmp_path, said, code=code)).open(ManualClock(0))
    assert answer.channels == {}
    assert answer.sources == ()
    (missing,) = answer.unavailable
    assert why in missing.reason


def test_without_its_program_it_is_named(tmp_path: Path) -> None:
    places = board(tmp_path)
    (tmp_path / "usr/bin/vcgencmd").unlink()
    (missing,) = Pmic(places).open(ManualClock(0)).unavailable
    assert missing.fix == "sudo apt install raspi-utils"


def test_another_machine_is_not_asked(tmp_path: Path) -> None:
    assert pmics(board(tmp_path / "rock", model="Radxa ROCK 5B\0")) == ()
    assert len(pmics(board(tmp_path / "pi"))) == 1


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_rails_or_none(said: bytes) -> None:
    for volts, amperes in parse_adc(said + b"\n" + SAID.encode() + said).values():
        for value in (volts, amperes):
            assert value is None or 0 <= value <= 30
