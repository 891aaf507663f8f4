"""NVML that is absent, broken, somebody else's or lying: a named reason, never a zero, never a traceback."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.nvidia import library
from edgewatt.collectors.nvidia.collector import Nvml
from edgewatt.collectors.nvidia.device import FAMILY, discover
from edgewatt.collectors.nvidia.gpu import text
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError
from tests.nvml_fake import ANSWERS, FakeGpu, NVMLError, S, fake_nvml, install

MIG = "MIG-aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"


def opened(uri: str) -> Device:
    return FAMILY.open(parse_uri(uri))


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    made = FakeGpu(ManualClock(10 * S))
    install(monkeypatch, made)
    return made


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (library.LIBRARY_NOT_FOUND, "libnvidia-ml.so.1 is not on this machine"),
        (library.DRIVER_NOT_LOADED, "sudo modprobe nvidia"),
        (library.VERSION_MISMATCH, "different versions. reboot"),
        (4, "permission denied"),
        (library.GPU_IS_LOST, "fell off the bus"),
        (4711, "NVML error 4711"),
    ],
)
def test_nvml_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    install(monkeypatch, init=code)
    with pytest.raises(DeviceError, match=words):
        opened("nvml:0")
    with pytest.raises(DeviceError, match=words):
        Nvml("0").open(ManualClock())


def test_a_machine_without_nvidia_has_no_gpus_and_one_with_a_broken_driver_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, init=library.LIBRARY_NOT_FOUND)
    monkeypatch.setattr("edgewatt.collectors.nvidia.device.gpus_on_bus", list)
    assert discover() == []
    install(monkeypatch, init=library.VERSION_MISMATCH)
    (found,) = discover()
    assert (found.uri, found.blocked[0].what) == ("nvml:0", "nvml")
    assert "different versions" in found.blocked[0].reason


def test_the_impostor_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The old package `pynvml` is a folder of its own, without nvidia-ml-py's insides."""
    impostor = ModuleType("pynvml")
    impostor.__file__ = "/somewhere/pynvml/__init__.py"
    monkeypatch.setitem(sys.modules, "pynvml", impostor)
    with pytest.raises(DeviceError, match=r"/somewhere/pynvml.*pip uninstall -y pynvml"):
        opened("nvml:0")
    assert discover() == []


def test_without_nvidia_ml_py_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    with pytest.raises(DeviceError, match="nvidia-ml-py"):
        opened("nvml:0")


@pytest.mark.parametrize("uri", ["nvml:x", "nvml:-1", "nvml:0;id", "nvml:GPU-", "nvml:0?watts=1", "nvml:0?wake=maybe"])
def test_what_names_no_gpu_is_a_usage_error(gpu: FakeGpu, uri: str) -> None:
    assert gpu.uuid
    with pytest.raises(UsageError):
        opened(uri)


@pytest.mark.parametrize("uri", ["nvml:1", "nvml:999", "nvml:GPU-99999999-2222-3333-4444-555555555555"])
def test_a_gpu_that_is_not_there_is_a_device_error_that_says_how_many_are(gpu: FakeGpu, uri: str) -> None:
    assert gpu.uuid
    with pytest.raises(DeviceError, match="NVML sees 1 here"):
        opened(uri)


def test_a_mig_slice_is_explained_with_the_gpu_to_name_instead(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    module = fake_nvml(gpu)
    module.nvmlDeviceGetHandleByUUID = lambda uuid: "slice" if uuid == MIG else gpu  # type: ignore[attr-defined]
    module.nvmlDeviceGetDeviceHandleFromMigDeviceHandle = lambda _: gpu  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pynvml", module)
    with pytest.raises(UsageError, match=f"whole GPUs only.*nvml:{gpu.uuid}"):
        opened(f"nvml:{MIG}")
    install(monkeypatch, gpu)
    with pytest.raises(UsageError, match="whole GPUs only"):
        opened(f"nvml:{MIG}")


@settings(max_examples=60)
@given(st.one_of(st.binary(max_size=600), st.text(max_size=600), st.integers(), st.none(), st.floats()))
def test_text_of_a_driver_is_bounded_and_printable(said: object) -> None:
    found = text(said)
    assert len(found) <= 128
    assert found.isprintable()


NONSENSE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.binary(max_size=20),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
    st.builds(
        SimpleNamespace,
        nvmlReturn=st.sampled_from([0, 3, 15, 999, None]),
        valueType=st.one_of(st.integers(-1, 9), st.none()),
        value=st.builds(SimpleNamespace, uiVal=st.integers(), ullVal=st.floats()),
        gpu=st.integers(),
        memory=st.none(),
        used=st.integers(),
    ),
    st.sampled_from([NVMLError(code) for code in (1, 3, 13, 15, 999)] + [ValueError("x"), UnicodeError("x")]),
)


@settings(max_examples=25)
@given(st.dictionaries(st.sampled_from(sorted(ANSWERS)), st.lists(NONSENSE, min_size=1, max_size=3)))
def test_whatever_a_driver_answers_is_a_value_or_a_reason(lies: dict[str, list[object]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        gpu = FakeGpu(ManualClock(10 * S), call_s=0.0005)
        module = install(patch, gpu)
        for name, said in lies.items():
            setattr(module, f"nvmlDevice{name}", _lying(gpu, said))
        collector = Nvml("0")
        try:
            device = opened("nvml:0")
            found = collector.open(gpu.clock)
        except DeviceError:
            return
        assert isinstance(device.device_id, str)
        assert len(device.device_id) <= 128
        columns = {suffix: {c.column for c in of} for suffix, of in found.channels.items()}
        for _ in range(15):
            item = collector.read(0.1)
            if isinstance(item, Batch) and len(item):
                assert set(item.columns) == columns[item.stream]
                for values in item.columns.values():
                    assert values.dtype == np.int64 or not np.isinf(values).any()
            assert isinstance(item, Batch | Gap | End)
        collector.close()
        assert collector.learnt().facts
        assert module.held == 0


def _lying(gpu: FakeGpu, said: list[object]) -> object:
    answers = iter(range(1_000_000))

    def call(*_: object) -> object:
        gpu.clock.sleep(0.0005)
        one = said[next(answers) % len(said)]
        if isinstance(one, Exception):
            raise one
        return one

    return call
