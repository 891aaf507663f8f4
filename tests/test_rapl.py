"""RAPL: zones, names, wrap-around, duplicates, permissions, and what is said where there is none."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.host.places import Places
from edgewatt.collectors.host.powercap import find_zones
from edgewatt.collectors.host.rapl import Rapl
from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import ManualClock
from tests.trees import (
    COUNT_UJ,
    RANGE_UJ,
    LivingClock,
    Powercap,
    as_somebody_else,
    link,
    open_folder,
    proc,
    server,
    write,
)


def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "sys", tmp_path / "proc", tmp_path / "root")


def opened(tree: Powercap, tmp_path: Path) -> tuple[Rapl, Opened, LivingClock]:
    clock = LivingClock(tree.live)
    rapl = Rapl(places(tmp_path))
    return rapl, rapl.open(clock), clock


def channels(answer: Opened) -> dict[str, object]:
    return {c.name: c for group in answer.channels.values() for c in group}


def test_every_zone_is_one_channel_named_by_its_path(tmp_path: Path) -> None:
    _, answer, _ = opened(server(tmp_path / "sys", 2), tmp_path)
    assert sorted(channels(answer)) == [
        "package-0",
        "package-0_core",
        "package-0_dram",
        "package-1",
        "package-1_core",
        "package-1_dram",
    ]
    assert answer.unavailable == ()
    package = answer.channels[""][0]
    assert package.column == "package-0.energy_j"
    assert (package.kind, package.scale, package.counter_range) == ("counter", 1e-6, RANGE_UJ + 1)
    assert (package.boundary, package.accuracy) == ("rail", None)
    assert package.source.endswith("class/powercap/intel-rapl:0/energy_uj")


def test_package_and_its_memory_are_added_and_nothing_else(tmp_path: Path) -> None:
    tree = server(tmp_path / "sys", 2)
    tree.zone("intel-rapl", "2", "psys", 200.0)
    _, answer, _ = opened(tree, tmp_path)
    assert {s.name: (s.terms, s.boundary) for s in answer.sources} == {
        "rapl/psys": ((("psys.energy_j",),), "board"),
        "rapl/package-0+dram": ((("package-0.energy_j",), ("package-0_dram.energy_j",)), "rail"),
        "rapl/package-1+dram": ((("package-1.energy_j",), ("package-1_dram.energy_j",)), "rail"),
        "rapl/packages+dram": (
            (
                ("package-0.energy_j",),
                ("package-1.energy_j",),
                ("package-0_dram.energy_j",),
                ("package-1_dram.energy_j",),
            ),
            "rail",
        ),
    }


def test_amd_has_package_and_core(tmp_path: Path) -> None:
    tree = Powercap(tmp_path / "sys")
    tree.zone("intel-rapl", "0", "package-0", 80.0)
    tree.zone("intel-rapl", "0:0", "core", 20.0)
    _, answer, _ = opened(tree, tmp_path)
    assert [s.name for s in answer.sources] == ["rapl/package-0"]
    assert answer.sources[0].terms == (("package-0.energy_j",),)


def test_dies_are_told_apart_and_totalled(tmp_path: Path) -> None:
    tree = Powercap(tmp_path / "sys")
    tree.zone("intel-rapl", "0", "package-0-die-0", 80.0)
    tree.zone("intel-rapl", "1", "package-0-die-1", 80.0)
    _, answer, _ = opened(tree, tmp_path)
    assert [s.name for s in answer.sources] == ["rapl/package-0-die-0", "rapl/package-0-die-1", "rapl/packages"]


def test_one_counter_that_many_folders_show_counts_once(tmp_path: Path) -> None:
    tree = server(tmp_path / "sys", 1)
    tree.zone("intel-rapl", "7", "package-0", 50.0)
    link(tmp_path / "sys/class/powercap/intel-rapl:9", tree.base / "intel-rapl/intel-rapl:0")
    link(tree.base / "intel-rapl/intel-rapl:0/intel-rapl:0:9", tree.base / "intel-rapl")
    zones = find_zones(places(tmp_path))
    assert [zone.mmio for zone in zones["package-0"]] == [False, False, True]
    _, answer, _ = opened(tree, tmp_path)
    assert sorted(channels(answer)) == ["package-0", "package-0_core", "package-0_dram"]


def test_only_the_virtual_folder_is_mounted(tmp_path: Path) -> None:
    server(tmp_path / "sys", 1)
    (tmp_path / "sys/class").rename(tmp_path / "elsewhere")
    assert sorted(find_zones(places(tmp_path))) == ["package-0", "package-0_core", "package-0_dram"]


def test_joules_are_right_across_a_wrap_around(tmp_path: Path) -> None:
    tree = Powercap(tmp_path / "sys")
    power_w = 100.0
    tree.zone("intel-rapl", "0", "package-0", power_w, start_uj=RANGE_UJ - 30_000_000)
    rapl, answer, _ = opened(tree, tmp_path)
    rows = [row for _ in range(20) if isinstance(row := rapl.read(0.2), Batch) and len(row)]
    counts = [int(row.columns["package-0.energy_j"][0]) for row in rows]
    assert any(later < earlier for earlier, later in pairwise(counts))
    channel = answer.channels[""][0]
    assert channel.counter_range is not None
    steps = np.diff(np.array(counts)) % channel.counter_range
    elapsed_s = (rows[-1].t_ns[0] - rows[0].t_ns[0]) / 1e9
    assert elapsed_s == pytest.approx(1.9)
    error_j = steps.sum() * channel.scale - power_w * elapsed_s
    assert abs(error_j) <= COUNT_UJ * 1e-6 + 1e-9


def test_rows_are_int64_every_tenth_of_a_second(tmp_path: Path) -> None:
    rapl, _, _ = opened(server(tmp_path / "sys"), tmp_path)
    rows = [rapl.read(1.0) for _ in range(5)]
    assert all(isinstance(row, Batch) and row.columns["package-0.energy_j"].dtype == np.int64 for row in rows)
    stamps = np.array([row.t_ns[0] for row in rows if isinstance(row, Batch)])
    assert set(np.diff(stamps)) == {100_000_000}


def test_without_a_range_the_counter_is_kept_and_the_wrap_is_not_known(tmp_path: Path) -> None:
    tree = server(tmp_path / "sys")
    (tree.base / "intel-rapl/intel-rapl:0/max_energy_range_uj").unlink()
    _, answer, _ = opened(tree, tmp_path)
    assert answer.channels[""][0].counter_range is None
    assert [u.what for u in answer.unavailable] == ["package-0.energy_j across a wrap-around"]
    assert [s.name for s in answer.sources] == ["rapl/package-0+dram"]


def test_a_range_that_would_wrap_unseen_is_refused(tmp_path: Path) -> None:
    tree = Powercap(tmp_path / "sys", range_uj=100_000_000)
    tree.zone("intel-rapl", "0", "package-0", 50.0)
    _, answer, _ = opened(tree, tmp_path)
    assert answer.channels == {}
    assert "wrap around unseen unless read every 0.05 s" in answer.unavailable[0].reason


def test_a_counter_that_does_not_move_is_not_measured(tmp_path: Path) -> None:
    tree = server(tmp_path / "sys", 2)
    tree.power_w["intel-rapl/intel-rapl:0/intel-rapl:0:1"] = 0.0
    tree.power_w["intel-rapl/intel-rapl:1"] = 0.0
    _, answer, clock = opened(tree, tmp_path)
    assert sorted(channels(answer)) == ["package-0", "package-0_core", "package-1_core", "package-1_dram"]
    assert [u.what for u in answer.unavailable] == ["package-0_dram.energy_j", "package-1.energy_j"]
    assert "stayed at 1000000 for 0.15 s" in answer.unavailable[0].reason
    assert [s.name for s in answer.sources] == ["rapl/package-0"]
    assert clock.now_ns() <= 200_000_000


def test_opening_moving_counters_is_quick(tmp_path: Path) -> None:
    _, _, clock = opened(server(tmp_path / "sys"), tmp_path)
    assert clock.now_ns() == 50_000_000


def test_a_denied_counter_says_which_permission_helps() -> None:
    with open_folder() as folder:
        proc(folder / "proc")
        tree = server(folder / "sys", 2)
        for path in tree.base.rglob("energy_uj"):
            path.chmod(0o666)
        denied = tree.base / "intel-rapl/intel-rapl:1/energy_uj"
        denied.chmod(0o400)
        tree.power_w.pop("intel-rapl/intel-rapl:1")
        rapl = Rapl(places(folder))  # reads its profile, which somebody else may not
        with as_somebody_else(folder):
            answer = rapl.open(LivingClock(tree.live))
    (reason,) = answer.unavailable
    assert reason.what == "package-1.energy_j"
    assert "permission denied" in reason.reason
    assert "CVE-2020-8694" in reason.reason
    assert f"sudo chmod a+r {folder}/sys/class/powercap/intel-rapl:1/energy_uj" in reason.fix
    assert "tmpfiles.d" in reason.fix
    assert "CAP_DAC_READ_SEARCH" in reason.fix
    assert [s.name for s in answer.sources] == ["rapl/package-0+dram"], "a total that misses a package is no total"


def test_memory_that_is_denied_is_missing_from_the_name(tmp_path: Path) -> None:
    tree = server(tmp_path / "sys")
    (tree.base / "intel-rapl/intel-rapl:0/intel-rapl:0:1/energy_uj").unlink()
    _, answer, _ = opened(tree, tmp_path)
    assert [s.name for s in answer.sources] == ["rapl/package-0"]
    assert "dram-0" not in answer.sources[0].covers


@pytest.mark.parametrize(
    ("vendor", "flags", "files", "reason", "fix"),
    [
        ("GenuineIntel", "hypervisor", {}, "virtual machine (unknown hypervisor)", "-m"),
        ("GenuineIntel", "hypervisor", {"sys/class/dmi/id/product_name": "VMware7,1"}, "machine (VMware)", "-m"),
        ("AuthenticAMD", "", {"root/.dockerenv": ""}, "container (docker)", "-v /sys/devices/virtual/powercap"),
        ("AuthenticAMD", "", {"proc/self/cgroup": "0::/kubepods/burstable"}, "container (kubepods)", "-v"),
        ("AuthenticAMD", "", {"proc/self/cgroup": "0::/system.slice/docker.service"}, "may have RAPL", "modprobe"),
        ("AuthenticAMD", "", {"sys/class/dmi/id/sys_vendor": "QEMU"}, "may have RAPL", "modprobe intel_rapl_msr"),
        ("ARM", "", {}, "a processor without RAPL", "-m"),
    ],
)
def test_where_there_is_none_the_reason_is_named(
    tmp_path: Path, vendor: str, flags: str, files: dict[str, str], reason: str, fix: str
) -> None:
    proc(tmp_path / "proc", vendor=vendor, flags=flags)
    for name, content in files.items():
        write(tmp_path / name, content)
    answer = Rapl(places(tmp_path)).open(ManualClock())
    (why,) = answer.unavailable
    assert answer.channels == {}
    assert answer.sources == ()
    assert reason in why.reason
    assert fix in why.fix


def test_a_container_that_masks_rapl_is_told_apart_from_a_machine_without(tmp_path: Path) -> None:
    server(tmp_path / "sys")
    (tmp_path / "sys/devices/virtual/powercap").rename(tmp_path / "masked")
    answer = Rapl(places(tmp_path)).open(ManualClock())
    assert "containers hide RAPL" in answer.unavailable[0].reason
    assert "host?sysfs=/host/sys" in answer.unavailable[0].fix


def test_a_counter_that_vanishes_leaves_null_and_a_gap_and_the_rest_goes_on(tmp_path: Path) -> None:
    tree = server(tmp_path / "sys")
    rapl, _, _ = opened(tree, tmp_path)
    rapl.read(0.2)
    (tree.base / "intel-rapl/intel-rapl:0/intel-rapl:0:1/energy_uj").unlink()
    row, gap, after = rapl.read(0.2), rapl.read(0.2), rapl.read(0.2)
    assert isinstance(row, Batch)
    assert row.columns["package-0_dram.energy_j"][0] == COUNTER_ABSENT
    assert row.columns["package-0.energy_j"][0] > 0
    assert isinstance(gap, Gap)
    assert "intel-rapl:0:1/energy_uj: no such file" in gap.cause
    assert gap.t0_ns == gap.t1_ns == row.t_ns[0]
    assert isinstance(after, Batch)


def test_all_gone_gives_gaps_without_a_hole_and_what_comes_back_is_read(tmp_path: Path) -> None:
    tree = server(tmp_path / "sys")
    rapl, _, clock = opened(tree, tmp_path)
    first = rapl.read(0.2)
    assert isinstance(first, Batch)
    tree.base.rename(tmp_path / "away")
    gone = [item for _ in range(40) if isinstance(item := rapl.read(0.2), Gap)]
    assert len(gone) >= 3, "gaps keep being reported"
    (tmp_path / "away").rename(tree.base)
    back = [item for _ in range(20) if isinstance(item := rapl.read(0.2), Gap) or len(item)]
    gaps = [*gone, *(item for item in back if isinstance(item, Gap))]
    rows = [item for item in back if isinstance(item, Batch)]
    assert gaps[0].t0_ns == first.t_ns[0]
    assert all(a.t1_ns == b.t0_ns for a, b in pairwise(gaps))
    assert gaps[-1].t1_ns == rows[0].t_ns[0]
    assert sum(gap.samples_lost or 0 for gap in gaps) == pytest.approx((gaps[-1].t1_ns - gaps[0].t0_ns) / 1e8, abs=1)
    assert rows[0].columns["package-0.energy_j"][0] > first.columns["package-0.energy_j"][0]
    assert clock.now_ns() < 60e9


HOSTILE = st.one_of(
    st.binary(max_size=80),
    st.integers(-(2**70), 2**70).map(lambda n: f"{n}\n".encode()),
    st.sampled_from([b"", b"\n", b"1_000\n", b"0x10\n", b"1e9\n", "١٢٣\n".encode(), b"9" * 5000]),
)


@given(
    energy=HOSTILE,
    later=HOSTILE,
    range_uj=HOSTILE,
    name=st.one_of(st.binary(max_size=300), st.sampled_from([b"package-0", b"psys", b"core"])),
)
def test_hostile_files_give_a_value_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, energy: bytes, later: bytes, range_uj: bytes, name: bytes
) -> None:
    tmp_path = tmp_path_factory.mktemp("hostile")
    folder = tmp_path / "sys/class/powercap/intel-rapl:0"
    write(folder / "energy_uj", energy)
    write(folder / "max_energy_range_uj", range_uj)
    write(folder / "name", name)

    def live(t_ns: int) -> None:
        write(folder / "energy_uj", later if t_ns else energy)

    clock = LivingClock(live)
    rapl = Rapl(places(tmp_path))
    answer = rapl.open(clock)
    for channel in (c for group in answer.channels.values() for c in group):
        assert channel.column.isascii()
        assert channel.column == channel.column.lower()
        row = rapl.read(0.2)
        assert isinstance(row, Batch)
        value = int(row.columns[channel.column][0])
        largest = (channel.counter_range or 2**63) - 1
        assert value == COUNTER_ABSENT or 0 <= value <= largest
    assert answer.channels or answer.unavailable
    assert all(u.reason for u in answer.unavailable)
    rapl.close()


def test_a_counter_that_is_gone_at_the_second_look_says_so(tmp_path: Path) -> None:
    tree = server(tmp_path / "sys")

    def live(t_ns: int) -> None:
        tree.live(t_ns)
        if t_ns:
            (tree.base / "intel-rapl/intel-rapl:0/intel-rapl:0:0/energy_uj").unlink(missing_ok=True)

    answer = Rapl(places(tmp_path)).open(LivingClock(live))
    assert [u.what for u in answer.unavailable] == ["package-0_core.energy_j"]
    assert "no such file or directory at the second look" in answer.unavailable[0].reason
