"""On-device power monitors: rails of two devices, damaged lines, counters that never count, and which joules add up."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.files import odpm
from edgewatt.collectors.android.files.look import Found
from tests.android_looks import ANY_TEXT, Texts, columns, look, node_of, read, reasons

IIO = "sys/bus/iio/devices"
RAILS = {
    0: (
        "S10M_VDD_TPU",
        "VSYS_PWR_MODEM",
        "VSYS_PWR_RFFE",
        "S2M_VDD_CPUCL2",
        "S3M_VDD_CPUCL1",
        "S4M_VDD_CPUCL0",
        "S1M_VDD_MIF",
    ),
    1: ("VSYS_PWR_WLAN_BT", "S2S_VDD_G3D", "S8S_VDD_G3D_L2", "PPVAR_VSYS_PWR_DISP", "VSYS_PWR_RFFE", "L9S_GNSS_CORE"),
}
SAMPLES = Path(__file__).parents[2] / "shared/samples/android"


def energy(device: int, t_ms: int, uws: int, *, without: str = "") -> str:
    lines = [f"CH{at}(T={t_ms})[{rail}], {0 if rail == without else uws + at}" for at, rail in enumerate(RAILS[device])]
    return "\n".join([f"t={t_ms}", *lines, ""])


PIXEL: Texts = {
    f"{IIO}/iio:device0/energy_value": energy(0, 349_894, 5_000_000),
    f"{IIO}/iio:device0/enabled_rails": "".join(f"CH{n}[{rail}]:Sub{n}\n" for n, rail in enumerate(RAILS[0])),
    f"{IIO}/iio:device0/sampling_rate": "250.000000\n",
    f"{IIO}/iio:device1/energy_value": energy(1, 16_086_645, 7_000_000),
    f"{IIO}/iio:device2/energy_value": None,
}


@pytest.fixture
def found() -> Found:
    return odpm.find(look(PIXEL, "google_pixel"))


def test_a_rail_is_a_counter_of_microjoule_and_two_time_bases_are_two_streams(found: Found) -> None:
    row = read(found, PIXEL)
    assert row["s10m_vdd_tpu.energy_j"] == 5_000_000
    assert row["ppvar_vsys_pwr_disp.energy_j"] == 7_000_003
    first, second = found.nodes
    assert (first.stream, second.stream) == ("odpm0", "odpm1")
    assert {(c.kind, c.scale, c.counter_range) for c in first.channels} == {("counter", 1e-6, None)}
    assert first.own_ns is not None
    assert second.own_ns is not None
    assert first.own_ns(energy(0, 350_000, 1)) == 350_000 * 10**6
    assert second.own_ns(str(PIXEL[f"{IIO}/iio:device1/energy_value"])) == 16_086_645 * 10**6
    assert second.own_ns("CH0(T=5)[A], 7") is None


def test_a_new_value_comes_every_eight_periods_of_the_chip(found: Found) -> None:
    first, second = found.nodes
    assert (first.period_s, first.channels[0].period_s) == (0.032, 0.032)
    assert (second.period_s, second.channels[0].period_s) == (0.1, None)


def test_rails_of_one_name_are_told_apart_by_their_device(found: Found) -> None:
    assert [c for c in columns(found) if "rffe" in c] == [
        "vsys_pwr_rffe_iio_device0.energy_j",
        "vsys_pwr_rffe_iio_device1.energy_j",
    ]
    assert found.facts["odpm_rails"]["s2m_vdd_cpucl2"] == "Sub3"
    assert found.facts["odpm_rails"]["l9s_gnss_core"] is None


def test_joules_are_formed_only_as_the_profile_says(found: Found) -> None:
    sources = {s.name: [term[0] for term in s.terms] for s in found.sources}
    assert sources == {
        "phone/cpu": ["s2m_vdd_cpucl2.energy_j", "s3m_vdd_cpucl1.energy_j", "s4m_vdd_cpucl0.energy_j"],
        "phone/gpu+gpu_l2": ["s2s_vdd_g3d.energy_j", "s8s_vdd_g3d_l2.energy_j"],
        "phone/tpu": ["s10m_vdd_tpu.energy_j"],
        "phone/memory_interface": ["s1m_vdd_mif.energy_j"],
    }
    assert {s.boundary for s in found.sources} == {"rail"}
    cpu = next(s for s in found.sources if s.name == "phone/cpu")
    assert cpu.covers == ("cpu-cluster-2", "cpu-cluster-1", "cpu-cluster-0")
    assert node_of(found, "l9s_gnss_core.energy_j").channels[-1].covers == ()
    assert odpm.find(look(PIXEL)).sources == ()


def test_a_counter_that_never_counted_is_unknown_and_not_zero() -> None:
    texts = {**PIXEL, f"{IIO}/iio:device0/energy_value": energy(0, 5_000, 9, without="S3M_VDD_CPUCL1")}
    found = odpm.find(look(texts, "google_pixel"))
    assert read(found, texts)["s3m_vdd_cpucl1.energy_j"] is None
    assert "has not counted since the phone started" in reasons(found)["s3m_vdd_cpucl1.energy_j"]
    assert "phone/cpu" not in [s.name for s in found.sources]
    node = node_of(found, "s3m_vdd_cpucl1.energy_j")
    assert node.parse(energy(0, 6_000, 10))[4] == 14


@pytest.mark.parametrize(
    "damaged",
    ["CH1(T=5)[A]", "CH1(T=5)[A], x", "CH1(T=5)[A], -7", "CH1(T=5[A], 7", "CH1(T=5)[A, 7", "CH2(T=5)[A], 7", "", "\0"],
)
def test_a_line_that_is_damaged_or_missing_is_null_and_the_others_are_not(damaged: str) -> None:
    found = odpm.find(look({f"{IIO}/iio:device0/energy_value": "t=5\nCH0(T=5)[Z], 3\nCH1(T=5)[A], 7\n"}))
    assert found.nodes[0].parse(f"t=6\nCH0(T=6)[Z], 4\n{damaged}\n") == [4, None]


def test_two_lines_of_one_rail_contradict_each_other() -> None:
    assert odpm.parse_energy("CH0(T=5)[A], 3\nCH0(T=5)[A], 4\nCH1(T=5)[B], 1").uws == {(1, "B"): 1}


def test_without_t_the_duration_on_which_most_lines_agree_is_the_time() -> None:
    found = odpm.find(look({f"{IIO}/iio:device0/energy_value": "CH0(T=5)[A], 3\nCH1(T=9)[B], 3\nCH2(T=9)[C], 3"}))
    own_ns = found.nodes[0].own_ns
    assert own_ns is not None
    assert own_ns("CH0(T=6)[A], 3\nCH1(T=10)[B], 3\nCH2(T=10)[C], 3") == 10 * 10**6


def test_an_older_driver_says_its_time_alone_on_a_line() -> None:
    measured = odpm.parse_energy("251741617\nCH0[VSYS_PWR_DISPLAY], 42\n")
    assert (measured.t_ms, measured.uws) == (251741617, {(0, "VSYS_PWR_DISPLAY"): 42})


def test_a_phone_without_monitors_says_nothing_and_one_that_denies_them_says_so() -> None:
    assert odpm.find(look({})) == Found()
    denied = odpm.find(look({f"{IIO}/iio:device0/energy_value": None}))
    assert reasons(denied) == {"odpm rails": f"/{IIO}/iio:device0/energy_value: permission denied"}


@given(st.lists(ANY_TEXT, min_size=2, max_size=2))
def test_any_text_gives_counts_or_none(texts: list[str]) -> None:
    found = odpm.find(look(PIXEL))
    for node in (*found.nodes, *odpm.find(look({**PIXEL, f"{IIO}/iio:device0/energy_value": texts[0]})).nodes):
        assert node.own_ns is not None
        for text in texts:
            assert all(value is None or 0 <= value < 2**63 for value in node.parse(text))
            assert (node.own_ns(text) or 0) >= 0
    odpm.find(look(dict.fromkeys(PIXEL, texts[1])))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recordings of real phones on this machine")
def test_recordings_of_real_phones_are_read() -> None:
    recorded = [path.read_text(errors="replace") for path in sorted(SAMPLES.glob("odpm_*iio*.txt"))]
    assert recorded
    for text in recorded:
        found = odpm.find(look({f"{IIO}/iio:device0/energy_value": text}, "google_pixel"))
        assert "s2s_vdd_g3d.energy_j" in columns(found)
