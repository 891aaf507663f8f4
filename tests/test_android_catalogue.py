"""The catalogue as a whole: what is looked for, one whole phone, and phones that answer with anything."""

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.android.files.catalogue import CANDIDATES, find_nodes
from edgewatt.collectors.android.files.look import clean, decimal, natural, whole
from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.device_profiles.loader import load
from edgewatt.device_profiles.phones import phone_profiles
from tests.android_looks import ANY_TEXT, columns, read, seen
from tests.test_android_battery import phone as battery_of
from tests.test_android_cpu import PHONE as CPU
from tests.test_android_gpu import PHONES as GPUS
from tests.test_android_odpm import PIXEL as ODPM
from tests.test_android_thermal_zones import zones

PHONE = {**CPU, **GPUS["adreno"][0], **zones(("cpu", "45000"), ("skin", None)), **battery_of(), **ODPM}


def test_a_candidate_is_a_pattern_below_one_of_the_two_roots_and_named_once() -> None:
    assert len(set(CANDIDATES)) == len(CANDIDATES)
    assert all(re.fullmatch(r"\{(sysfs|proc)\}(/[A-Za-z0-9_*.:,-]+)+", path) for path in CANDIDATES)
    for known in (
        "class/power_supply/battery/current_now",
        "class/kgsl/kgsl-3d0/gpuclk",
        "bus/iio/devices/iio:device0/energy_value",
    ):
        assert f"{{sysfs}}/{known}" in CANDIDATES, "it can be opened where its folder cannot be listed"


def test_every_file_that_a_node_reads_is_looked_for() -> None:
    found = find_nodes(seen(PHONE), load("google_pixel"))
    rules = [re.compile("[^/]*".join(map(re.escape, path.split("*")))) for path in CANDIDATES]
    for node in found.nodes:
        template = re.sub(r"^/(sys|proc)", lambda hit: "{sysfs}" if hit[1] == "sys" else "{proc}", node.path)
        assert any(rule.fullmatch(template) for rule in rules), node.path


def test_a_whole_phone_has_streams_of_one_period_and_columns_of_one_name() -> None:
    found = find_nodes(seen(PHONE), load("google_pixel"))
    streams: dict[str, set[float]] = {}
    for node in found.nodes:
        streams.setdefault(node.stream, set()).add(node.period_s)
    assert streams == {"": {1.0}, "freq": {0.1}, "battery": {1.0}, "odpm0": {0.032}, "odpm1": {0.1}}
    assert len(set(columns(found))) == len(columns(found))
    assert [s.name for s in found.sources] == [
        "phone/battery",
        "phone/cpu",
        "phone/gpu+gpu_l2",
        "phone/tpu",
        "phone/memory_interface",
    ]
    stream_of = {c.column: node.stream for node in found.nodes for c in node.channels}
    for source in found.sources:
        for term in source.terms:
            assert len({stream_of[column] for column in term}) == 1, "only samples of one row can be multiplied"
    assert found.facts["profile"] == "google_pixel"


def test_the_roots_are_parameters() -> None:
    moved = {f"/tmp/x{path}": Seen(f"/tmp/x{path}", one.text, one.reason) for path, one in seen(PHONE).items()}
    profile = load("android_phone")
    found = find_nodes(moved, profile, sysfs="/tmp/x/sys", proc="/tmp/x/proc", period_s=0.5)
    assert columns(found) == columns(find_nodes(seen(PHONE), profile))
    assert {node.period_s for node in found.nodes} == {0.5}
    assert find_nodes(seen(PHONE), profile, sysfs="/tmp/x/sys", proc="/tmp/x/proc").nodes == ()


def test_a_phone_that_shows_nothing_has_reasons_and_no_nodes() -> None:
    found = find_nodes({}, load("android_phone"))
    assert (found.nodes, found.sources) == ((), ())
    assert {u.what for u in found.unavailable} >= {"cpu.load_ratio", "gpu.load_ratio", "npu.load_ratio", "battery"}
    unexpanded = {
        "/sys/class/thermal/thermal_zone*/temp": Seen("/sys/class/thermal/thermal_zone*/temp", None, "no such file")
    }
    assert find_nodes(unexpanded, load("android_phone")).nodes == ()


@settings(max_examples=60)
@given(
    st.integers(0, 2**32),
    st.lists(ANY_TEXT, min_size=1, max_size=6),
    st.sampled_from([p.name for p in phone_profiles()]),
)
def test_a_phone_whose_files_say_anything_gives_nodes_that_can_be_read(
    seed: int, texts: list[str], profile: str
) -> None:
    choose = random.Random(seed)
    strange = {path: choose.choice([text, None, *texts]) for path, text in PHONE.items()}
    found = find_nodes(seen(strange), load(profile), earlier=seen(PHONE))
    row = read(found, {path: choose.choice(texts) for path in PHONE})
    assert len(row) == len(columns(found))
    assert all(len(u.reason) < 300 for u in found.unavailable)
    assert all(u.reason.isprintable() for u in found.unavailable)
    kinds = {c.column: c.kind for node in found.nodes for c in node.channels}
    assert all(isinstance(v, int) for column, v in row.items() if kinds[column] == "counter" and v is not None)


@pytest.mark.parametrize(
    ("text", "number"),
    [("7\n", 7), (" -42 ", -42), ("+5", 5), ("1.5", None), ("", None), ("9" * 19, None), ("٣", None)],
)
def test_a_whole_number_is_one_and_nothing_else(text: str, number: int | None) -> None:
    assert whole(text) == number
    assert decimal("4.25") == 4.25
    assert decimal("1e3") is None


def test_numbers_in_paths_are_in_their_order_and_texts_on_one_line() -> None:
    paths = ["/p/policy10/x", "/p/policy4/y", "/p/policy4/x"]
    assert sorted(paths, key=natural) == ["/p/policy4/x", "/p/policy4/y", "/p/policy10/x"]
    assert clean("Mali-G710\n 7\x1b[31m cores\u202e") == "Mali-G710 7 [31m cores"
    assert len(clean("x" * 10_000)) == 128
