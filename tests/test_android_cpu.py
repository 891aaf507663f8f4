"""Clusters, caps, residency and load of a phone's processors, from texts in the kernel's formats."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.files import cpu
from edgewatt.collectors.android.files.look import Found
from tests.android_looks import ANY_TEXT, Texts, columns, look, node_of, read, reasons

CPUFREQ = "sys/devices/system/cpu/cpufreq"


def cluster(number: int, khz: str | None, cpus: str, states: str | None = "300000 120\n1804800 30\n") -> Texts:
    at = f"{CPUFREQ}/policy{number}"
    return {
        f"{at}/scaling_cur_freq": khz,
        f"{at}/scaling_min_freq": "300000",
        f"{at}/scaling_max_freq": "1804800",
        f"{at}/scaling_governor": "schedutil\n",
        f"{at}/related_cpus": cpus,
        f"{at}/stats/time_in_state": states,
    }


def stat(*rows: tuple[int, int]) -> str:
    lines = [f"cpu{number} {busy} 0 0 {idle} 0 0 0 0 0 0" for number, (busy, idle) in enumerate(rows)]
    both = f"cpu  {sum(b for b, _ in rows)} 0 0 {sum(i for _, i in rows)} 0 0 0 0 0 0"
    return "\n".join([both, *lines, f"intr {' '.join('9' * 500)}", "ctxt 7"])


PHONE: Texts = {
    **cluster(0, "1804800\n", "0 1 2 3\n"),
    **cluster(4, "2419200", "4 5 6"),
    **cluster(10, "2841600", "7"),
    "sys/devices/system/cpu/present": "0-7\n",
    "proc/stat": stat((10, 90), (10, 90)),
}


@pytest.fixture
def found() -> Found:
    return cpu.find(look(PHONE))


def test_a_cluster_has_its_frequency_in_hertz_and_names_its_processors(found: Found) -> None:
    row = read(found, PHONE)
    assert (row["cpu0.frequency_hz"], row["cpu4.frequency_hz"]) == (1804800e3, 2419200e3)
    node = node_of(found, "cpu10.frequency_hz")
    assert (node.stream, node.period_s, node.channels[0].covers) == ("freq", 0.1, ("cpu7",))
    assert (row["cpu0_min.frequency_hz"], row["cpu0_max.frequency_hz"]) == (300000e3, 1804800e3)
    assert [c for c in columns(found) if c.endswith(".frequency_hz") and "_m" not in c] == [
        "cpu0.frequency_hz",
        "cpu4.frequency_hz",
        "cpu10.frequency_hz",
    ]


def test_time_in_state_is_a_counter_of_seconds_per_step(found: Found) -> None:
    node = node_of(found, "cpu4_300000khz.duration_s")
    assert node.whole
    assert [(c.kind, c.scale) for c in node.channels] == [("counter", 0.01)] * 2
    assert node.parse("1804800 31\n300000 200\n") == [200, 31]
    assert node.parse("300000 200\n18048") == [200, None]


def test_load_is_of_the_time_between_two_looks_and_null_for_a_processor_that_is_offline(found: Found) -> None:
    node = node_of(found, "cpu0.load_ratio")
    assert [c.name for c in node.channels] == ["cpu", *(f"cpu{n}" for n in range(8))]
    assert set(node.parse(stat((10, 90), (10, 90)))) == {None}
    assert node.parse(stat((35, 165)))[:3] == [None, 0.25, None]  # without cpu1, the ticks of all did not go on
    assert node.parse(stat((35, 265), (20, 180)))[1:3] == [0.0, None]


def test_an_offline_cluster_and_a_denied_file_are_said(found: Found) -> None:
    assert reasons(found) == {}
    worse = cpu.find(look({**cluster(0, None, "0 1", None), **cluster(4, "<unknown>", ""), "proc/stat": None}))
    assert reasons(worse) == {
        "cpu.load_ratio": "/proc/stat: permission denied",
        "cpu0.frequency_hz": f"/{CPUFREQ}/policy0/scaling_cur_freq: permission denied",
        "cpu4.frequency_hz": f"/{CPUFREQ}/policy4/scaling_cur_freq: says '<unknown>'",
        "cpu0.duration_s per step": f"/{CPUFREQ}/policy0/stats/time_in_state: permission denied",
    }
    assert "cpu0_max.frequency_hz" in columns(worse)
    assert reasons(cpu.find(look({})))["cpu.frequency_hz"].startswith("no cpufreq policy under /sys")


def test_governors_and_clusters_are_facts(found: Found) -> None:
    assert found.facts["cpu_governors"] == {"cpu0": "schedutil", "cpu4": "schedutil", "cpu10": "schedutil"}
    assert found.facts["cpu_clusters"]["cpu4"] == ["cpu4", "cpu5", "cpu6"]


def test_a_rate_that_was_asked_for_is_every_streams() -> None:
    fast = cpu.find(look(PHONE, period_s=0.005))
    assert {node.period_s for node in fast.nodes} == {0.005}


def test_what_a_phone_can_make_us_record_is_bounded() -> None:
    states = "".join(f"{khz} 1\n" for khz in range(100_000, 100_500))
    many = {path: text for n in range(100) for path, text in cluster(n, "300000", "0 " * 500, states).items()}
    found = cpu.find(look({**many, "sys/devices/system/cpu/present": "0-999,5,x", "proc/stat": stat(*[(1, 1)] * 300)}))
    assert len([n for n in found.nodes if n.stream == "freq"]) == cpu.CLUSTERS
    assert len([c for c in columns(found) if c.startswith("cpu0_1")]) <= cpu.STEPS
    assert len(node_of(found, "cpu.load_ratio").channels) == cpu.PROCESSORS + 1


@given(st.lists(ANY_TEXT, min_size=3, max_size=3))
def test_any_text_gives_values_or_none(texts: list[str]) -> None:
    parsers = [node.parse for node in cpu.find(look(PHONE)).nodes]
    for parse in parsers:
        for text in texts:
            assert all(value is None or value >= 0 for value in parse(text))
    cpu.find(look(dict.fromkeys(PHONE, texts[0])))
