"""The host as a device: load, frequency, temperature, memory, its conditions and its name."""

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.host.device import FAMILY
from edgewatt.collectors.host.facts import device_id, host_facts
from edgewatt.collectors.host.kernel import Ticks, load_ratio, parse_meminfo, parse_stat
from edgewatt.collectors.host.load import HostLoad
from edgewatt.collectors.host.places import HERE, Places
from edgewatt.collectors.host.surroundings import virtual_machine
from edgewatt.collectors.host.temperature import plausible_c
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import HostClock, ManualClock
from edgewatt.profiler.device import open_device, parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError
from tests.trees import LivingClock, Proc, chip, policy, proc, thermal_zone, write

# printf 0123456789abcdef0123456789abcdef | openssl dgst -sha256 -hmac "edgewatt device_id 1"
OPENSSL_SAYS = "5a08a090f642c492"


def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "sys", tmp_path / "proc", tmp_path / "root")


def laptop(tmp_path: Path) -> Proc:
    """Two clusters, three temperatures, a battery."""
    sys = tmp_path / "sys"
    policy(sys, 0, 1_400_000, cpus="0 1")
    policy(sys, 4, 2_900_000, cpus="4 5")
    chip(sys, 0, "coretemp", {"temp1_input": 61000, "temp1_label": "Package id 0"}, device="coretemp.0")
    chip(sys, 1, "acpitz", {"temp1_input": 40000}, device="thermal_zone0")
    chip(sys, 2, "nvme", {"temp1_input": 70000, "temp1_label": "Composite"}, device="nvme0")
    thermal_zone(sys, 0, "acpitz", 40000)
    write(sys / "class/power_supply/BAT0/type", "Battery")
    write(sys / "class/power_supply/BAT0/status", "Discharging")
    write(sys / "class/power_supply/AC/type", "Mains")
    write(sys / "class/power_supply/AC/online", 0)
    write(tmp_path / "root/etc/machine-id", "0123456789abcdef0123456789abcdef")
    write(tmp_path / "root/etc/os-release", 'NAME="Test"\nPRETTY_NAME="Test OS 12 (test)"\nID=test')
    return proc(tmp_path / "proc")


def opened(tmp_path: Path, tree: Proc) -> tuple[HostLoad, Opened]:
    load = HostLoad(places(tmp_path))
    return load, load.open(LivingClock(tree.live))


def rows(load: HostLoad, count: int) -> list[Batch]:
    found: list[Batch] = []
    while len(found) < count:
        item = load.read(1.0)
        assert isinstance(item, Batch)
        found += [item] if len(item) else []
    return found


def test_a_second_of_a_laptop(tmp_path: Path) -> None:
    load, answer = opened(tmp_path, laptop(tmp_path))
    assert answer.unavailable == ()
    row = rows(load, 2)[1]
    assert {name: float(values[0]) for name, values in row.columns.items()} == {
        "cpu.load_ratio": 0.5,
        "cpu0.load_ratio": 0.25,
        "cpu1.load_ratio": 0.75,
        "memory_used.memory_b": 10_000 * 1024,
        "cpu0.frequency_hz": 1.4e9,
        "cpu4.frequency_hz": 2.9e9,
        "coretemp_package_id_0.temperature_c": 61.0,
        "nvme_composite.temperature_c": 70.0,
        "acpitz.temperature_c": 40.0,
    }
    assert all(values.dtype == np.float64 for values in row.columns.values())
    covers = {c.column: c.covers for c in answer.channels[""]}
    assert covers["cpu4.frequency_hz"] == ("cpu4", "cpu5")


def test_a_virtual_machine_says_what_it_does_not_see(tmp_path: Path) -> None:
    tree = proc(tmp_path / "proc", flags="sse2 hypervisor")
    _, answer = opened(tmp_path, tree)
    assert [u.what for u in answer.unavailable] == ["cpu.frequency_hz", "temperature_c"]
    assert "virtual machine (unknown hypervisor)" in answer.unavailable[0].reason


@pytest.mark.parametrize("millidegree", [0, -256_000, 2_000_000_000, b"", b"\xff\xfe", b"n/a\n"])
def test_a_temperature_that_cannot_be_is_not_measured(tmp_path: Path, millidegree: int | bytes) -> None:
    tree = laptop(tmp_path)
    thermal_zone(tmp_path / "sys", 1, "gpu", millidegree)
    thermal_zone(tmp_path / "sys", 2, "ambient", -5000)
    load, answer = opened(tmp_path, tree)
    assert [u.what for u in answer.unavailable] == ["gpu.temperature_c"]
    assert "not plausible" in answer.unavailable[0].reason
    assert rows(load, 1)[0].columns["ambient.temperature_c"][0] == -5.0
    write(tmp_path / "sys/class/thermal/thermal_zone2/temp", -256_000)
    assert np.isnan(rows(load, 1)[0].columns["ambient.temperature_c"][0])


def test_a_processor_that_goes_offline_is_null(tmp_path: Path) -> None:
    tree = laptop(tmp_path)
    clock = ManualClock()
    load = HostLoad(places(tmp_path))
    load.open(clock)
    clock.advance(1.0)
    Proc(tree.root, busy=(0.5,)).live(clock.now_ns())
    row = rows(load, 1)[0]
    assert row.columns["cpu0.load_ratio"][0] == pytest.approx(0.5)
    assert np.isnan(row.columns["cpu1.load_ratio"][0])


def test_a_sensor_that_vanishes_is_a_gap_and_the_rest_goes_on(tmp_path: Path) -> None:
    load, _ = opened(tmp_path, laptop(tmp_path))
    (tmp_path / "sys/devices/platform/nvme0").rename(tmp_path / "away")
    row, gap = load.read(1.0), load.read(1.0)
    assert isinstance(row, Batch)
    assert np.isnan(row.columns["nvme_composite.temperature_c"][0])
    assert row.columns["coretemp_package_id_0.temperature_c"][0] == 61.0
    assert isinstance(gap, Gap)
    assert "hwmon2/temp1_input: no such file" in gap.cause


def test_nothing_at_all_is_a_device_error(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="nothing of this host can be read") as caught:
        HostLoad(places(tmp_path)).open(ManualClock())
    assert "stat: no such file" in str(caught.value)


def test_the_conditions_of_a_laptop(tmp_path: Path) -> None:
    laptop(tmp_path)
    facts = host_facts(places(tmp_path))
    assert json.loads(json.dumps(facts)) == facts
    expected = {
        "os_build": "Test OS 12 (test) 6.1.0-test",
        "cpu_model": "Intel Xeon",
        "governor": "schedutil",
        "frequency_min_hz": [8e8],
        "frequency_max_hz": [3.4e9, 3.404e9],
        "turbo": None,
        "power_supply": "battery",
        "charging": False,
        "load_before": 0.52,
        "boot_id": "11111111-2222-3333-4444-555555555555",
        "virtual_machine": "no",
        "container": "no",
        "temperature_c": 61.0,
        "memory_total_b": 16_000 * 1024,
        "device_id_basis": "machine-id",
    }
    assert {key: facts[key] for key in expected} == expected
    assert facts["temperatures_c"]["nvme_composite"] == 70.0


@pytest.mark.parametrize(
    ("file", "content", "turbo"),
    [("intel_pstate/no_turbo", "1", False), ("intel_pstate/no_turbo", "0", True), ("cpufreq/boost", "1", True)],
)
def test_turbo(tmp_path: Path, file: str, content: str, turbo: bool) -> None:  # noqa: FBT001  (a row of the table)
    write(tmp_path / "sys/devices/system/cpu" / file, content)
    assert host_facts(places(tmp_path))["turbo"] is turbo


def test_the_id_is_keyed_stable_and_never_the_machine_id_itself(tmp_path: Path) -> None:
    laptop(tmp_path)
    first = device_id(places(tmp_path))
    assert first == device_id(places(tmp_path)) == OPENSSL_SAYS
    write(tmp_path / "root/etc/machine-id", "f" * 32)
    assert device_id(places(tmp_path)) != first


@pytest.mark.parametrize("content", ["", "uninitialized"])
def test_without_a_machine_id_there_is_a_fallback_that_is_named(tmp_path: Path, content: str) -> None:
    write(tmp_path / "root/etc/machine-id", content)
    assert host_facts(places(tmp_path))["device_id_basis"] == "host name and processor"
    assert len(device_id(places(tmp_path))) == 16
    write(tmp_path / "sys/class/dmi/id/product_uuid", "4c4c4544-0042")
    assert host_facts(places(tmp_path))["device_id_basis"] == "dmi product_uuid"
    write(tmp_path / "root/var/lib/dbus/machine-id", "a" * 32)
    assert host_facts(places(tmp_path))["device_id_basis"] == "dbus machine-id"


@pytest.mark.parametrize(
    ("vendor", "product", "name"),
    [
        ("QEMU", "Standard PC (i440FX + PIIX, 1996)", "QEMU"),
        ("Microsoft Corporation", "Virtual Machine", "Hyper-V"),
        ("Microsoft Corporation", "Surface Laptop 5", None),
        ("Amazon EC2", "m7i.metal-24xl", None),
        ("LENOVO", "20XW", None),
    ],
)
def test_a_virtual_machine_is_known_by_its_firmware(
    tmp_path: Path, vendor: str, product: str, name: str | None
) -> None:
    write(tmp_path / "sys/class/dmi/id/sys_vendor", vendor)
    write(tmp_path / "sys/class/dmi/id/product_name", product)
    assert virtual_machine(places(tmp_path)) == name


def test_the_uri_names_the_roots(tmp_path: Path) -> None:
    laptop(tmp_path)
    device = open_device(f"host?sysfs={tmp_path}/sys&proc={tmp_path}/proc&root={tmp_path}/root")
    assert (device.name, device.soc, device.idle_state, device.simulated) == (
        "Intel Xeon",
        "Intel Xeon",
        "awake",
        False,
    )
    assert device.target is not None
    assert device.target.facts()["os_build"] == "Test OS 12 (test) 6.1.0-test"
    names = [collector.open(ManualClock()).name for collector in device.collectors]
    assert names == ["host", "rapl", "hwmon"]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("host?sysf=/", "no option 'sysf'; known are sysfs, proc, root"),
        ("host:0", "the host is just `host`"),
        ("host?proc=/nowhere", "proc=/nowhere is not a folder"),
        ("host?proc=%00", "is not a folder"),
    ],
)
def test_a_uri_that_is_none(uri: str, message: str) -> None:
    with pytest.raises(UsageError, match="device") as caught:
        open_device(uri)
    assert message in str(caught.value)


def test_discovery_names_this_host_and_what_blocks_its_energy() -> None:
    (found,) = FAMILY.discover()
    assert found.uri == "host"
    assert parse_uri(found.uri).scheme == "host"
    assert all(blocked.reason for blocked in found.blocked)


def test_this_host_agrees_with_psutil() -> None:
    before, ours, after = psutil.cpu_times(), parse_stat(Path("/proc/stat").read_bytes()), psutil.cpu_times()
    hz = os.sysconf("SC_CLK_TCK")
    assert sum(before[:8]) <= ours["cpu"].total / hz + 0.01 <= sum(after[:8]) + 0.02
    assert _busy_s(before) <= ours["cpu"].busy / hz + 0.01 <= _busy_s(after) + 0.02
    assert len(ours) == 1 + len(psutil.cpu_times(percpu=True))
    first, (total_b, used_b), last = psutil.virtual_memory(), _meminfo(), psutil.virtual_memory()
    assert total_b == first.total
    assert used_b is not None
    slack_b = 64 << 20
    assert min(m.total - m.available for m in (first, last)) - slack_b <= used_b
    assert used_b <= max(m.total - m.available for m in (first, last)) + slack_b


def _busy_s(times: Any) -> float:
    return float(sum(times[:8]) - times.idle - times.iowait)


def _meminfo() -> tuple[int | None, int | None]:
    return parse_meminfo(Path("/proc/meminfo").read_bytes())


def test_a_busy_processor_is_seen_on_this_host() -> None:
    load = HostLoad(HERE, period_s=0.1)
    load.open(HostClock())
    seen = 0.0
    for _ in range(30):
        until_ns = time.monotonic_ns() + 100_000_000
        while time.monotonic_ns() < until_ns:
            pass
        row = load.read(0.2)
        assert isinstance(row, Batch)
        if len(row):
            seen = max(seen, float(np.nan_to_num(row.columns["cpu.load_ratio"][0])))
        if seen > 0.4 / (os.cpu_count() or 1):
            return
    pytest.fail(f"a loop kept one processor busy, and the load never exceeded {seen}")


def test_waiting_for_a_disk_is_idle_and_a_guest_counts_once() -> None:
    parsed = parse_stat(b"cpu0 10 1 5 100 20 2 3 4 7 8\ncpu1 1 2 3 4\ncpux 1 2 3 4\ncpu2 1 -2 3 4\nctxt 9 9 9 9\n")
    assert parsed == {"cpu0": Ticks(145, 25), "cpu1": Ticks(10, 6)}


@given(st.binary(max_size=400))
def test_any_stat_gives_ticks_or_nothing(raw: bytes) -> None:
    assert all(0 <= ticks.busy <= ticks.total for ticks in parse_stat(raw).values())


@given(st.lists(st.lists(st.integers(0, 10**17), min_size=4, max_size=12), max_size=5))
def test_any_ticks_give_a_ratio_or_nothing(numbers: list[list[int]]) -> None:
    lines = [f"cpu{n or ''} {' '.join(map(str, row))}" for n, row in enumerate(numbers)]
    parsed = parse_stat("\n".join(lines).encode())
    assert len(parsed) == len(numbers)
    ticks = [None, Ticks(0, 0), *parsed.values()]
    for before in ticks:
        for after in ticks:
            ratio = load_ratio(before, after)
            assert ratio is None or 0 <= ratio <= 1


@given(st.one_of(st.binary(max_size=200), st.text("MemTotalAvib: 0123kB\n", max_size=200).map(str.encode)))
def test_any_meminfo_gives_bytes_or_nothing(raw: bytes) -> None:
    total, used = parse_meminfo(raw)
    assert used is None or (total is not None and 0 <= used <= total)


@given(st.one_of(st.none(), st.integers()))
def test_any_millidegrees_give_a_temperature_or_nothing(raw: int | None) -> None:
    value = plausible_c(raw)
    assert value is None or -55 < value < 150


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "proc/cpuinfo",
                "proc/stat",
                "proc/meminfo",
                "proc/loadavg",
                "proc/self/cgroup",
                "root/etc/machine-id",
                "root/etc/os-release",
                "root/run/systemd/container",
                "sys/class/dmi/id/sys_vendor",
                "sys/hypervisor/type",
                "sys/class/power_supply/X/type",
                "sys/class/power_supply/X/status",
                "sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq",
                "sys/devices/system/cpu/cpufreq/policy0/scaling_max_freq",
                "sys/devices/system/cpu/cpufreq/policy0/related_cpus",
                "sys/class/thermal/thermal_zone0/temp",
                "sys/class/thermal/thermal_zone0/type",
            ]
        ),
        st.binary(max_size=200),
    )
)
def test_hostile_hosts_have_conditions_and_columns(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    tmp_path = tmp_path_factory.mktemp("hostile")
    for name, content in files.items():
        write(tmp_path / name, content)
    facts = host_facts(places(tmp_path))
    json.dumps(facts, allow_nan=False)
    assert all(len(str(value)) < 2_000 for value in facts.values())
    try:
        answer = HostLoad(places(tmp_path)).open(ManualClock())
    except DeviceError:
        return
    columns = [c.column for c in answer.channels[""]]
    assert len(set(columns)) == len(columns)
