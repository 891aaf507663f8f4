"""The JSON Schema of device profiles: it is what the loader checks, and what is committed is what it says."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edgewatt.device_profiles import loader, page, schema, shapes
from edgewatt.device_profiles.profile_shape import FACT, LIMITS, MATCH, NO_NUMBER, PROFILE, RAIL, TOTAL, values
from edgewatt.profiler.errors import UsageError
from tests.test_device_profiles import GOOD

ROOT = Path(__file__).parents[1]
VALIDATOR = Draft202012Validator(schema.schema())
PHONE = GOOD.replace('kind = "board"', 'kind = "phone"')

# Each: what stands in GOOD (or in PHONE), what it is broken into.
BROKEN = [
    ('title = "A board"', ""),
    ('kind = "board"', 'kind = "toaster"'),
    ('title = "A board"', 'title = "A board"\nwatts = 3'),
    ('title = "A board"', 'title = "A board"\ndate = "yesterday"'),
    ('title = "A board"', 'title = "A board"\nsources.sheet = " "'),
    ('manufacturer = ["acme"]', 'manufacturer = ["Acme"]'),
    ('manufacturer = ["acme"]', 'manufacturer = "acme"'),
    ('["kestrel", "k*-dev"]', '["*k*-*"]'),
    ('manufacturer = ["acme"]\nmodel = ["kestrel", "k*-dev"]', "model = []"),
    ('"k*-dev"]\nsource = "the box"', '"k*-dev"]'),
    ("value = 0.005", "value = -1"),
    ("value = 0.005", "value = [0.005, false]"),
    ("value = 0.005", "value = { ohm = 0.005 }"),
    ("value = 0.005", "value = 2020-01-01"),
    ("[facts.shunt_ohm]", "[facts.shunt]"),
    ("[facts.shunt_ohm]\nvalue = 0.005", "[facts.supply_v]\nvalue = 12000"),
    ("[facts.shunt_ohm]\nvalue = 0.005", "[facts.cpu_clock_hz]\nvalue = 1800000"),
    ('source = "schematic, page 3"', ""),
    ('source = "schematic, page 3"', 'source = " "'),
    ('source = "schematic, page 3"', 'source = "schematic"\nbasis = "guessed"'),
    ('source = "schematic, page 3"', 'source = "schematic"\nu = -0.1'),
    ('label = "vdd_in"', 'label = "VDD_IN"'),
    ('label = "vdd_in"', 'label = "{n}{n}"'),
    ('label = "vdd_in"', 'label = ""'),
    ('boundary = "board"', 'boundary = "moon"'),
    ("alone = true", 'alone = "yes"'),
    ('covers = ["ddr"]', 'covers = "ddr"'),
    ("at_least = 2", "at_least = true"),
    ("at_least = 2", "at_least = 0"),
    ('add = ["cpu"]', "add = []"),
]
BROKEN_PHONES = [
    ("[facts.shunt_ohm]\nvalue = 0.005", "[facts.cpu_busy_w]\nvalue = 3600"),
    ("[facts.shunt_ohm]\nvalue = 0.005", "[facts.screen_w]\nvalue = 400.0"),
    ("[facts.shunt_ohm]\nvalue = 0.005", "[facts.battery_high_v]\nvalue = [3000, 4400]"),
    ("[facts.shunt_ohm]\nvalue = 0.005", "[facts.battery_nominal_coulomb]\nvalue = 4000"),
]


def refused(text: str) -> tuple[bool, bool]:
    """Whether the loader refuses it, and whether the schema does."""
    try:
        loader.parse(text.encode(), "x.toml")
    except UsageError:
        by_loader = True
    else:
        by_loader = False
    return by_loader, not VALIDATOR.is_valid(tomllib.loads(text))


def test_the_schema_is_one_and_what_is_committed_is_it() -> None:
    Draft202012Validator.check_schema(schema.schema())
    assert (ROOT / "docs" / "device-profile.schema.json").read_text() == schema.text(), (
        "python -m edgewatt.device_profiles.schema > docs/device-profile.schema.json"
    )


def test_every_profile_that_is_shipped_is_valid() -> None:
    for name in loader.names():
        file = next(path for path in loader.FOLDER.rglob(f"{name}.toml") if path.parent.name != "meters")
        errors = [error.message for error in VALIDATOR.iter_errors(tomllib.loads(file.read_text()))]
        assert errors == [], name


def test_what_is_right_is_right_for_both() -> None:
    assert refused(GOOD) == refused(PHONE) == (False, False)


@pytest.mark.parametrize(("old", "new"), [*BROKEN, *BROKEN_PHONES])
def test_what_is_broken_is_refused_by_the_loader_and_by_the_schema(old: str, new: str) -> None:
    good = PHONE if (old, new) in BROKEN_PHONES else GOOD
    assert old in good
    assert refused(good.replace(old, new, 1)) == (True, True)


def test_what_no_schema_can_say_only_the_loader_refuses() -> None:
    for old, new in (('inside = "input"\nalone', 'inside = "nothing"\nalone'), ('add = ["cpu"]', 'add = ["gpu"]')):
        assert refused(GOOD.replace(old, new, 1)) == (True, False)


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(allow_nan=False, allow_infinity=False),
        st.sampled_from(
            ["", " ", "x", "vdd_{n}", "**", "a*b*c*", "A", "2026-11-26", "phone", "board", "rail", "é" * 300]
        ),
        st.text(max_size=8).filter(lambda text: "\n" not in text),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=2)),
    max_leaves=6,
)
SHAPES = [
    shape
    for table in (PROFILE, MATCH, FACT, RAIL, TOTAL)
    for shape in (*table.required.values(), *table.optional.values())
]
SHAPES += [NO_NUMBER, *(shape for kind in LIMITS for shape in values(kind).values())]


VALIDATORS = {json.dumps(shape.schema): (shape, Draft202012Validator(shape.schema)) for shape in SHAPES}


@given(VALUES)
def test_a_shape_holds_what_its_schema_does(value: Any) -> None:
    for shape, validator in VALIDATORS.values():
        assert shape.holds(value) == validator.is_valid(value), shape.schema


def test_a_number_that_is_none_is_refused() -> None:
    limit = shapes.number("a number from 0 to 1", 0, 1)
    assert [limit.holds(value) for value in (0, 1.0, float("nan"), float("inf"), True)] == [True, True, *[False] * 3]


def test_the_page_is_that_of_the_profiles() -> None:
    assert (ROOT / "docs" / "device-profiles.md").read_text() == page.page(), (
        "python -m edgewatt.device_profiles.page > docs/device-profiles.md"
    )


def test_the_schema_is_json() -> None:
    assert json.loads(schema.text())["title"] == "edgewatt device profile"
