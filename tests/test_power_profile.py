"""A phone's power_profile.xml: what its maker states, in watts; of every generation, plain, packed and in an .apk."""

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.device_profiles.power_profile import (
    BASIS,
    INSIDE,
    PowerProfile,
    load_power_profile,
    read_power_profile,
)
from edgewatt.profiler.errors import UsageError
from tests.packed_xml import Node, packed

# Written for this test; in the form of Android 9 and later.
NEW: dict[str, str | list[str]] = {
    "battery.capacity": "4000",
    "cpu.clusters.cores": ["4", "2"],
    "cpu.suspend": "5",
    "cpu.idle": "10",
    "cpu.active": "20",
    "cpu.cluster_power.cluster0": "2",
    "cpu.cluster_power.cluster1": "4",
    "cpu.core_speeds.cluster0": ["300000", "1800000"],
    "cpu.core_power.cluster0": ["5", "50"],
    "cpu.core_speeds.cluster1": ["500000", "1500000", "2800000"],
    "cpu.core_power.cluster1": ["10", "100", "300"],
    "screen.on": "100",
    "screen.full": "400",
    "wifi.controller.idle": "40",
    "wifi.controller.rx": "100",
    "wifi.controller.tx": "500",
    "wifi.controller.voltage": "3700",
    "modem.controller.idle": "150",
    "modem.controller.rx": "140",
    "modem.controller.tx": ["150", "300"],
    "modem.controller.voltage": "3800",
}
OLD: dict[str, str | list[str]] = {
    "wifi.on": "1",
    "wifi.active": "90",
    "wifi.scan": "20",
    "cpu.speeds": ["384000", "1824000"],
    "cpu.idle": "6",
    "cpu.active": ["60", "680"],
}


def nodes(values: dict[str, str | list[str]]) -> Node:
    return (
        "device",
        {"name": "Android"},
        [
            ("item", {"name": name}, value)
            if isinstance(value, str)
            else ("array", {"name": name}, [("value", {}, one) for one in value])
            for name, value in values.items()
        ],
    )


def plain(node: Node) -> str:
    tag, attributes, inside = node
    said = "".join(f' {key}="{value}"' for key, value in attributes.items())
    return f"<{tag}{said}>{inside if isinstance(inside, str) else ''.join(map(plain, inside))}</{tag}>"


def read(values: dict[str, str | list[str]]) -> PowerProfile:
    return read_power_profile(plain(nodes(values)).encode())


def test_the_processors_are_rows_by_cluster_and_clock() -> None:
    rows = read(NEW).rows()
    assert [(row.unit, row.cores, row.frequency_hz) for row in rows] == [
        ("cpu0", 4, 0.3e9),
        ("cpu0", 4, 1.8e9),
        ("cpu4", 2, 0.5e9),
        ("cpu4", 2, 1.5e9),
        ("cpu4", 2, 2.8e9),
    ]
    top = rows[-1]
    stated = (top.busy_w, top.cluster_w, top.active_w, top.idle_w, top.base_w)
    assert stated == pytest.approx([3.8 * ma / 1000 for ma in (300, 4, 20, 10, 5)])
    assert {row.basis for row in rows} == {BASIS} == {"published"}


def test_a_processor_at_its_highest_clock_is_what_green_fl_counts() -> None:
    top = read(NEW).rows()[-1]
    assert top.active_w is not None
    assert top.cluster_w is not None
    assert top.active_w + top.cluster_w + top.busy_w == pytest.approx((20 + 4 + 300) * 1e-3 * 3.8)


def test_radios_run_on_the_voltage_that_they_state() -> None:
    wlan, cell = read(NEW | {"wifi.active": "30"}).radios()
    assert (wlan.radio, wlan.volt, cell.radio) == ("wlan", 3.7, "cell")
    assert wlan.receive_w == pytest.approx((30 + 100) * 1e-3 * 3.7)
    assert wlan.transmit_w == pytest.approx([(30 + 500) * 1e-3 * 3.7])
    assert wlan.idle_w == pytest.approx(40e-3 * 3.7)
    assert cell.transmit_w == pytest.approx([150e-3 * 3.8, 300e-3 * 3.8])


def test_screen_and_battery_are_in_si_units() -> None:
    profile = read(NEW)
    assert profile.battery_coulomb == 14_400
    assert profile.screen_w() == pytest.approx((0.38, 0.38 + 1.52))


def test_the_supply_is_whoever_asks_s_to_say() -> None:
    assert read_power_profile(plain(nodes(NEW)).encode(), supply_v=4).rows()[-1].busy_w == pytest.approx(1.2)
    with pytest.raises(UsageError, match="a supply of 3800 V, expected 1 to 20"):
        read_power_profile(b"", supply_v=3800)


def test_an_old_file_has_one_cluster_and_one_current_per_clock() -> None:
    profile = read(OLD)
    assert [(row.unit, row.cores, row.frequency_hz) for row in profile.rows()] == [
        ("cpu0", None, 384e6),
        ("cpu0", None, 1824e6),
    ]
    top = profile.rows()[-1]
    assert top.busy_w == pytest.approx(0.68 * 3.8)
    assert (top.active_w, top.cluster_w) == (None, None)
    (wlan,) = profile.radios()
    assert (wlan.radio, wlan.volt, wlan.transmit_w) == ("wlan", 3.8, (wlan.receive_w,))
    assert (wlan.idle_w, wlan.receive_w) == pytest.approx((3.8e-3, 91e-3 * 3.8))
    assert profile.battery_coulomb is None
    assert profile.screen_w() is None


def test_the_form_between_names_clusters_and_adds_nothing() -> None:
    between: dict[str, str | list[str]] = {
        "cpu.clusters.cores": ["2"],
        "cpu.speeds.cluster0": ["800000"],
        "cpu.active.cluster0": ["120"],
    }
    (row,) = read(between).rows()
    assert (row.unit, row.cores, row.cluster_w) == ("cpu0", 2, None)
    assert row.busy_w == pytest.approx(0.456)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"cpu.core_power.cluster1": ["10"]}, "cluster 1: 3 clocks and 1 currents"),
        ({"cpu.core_power.cluster1": ["0.1", "0.1", "0.1"]}, "cluster 1: no current is above 0.1 mA"),
        ({"cpu.core_power.cluster1": ["1", "2", "1e9"]}, r"cluster 1: a current of 1e\+09 mA"),
        (
            {"cpu.core_speeds.cluster1": ["5e8", "1.5e9", "2.8e9"]},
            "cluster 1: clocks of 5e.08 to 2.8e.09, expected kHz",
        ),
        ({"cpu.core_power.cluster1": ["10", "-1", "x"]}, "'cpu.core_power.cluster1': '10 -1 x', expected numbers"),
        ({"cpu.clusters.cores": ["4", "2", "1"]}, "cluster 2: no clocks with a current each"),
        ({"cpu.clusters.cores": "none"}, "clusters but the first: cpu.clusters.cores does not say"),
        ({"modem.controller.voltage": "3.8"}, "modem.controller.voltage: 3.8, expected mV"),
    ],
)
def test_what_cannot_be_used_is_said(change: dict[str, str | list[str]], why: str) -> None:
    profile = read(NEW | change)
    assert len(profile.unusable) >= 1
    with pytest.raises(AssertionError, match=why):
        raise AssertionError("\n".join(profile.unusable))
    units = {row.unit for row in profile.rows()}
    assert "cpu0" in units
    if "cluster 1" in why:
        assert units == {"cpu0"}


def test_android_s_own_file_describes_no_phone() -> None:
    profile = read({"battery.capacity": "1000", "cpu.speeds": ["400000"], "cpu.active": ["0.1"], "wifi.on": "0.1"})
    assert profile.rows() == ()
    assert profile.radios() == ()
    assert "describes no phone" in profile.unusable[0]


def test_a_packed_file_states_what_the_plain_one_does() -> None:
    assert read_power_profile(packed(nodes(NEW))) == read(NEW)
    assert read_power_profile(packed(nodes(OLD), utf8=False)) == read(OLD)


def apk(inside: str, content: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        # Of no time of day: the bytes name a test, and every worker has to call it the same.
        archive.writestr(zipfile.ZipInfo(inside), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def test_it_is_taken_out_of_an_apk(tmp_path: Path) -> None:
    (tmp_path / "framework-res.apk").write_bytes(apk(INSIDE, packed(nodes(NEW))))
    assert load_power_profile(tmp_path / "framework-res.apk") == read(NEW)
    with pytest.raises(UsageError, match=r"absent\.xml: cannot be read"):
        load_power_profile(tmp_path / "absent.xml")


BOMB = (
    '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><device><item name="x">&b;</item></device>'
)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no XML"),
        (b"<device>", "no XML"),
        (b"<html></html>", "root is <device>"),
        (BOMB.encode(), "a document type or an entity"),
        (BOMB.encode("utf-16"), "a document type or an entity"),
        (b'<!DOCTYPE d SYSTEM "file:///etc/passwd"><device/>', "a document type or an entity"),
        (b'<?xml version="1.0" encoding="klingon"?><device/>', "no XML"),
        (b"<device>" + b"<a>" * 20 + b"</a>" * 20 + b"</device>", "20000 elements, or one over 16 deep"),
        (b"<device>" + b"<a/>" * 20_001 + b"</device>", "20000 elements"),
        (b" " * ((1 << 20) + 1), "over 1048576 bytes"),
        (apk("other.xml", b""), "an .apk without res/xml/power_profile.xml"),
        (apk(INSIDE, b"<device/>" + b" " * (2 << 20)), "over 1048576 bytes"),
        (apk(INSIDE, b"x")[:40], "an .apk that cannot be read"),
        (packed(nodes(NEW))[:-30], "packed XML"),
    ],
)
def test_what_is_none_is_refused_in_words(raw: bytes, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_power_profile(raw)


WHOLE = (
    plain(nodes(NEW)).encode(),
    packed(nodes(NEW)),
    packed(nodes(OLD), utf8=False),
    apk(INSIDE, packed(nodes(OLD))),
)


@given(
    st.one_of(st.binary(max_size=300), st.sampled_from(WHOLE)), st.lists(st.tuples(st.integers(0), st.integers(0, 255)))
)
def test_any_bytes_give_watts_or_a_usage_error(raw: bytes, edits: list[tuple[int, int]]) -> None:
    edited = bytearray(raw)
    for at, byte in edits[:20] if raw else []:
        edited[at % len(edited)] = byte
    try:
        profile = read_power_profile(bytes(edited))
    except UsageError:
        return
    for row in profile.rows():
        assert 0 <= row.busy_w < 200
    for radio in profile.radios():
        assert all(0 < watt < 1300 for watt in (radio.receive_w, *radio.transmit_w))
