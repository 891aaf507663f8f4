"""The coverage matrix: every column that a system reads exists and is produced, and its page is of this day."""

import re
from pathlib import Path

import pytest

from edgewatt.commands.calibration_profile import _radios, _units
from edgewatt.device_profiles.power_profile import read_power_profile
from edgewatt.device_profiles.published import published, published_names
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.calibration.coverage import missing, rows_by_basis
from edgewatt.profiler.calibration.coverage_page import page
from edgewatt.profiler.calibration.head import CalibratedDevice, Head
from edgewatt.profiler.calibration.inputs import OF_DEVICES, OF_MODELS
from edgewatt.profiler.calibration.needs import (
    NEEDS,
    ORIGINS,
    PUBLISHED,
    PUBLISHED_COLUMNS,
    STEPS,
    SYSTEMS,
    USER,
    origins_of,
)
from edgewatt.profiler.calibration.tables import TABLES
from edgewatt.profiler.collecting.steps import STEPS as EXECUTED

PAGE = Path(__file__).parents[1] / "docs" / "calibration-coverage.md"
COLUMNS = {f"{name}.{column}" for name, schema in TABLES.items() for column in schema.names}
# Every row has these, whatever produces it.
OF_ALL = {"device_id", "basis", "source"}
# What a row says of itself beside its values, of fits and of ladders of steps that nobody counted.
ABOUT = {"energy_boundary", "observations_n", "steps_n", "cores_n", "unit", "channel", "low", "high", "value", "term"}
MODELS = Path(__file__).parents[1] / "models"
PROFILE = b"""<device><array name="cpu.clusters.cores"><value>4</value></array>
<item name="cpu.active">60</item><item name="cpu.cluster_power.cluster0">10</item>
<array name="cpu.core_speeds.cluster0"><value>500000</value><value>1800000</value></array>
<array name="cpu.core_power.cluster0"><value>20</value><value>90</value></array>
<item name="wifi.controller.idle">1</item><item name="wifi.controller.rx">120</item>
<item name="wifi.controller.tx">250</item><item name="wifi.controller.voltage">3700</item></device>"""


def test_the_systems_are_those_of_simulate() -> None:
    assert tuple(NEEDS) == SYSTEMS


def test_the_steps_are_those_that_the_suite_executes() -> None:
    assert (*EXECUTED, "isp") == STEPS


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_column_that_is_read_exists_and_is_produced(system: str) -> None:
    for need in NEEDS[system]:
        if need.column is None:
            assert need.note, need.paper
        else:
            assert need.column in COLUMNS
            assert origins_of(need.column), need.column
            assert set(origins_of(need.column)) <= {*STEPS, USER, PUBLISHED}


def test_what_models_read_is_needed_by_a_system() -> None:
    """By the words of their code: a column that a row is asked for. Intervals come with their values."""
    names = {column.partition(".")[2] for column in COLUMNS} - OF_ALL - ABOUT
    asked = {
        word
        for file in sorted(MODELS.rglob("*.py"))
        for word in re.findall(r"\b(?:row|r|one|cell)\[\"(\w+)\"\]", file.read_text(encoding="utf-8"))
        if word in names and "_low_" not in word and "_high_" not in word
    }
    needed = {need.column.partition(".")[2] for of in NEEDS.values() for need in of if need.column}
    assert len(asked) > 30
    assert asked - needed == set()


def test_no_column_is_produced_by_nothing() -> None:
    tables = {key for key in ORIGINS if "." not in key}
    assert tables == set(TABLES)
    assert {key for key in ORIGINS if "." in key} <= COLUMNS
    without = {column for column in COLUMNS if not origins_of(column)}
    assert {column.partition(".")[2] for column in without} <= OF_ALL


def test_what_a_user_has_to_give_can_be_given() -> None:
    can = {
        *(f"models.{column}" for column in OF_MODELS),
        *(f"devices.{column}" for column in OF_DEVICES),
        *("inference.accuracy_ratio", "models.accuracy_ratio", "training_step.update_b"),
    }
    named = {"models.model", "models.model_sha256", "models.precision"}
    asked = {column for column in COLUMNS if USER in origins_of(column) and column.partition(".")[2] not in OF_ALL}
    assert asked - named == can


def test_what_is_said_to_be_published_is() -> None:
    found = {
        f"{name}.{column}"
        for calibration in map(published, published_names())
        for name, table in calibration.tables.items()
        for column in table.column_names
        if table[column].null_count < table.num_rows and column not in OF_ALL
    }
    profile = read_power_profile(PROFILE)
    found |= {f"power.{key}" for row in _units(profile) for key, value in row.items() if value is not None}
    found |= {f"radio.{key}" for row in _radios(profile) for key, value in row.items() if value is not None}
    assert found == PUBLISHED_COLUMNS


def test_the_page_is_made_from_the_needs() -> None:
    assert PAGE.read_text(encoding="utf-8") == page() + "\n"


def test_what_is_missing_is_what_no_row_has() -> None:
    origin = {"device_id": "p", "basis": "simulated", "source": "a"}
    head = Head(created="2026", devices={"p": CalibratedDevice("p", simulated=True)})
    known = calibration_of_rows(head, {"isp": [{**origin, "device": "p", "gamma_ratio": 1.1}]})
    blank = {one.column: one.origins for one in missing(known)["heteroswitch"]}
    assert "isp.gamma_ratio" not in blank
    assert blank["isp.gain_r_ratio"] == ("isp",)
    assert rows_by_basis(known) == {"isp": {"simulated": 1}}
    everything = missing(Calibration(head))
    assert {one.column for one in everything["safe"]} == {need.column for need in NEEDS["safe"] if need.column}
