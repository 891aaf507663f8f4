"""A GPU as a device and as a meter: its URI, its facts, what is at hand, what sleeps, and a run of it."""

from pathlib import Path

import pytest

from edgewatt.collectors.nvidia.device import FAMILY, discover
from edgewatt.collectors.nvidia.suspended import asleep, gpus_on_bus
from edgewatt.device_profiles.gpus import choose, gpu_profiles
from edgewatt.profiler.clock import HostClock, ManualClock
from edgewatt.profiler.device import Device, open_device, parse_uri
from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.record import record, recording_of
from edgewatt.profiler.running.synchronise import Synchronising
from edgewatt.profiler.storage.trace import Trace
from tests.nvml_fake import FakeGpu, S, install
from tests.trees import write


def opened(uri: str) -> Device:
    return FAMILY.open(parse_uri(uri))


def two(patch: pytest.MonkeyPatch, **second: object) -> tuple[FakeGpu, FakeGpu]:
    gpus = (
        FakeGpu(ManualClock(10 * S)),
        FakeGpu(ManualClock(10 * S), name="NVIDIA H100 PCIe", uuid="GPU-22222222-0000", architecture=9, **second),  # type: ignore[arg-type]
    )
    install(patch, *gpus)
    return gpus


def on_bus(sysfs: Path, address: str, status: str, vendor: str = "0x10de", kind: str = "0x030200") -> None:
    folder = sysfs / "bus/pci/devices" / address
    for name, content in (("vendor", vendor), ("class", kind), ("power/runtime_status", status)):
        write(folder / name, content + "\n")


def test_a_gpu_is_named_by_index_or_uuid_and_says_what_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    two(monkeypatch)
    first, second = opened("nvml:0"), opened("nvml:GPU-22222222-0000")
    assert (first.name, first.device_id) == ("NVIDIA A100-SXM4-40GB", "GPU-11111111-2222-3333-4444-555555555555")
    assert second.device_id == "GPU-22222222-0000"
    assert not first.simulated
    facts = first.facts
    assert (facts["gpu_driver"], facts["gpu_vbios"], facts["gpu_architecture"]) == (
        "580.142",
        "92.00.45.00.03",
        "ampere",
    )
    assert (facts["gpu_power_limit_w"], facts["gpu_persistence_mode"], facts["gpu_ecc"]) == (400.0, True, True)
    assert (facts["gpu_mig_mode"], facts["gpu_processes"], facts["gpu_clocks_set"]) == (False, 2, False)
    assert first.target is not None
    assert first.target.facts()["cpu_count"]
    names = [d.collectors[0].open(ManualClock(10 * S)).name for d in (first, second, opened("nvml:1?name=big"))]
    assert names == ["nvml0", "nvml1", "big"]


def test_a_gpu_in_mig_mode_marks_its_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    two(monkeypatch, mig=1)
    assert opened("nvml:0").remarks() == ()
    assert opened("nvml:1").remarks() == ("mig_whole_gpu",)


def test_what_cannot_be_asked_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = two(monkeypatch)
    first.refuse |= {"*": 3, "GetName": 0, "GetIndex": 0}
    device = opened("nvml:0")
    assert (device.name, device.device_id) == ("NVIDIA A100-SXM4-40GB", "nvml:0")
    unknown = {key for key, value in device.facts.items() if value is None}
    assert {"gpu_uuid", "gpu_power_limit_w", "gpu_mig_mode", "gpu_processes"} <= unknown


def test_all_gpus_at_hand_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    two(monkeypatch)
    assert [(f.uri, f.name) for f in discover()] == [
        ("nvml:0", "NVIDIA A100-SXM4-40GB"),
        ("nvml:1", "NVIDIA H100 PCIe"),
    ]


def test_a_sleeping_gpu_is_not_woken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = install(monkeypatch, FakeGpu(ManualClock(10 * S)))
    on_bus(tmp_path, "0000:01:00.0", "suspended")
    on_bus(tmp_path, "0000:02:00.0", "active")
    on_bus(tmp_path, "0000:00:02.0", "suspended", vendor="0x8086")
    on_bus(tmp_path, "0000:01:00.1", "suspended", kind="0x040300")
    assert [(gpu.bus_id, gpu.asleep) for gpu in gpus_on_bus(tmp_path)] == [
        ("0000:01:00.0", True),
        ("0000:02:00.0", False),
    ]
    assert asleep("1", tmp_path) is None
    assert asleep("GPU-1234", tmp_path) is not None
    calls: list[str] = []
    module.nvmlInit = lambda: calls.append("init")
    with pytest.raises(DeviceError, match=r"0000:01:00\.0 is asleep.*wake=yes"):
        opened(f"nvml:0?sysfs={tmp_path}")
    monkeypatch.setattr("edgewatt.collectors.nvidia.device.gpus_on_bus", lambda: gpus_on_bus(tmp_path))
    assert [bool(found.blocked) for found in discover()] == [True, False]
    assert calls == []
    assert opened(f"nvml:0?sysfs={tmp_path}&wake=yes").name
    assert calls == ["init"]


def test_a_run_of_a_gpu_holds_its_joules_and_what_polling_cost(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gpu = FakeGpu(HostClock(), steps=[(0, 80.0)], period_s=0.02, phase_s=0.007)
    install(monkeypatch, gpu)
    trace = record(opened("nvml:0"), tmp_path / "run", seconds=1.5)
    source = next(s for s in trace.sources if s.name == "nvml0/energy")
    t_ns = [int(t) for chunk in trace.chunks("nvml0", ["nvml0.energy_j"]) for t in chunk.t_ns]
    t0_ns, t1_ns = t_ns[2], t_ns[-3]
    energies = energy_of_source(trace, source, [t0_ns], [t1_ns])
    assert energies.energy_j[0] == pytest.approx(80 * (t1_ns - t0_ns) / S, rel=0.05)
    known = trace.manifest.device["instruments"]["nvml0"]
    assert known["profile"] == "nvidia_a100"
    assert known["polling"]["calls"]["DeviceGetTotalEnergyConsumption"]["calls"] > 10
    assert set(trace.stored_streams) == {"nvml0", "nvml0-slow"}


def test_beside_a_host_whose_cores_it_does_not_see_it_keeps_its_joules(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Pulses on a core do not reach a GPU, and its stamps are the host's own."""
    install(monkeypatch, FakeGpu(HostClock(), steps=[(0, 80.0)], period_s=0.02))
    host, gpu = open_device("host"), opened("nvml:0")
    assert host.pulses is not None
    writer = begin_run(tmp_path / "run", host, meters=[gpu])
    with recording_of(writer, host, [gpu], HostClock()) as recording:
        assert recording.sources_of(gpu.collectors)
        synchronising = Synchronising.of(recording, host, [gpu])
    assert synchronising.sources == ()
    assert synchronising.takes_s == 0
    assert Trace.open(tmp_path / "run").manifest.meter is not None


@pytest.mark.parametrize(
    ("architecture", "name", "profile"),
    [
        ("ampere", "NVIDIA A100-SXM4-80GB", "nvidia_a100"),
        ("ampere", "NVIDIA A100 80GB PCIe", "nvidia_a100"),
        ("ampere", "NVIDIA A30", "nvidia_a100"),
        ("ampere", "NVIDIA RTX A1000", "nvidia_ampere"),
        ("ampere", "NVIDIA GeForce RTX 3090", "nvidia_rtx_3090"),
        ("hopper", "NVIDIA GH200 480GB", "nvidia_gh200"),
        ("hopper", "NVIDIA H100 PCIe", "nvidia_h100_pcie"),
        ("volta", "Tesla V100-SXM2-16GB", "nvidia_v100"),
        ("turing", "Tesla T4", "nvidia_t4"),
        ("maxwell", "GeForce GTX 980", "nvidia_kepler"),
        ("ada", "NVIDIA L40S", "nvidia_l40s"),
        ("ada", "NVIDIA RTX 6000 Ada Generation", "nvidia_gpu"),
        (None, "", "nvidia_gpu"),
    ],
)
def test_what_is_published_of_a_gpu_is_found_by_its_architecture(
    architecture: str | None, name: str, profile: str
) -> None:
    assert choose(architecture, name).name == profile


def test_published_windows_are_no_longer_than_a_second_and_periods_positive() -> None:
    assert len(gpu_profiles()) >= 8
    for profile in gpu_profiles():
        assert profile.facts["usage_is"].value in {"average", "instant"}
        for key in ("update_period_s", "instant_window_s", "average_window_s"):
            assert key not in profile.facts or 0 < profile.number(key) <= 1
