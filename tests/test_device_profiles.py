"""Device profiles: what is shipped, what is refused and in which words, and which joules the rules let be formed."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.device_profiles.loader import DeviceProfile, Fact, load, names, parse
from edgewatt.device_profiles.rules import energy_sources, match
from edgewatt.profiler.errors import UsageError

GOOD = """
name = "board"
kind = "board"
title = "A board"

[match]
manufacturer = ["acme"]
model = ["kestrel", "k*-dev"]
source = "the box"

[facts.shunt_ohm]
value = 0.005
source = "schematic, page 3"

[facts.codename]
value = "kestrel"
source = "the box"

[rails.input]
label = "vdd_in"
covers = ["module"]
boundary = "board"
alone = true
source = "schematic"

[rails.cpu]
label = "vdd_cpu_{n}"
covers = ["cpu-{n}"]
boundary = "rail"
inside = "input"
alone = false
source = "schematic"

[rails.ddr]
label = "ddr*"
covers = ["ddr"]
boundary = "rail"
inside = "input"
alone = false
source = "schematic"

[totals.sum]
name = "sum"
add = ["cpu"]
with = ["ddr"]
at_least = 2
source = "schematic"
"""


def board(text: str = GOOD) -> DeviceProfile:
    return parse(text.encode(), "board.toml")


@pytest.mark.parametrize("name", names())
def test_what_is_shipped_can_be_loaded_and_is_called_as_its_file(name: str) -> None:
    profile = load(name)
    assert profile.name == name
    assert all(rail.source for rail in profile.rails)


def test_a_profile_says_what_the_file_says(tmp_path: Path) -> None:
    (tmp_path / "board.toml").write_text(GOOD)
    profile = load(tmp_path / "board.toml")
    assert profile.facts["shunt_ohm"] == Fact(0.005, "schematic, page 3")
    assert profile.number("shunt_ohm") == 0.005
    assert profile.match == {"manufacturer": ("acme",), "model": ("kestrel", "k*-dev")}
    assert profile.rails[1].inside == "input"
    assert profile.totals[0].optional == ("ddr",)


def test_a_fact_that_is_no_number_is_not_given_as_one() -> None:
    with pytest.raises(UsageError, match=r"has no number facts.codename; it has shunt_ohm, codename"):
        board().number("codename")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "board"', 'kind = "toaster"', "kind is 'toaster', expected one of phone, board, gpu, meter, host"),
        ('title = "A board"', "", "the file: key 'title' is missing"),
        ('title = "A board"', 'title = "A board"\nwatts = 3', "the file: key 'watts' is unknown"),
        ('manufacturer = ["acme"]', 'maker = ["acme"]', "match: key 'maker' is unknown, expected only source, manuf"),
        (
            'manufacturer = ["acme"]',
            'manufacturer = ["Acme"]',
            "manufacturer is ['Acme'], expected a list, each element a",
        ),
        ('manufacturer = ["acme"]', 'manufacturer = "acme"', "match: manufacturer is 'acme', expected a list"),
        ('["kestrel", "k*-dev"]', '["*k*-*"]', "with at most two *"),
        (
            'manufacturer = ["acme"]\nmodel = ["kestrel", "k*-dev"]',
            "model = []",
            "expected a pattern for at least one of manufacturer, brand, model, device, soc",
        ),
        ('"k*-dev"]\nsource = "the box"', '"k*-dev"]', "match: key 'source' is missing"),
        (
            "value = 0.005",
            "value = nan",
            "facts.shunt_ohm: value is nan, expected a text, true, false, a list, or a number from 0",
        ),
        ("value = 0.005", "value = 2020-01-01", "facts.shunt_ohm: value is datetime.date"),
        (
            "[facts.shunt_ohm]",
            "[facts.shunt]",
            "facts.shunt: value is 0.005, expected a text, true, false or a list of texts; a number's key ends in",
        ),
        ('source = "schematic, page 3"', "", "facts.shunt_ohm: key 'source' is missing"),
        ('source = "schematic, page 3"', 'source = " "', "expected a text that says where this is known from"),
        ('label = "vdd_in"', 'label = "VDD_IN"', "rails.input: label is 'VDD_IN', expected a channel's name"),
        ('label = "vdd_in"', 'label = "*a*a*a"', "two * for anything"),
        ('label = "vdd_in"', 'label = "{n}{n}"', "at most one {n}"),
        ('boundary = "board"', 'boundary = "moon"', "boundary is 'moon', expected one of battery_bypass"),
        ("alone = true", 'alone = "yes"', "rails.input: alone is 'yes', expected true or false"),
        (
            'inside = "input"\nalone',
            'inside = "nothing"\nalone',
            "rails.cpu.inside is 'nothing', expected one of input",
        ),
        ("at_least = 2", "at_least = true", "totals.sum: at_least is True, expected a whole number"),
        ('add = ["cpu"]', "add = []", "totals.sum: add is [], expected a list, each element a text"),
        ('add = ["cpu"]', 'add = ["cpu", "cpu"]', "expected different ones"),
        ('add = ["cpu"]', 'add = ["cpu", "gpu"]', "expected different ones"),
        ('add = ["cpu"]', 'add = ["input"]', "totals.sum adds ddr and input, which contains it"),
        (
            'covers = ["module"]\nboundary = "board"\nalone = true',
            'covers = ["module"]\nboundary = "board"\nalone = true\ninside = "cpu"',
            "rails.input.inside is 'cpu', which lies inside input itself",
        ),
        (
            'boundary = "rail"\ninside = "input"\nalone = false\nsource = "schematic"\n\n[totals',
            'boundary = "wall"\nalone = false\nsource = "schematic"\n\n[totals',
            "expected rails of one boundary",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_key_and_what_was_expected(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(UsageError) as caught:
        board(GOOD.replace(old, new, 1))
    assert str(caught.value).startswith("device profile board.toml: ")
    assert message in str(caught.value)


def test_a_name_that_is_not_shipped_names_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"neither a .toml file nor one of .*linux_hwmon, linux_rapl"):
        load("../linux_rapl")


@pytest.mark.parametrize("path", ["missing.toml", ".toml", "folder.toml", "nul\0.toml"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(UsageError, match="device profile"):
        load(f"{tmp_path}/{path}")


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"a = ", b"a = [" * 5000, b"x = 1\n" * 300_000, b"a = " + b"1" * 9000])
def test_a_file_that_is_no_toml_is_refused(raw: bytes) -> None:
    with pytest.raises(UsageError, match=r"device profile x\.toml: (not TOML|over|the file)"):
        parse(raw, "x.toml")


TOKENS = st.sampled_from(
    [*re.findall(r'"[^"]*"|\[[^\]]*\]|\w+ =|true|false|0\.005|2|\n', GOOD), "nan", "{}", "[[rails]]", "1e999", "'{n}*'"]
)


@given(st.one_of(st.binary(max_size=200), st.lists(TOKENS, max_size=60).map(lambda parts: " ".join(parts).encode())))
def test_any_bytes_give_a_profile_or_a_usage_error(raw: bytes) -> None:
    _profile_or_refusal(raw)


@given(st.data())
def test_a_profile_that_somebody_edited_gives_a_profile_or_a_usage_error(data: st.DataObject) -> None:
    lines = GOOD.splitlines()
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(lines) - 1))
        key = lines[at].partition("=")[0]
        value = data.draw(
            st.sampled_from(['"x"', "1", "-1", "[]", '["input"]', '["cpu", "ddr"]', "{}", "true", "inf", ""])
        )
        lines[at] = data.draw(st.sampled_from([f"{key}= {value}", "", lines[(at * 7) % len(lines)]]))
    _profile_or_refusal("\n".join(lines).encode())


def _profile_or_refusal(raw: bytes) -> None:
    try:
        profile = parse(raw, "x.toml")
    except UsageError:
        return
    for total in profile.totals:
        assert set(total.add) | set(total.optional) <= {rail.key for rail in profile.rails}
    energy_sources(profile, "x", {"vdd_cpu_0": ("a.power_w",), "vdd_in": ("b.power_w",), "ddr": ("c.power_w",)})


def test_a_pattern_finds_its_index_and_the_first_that_fits_wins() -> None:
    found = match(board(), "vdd_cpu_12")
    assert found is not None
    assert (found.rail.key, found.index, found.covers) == ("cpu", "12", ("cpu-12",))
    assert match(board(), "vdd_cpu_x") is None
    assert match(board(), "xvdd_in") is None


def sources(*labels: str, unreadable: tuple[str, ...] = ()) -> dict[str, tuple[tuple[str, ...], ...]]:
    terms = {label: (f"{label}.power_w",) for label in labels}
    return {s.name: s.terms for s in energy_sources(board(), "x", terms, unreadable=unreadable)}


def test_only_what_stands_alone_is_a_source_and_a_total_needs_its_number_of_rails() -> None:
    assert sources("vdd_in", "vdd_cpu_0", "other") == {"x/vdd_in": (("vdd_in.power_w",),)}
    both = (("vdd_cpu_0.power_w",), ("vdd_cpu_1.power_w",))
    assert sources("vdd_cpu_0", "vdd_cpu_1") == {"x/sum": both}
    assert sources("vdd_cpu_0", "vdd_cpu_1", "ddr_a", "ddr_b") == {
        "x/sum+ddr": (*both, ("ddr_a.power_w",), ("ddr_b.power_w",))
    }


def test_a_total_is_not_formed_while_one_of_its_rails_cannot_be_read() -> None:
    assert sources("vdd_cpu_0", "vdd_cpu_1", unreadable=("vdd_cpu_2",)) == {}
    assert "x/sum" in sources("vdd_cpu_0", "vdd_cpu_1", unreadable=("ddr",))


def test_the_rapl_total_takes_memory_only_where_every_package_has_it() -> None:
    def names_of(*labels: str) -> list[str]:
        return [s.name for s in energy_sources(load("linux_rapl"), "rapl", {label: (label,) for label in labels})]

    assert names_of("package-0", "package-0_dram") == ["rapl/package-0+dram"]
    assert names_of("package-0", "package-1", "package-1_dram") == [
        "rapl/package-0",
        "rapl/package-1+dram",
        "rapl/packages",
    ]
    assert names_of("package-0_core", "package-0_uncore", "package-0_dram") == []
    assert names_of("psys-1", "unheard-of") == ["rapl/psys-1"]
