"""Graphics units of every maker: which source is taken, what its number means, and what is said without one."""

import pytest
from hypothesis import given

from edgewatt.collectors.android.files import gpu
from tests.android_looks import ANY_TEXT, Texts, columns, look, node_of, read, reasons

KGSL, DEVFREQ = "sys/class/kgsl/kgsl-3d0", "sys/class/devfreq"
CLOCK, LOAD = "gpu.frequency_hz", "gpu.load_ratio"

PHONES: dict[str, tuple[Texts, float, float]] = {
    "adreno": (
        {f"{KGSL}/gpuclk": "587000000\n", f"{KGSL}/gpu_busy_percentage": "37 %\n", f"{KGSL}/gpu_model": "Adreno640v2"},
        587e6,
        0.37,
    ),
    "adreno of which little is shown": (
        {f"{KGSL}/gpuclk": None, f"{KGSL}/devfreq/cur_freq": "257000000", f"{KGSL}/gpubusy": " 125000  500000\n"},
        257e6,
        0.25,
    ),
    "samsung in MHz": ({"sys/kernel/gpu/gpu_clock": "949", "sys/kernel/gpu/gpu_busy": "12%"}, 949e6, 0.12),
    "samsung in kHz": ({"sys/kernel/gpu/gpu_clock": "312000", "sys/kernel/gpu/gpu_busy": "100 %"}, 312e6, 1.0),
    "tensor": (
        {
            "sys/devices/platform/1f000000.mali/cur_freq": "890000",
            "sys/devices/platform/1f000000.mali/utilization": "93",
        },
        890e6,
        0.93,
    ),
    "mediatek": (
        {
            "proc/gpufreqv2/gpufreq_status": "[GPUFREQ-DEBUG] Current Status of GPUFREQ\n"
            "[GPU-OPP]       Index: 32, Freq: 390000, Volt: 62500, Vsram: 75000\n"
            "[GPU-REALOPP]   FmeterFreq: 388000, Con1Freq: 390000, ReguVolt: 62500, ReguVsram: 75000\n",
            "sys/kernel/ged/hal/gpu_utilization": "8 0 92\n",
        },
        390e6,
        0.08,
    ),
    "mediatek with a stack of shaders": (
        {
            "proc/gpufreqv2/gpufreq_status": "[GPU-OPP] Index: 2, Freq: 390000, Volt: 1\n"
            "[STACK-OPP] Index: 2, Freq: 880000",
            "sys/kernel/ged/hal/gpu_utilization": "55",
        },
        880e6,
        0.55,
    ),
    "mediatek, older": (
        {
            "proc/gpufreq/gpufreq_var_dump": "g_cur_opp_idx = 3\ng_cur_opp_freq = 650000\nreal clock freq = 648123\n",
            "sys/kernel/ged/hal/gpu_utilization": "0 0 100",
        },
        648123e3,
        0.0,
    ),
    "mediatek, ged": (
        {"sys/kernel/ged/hal/current_freqency": "12 480000\n", "sys/kernel/ged/hal/gpu_utilization": "1"},
        480e6,
        0.01,
    ),
    "mali": (
        {
            "sys/class/misc/mali0/device/devfreq/13000000.mali/cur_freq": "546000000",
            "sys/class/misc/mali0/device/devfreq/13000000.mali/load": "62@546000000Hz\n",
        },
        546e6,
        0.62,
    ),
    "devfreq": (
        {f"{DEVFREQ}/3d00000.qcom,kgsl-3d0/cur_freq": "490000000", f"{DEVFREQ}/e82c0000.gpu/load": "5@1"},
        490e6,
        0.05,
    ),
}


@pytest.mark.parametrize(("texts", "clock_hz", "load"), PHONES.values(), ids=PHONES)
def test_every_makers_clock_and_load(texts: Texts, clock_hz: float, load: float) -> None:
    found = gpu.find(look(texts))
    assert read(found, texts) == {CLOCK: pytest.approx(clock_hz), LOAD: pytest.approx(load)}
    assert {(node.stream, node.period_s) for node in found.nodes} == {("freq", 0.1)}


def test_the_best_source_is_taken_and_the_others_are_named() -> None:
    texts = {
        **PHONES["adreno"][0],
        f"{KGSL}/devfreq/cur_freq": "257000000",
        f"{KGSL}/gpubusy": "1 2",
        f"{DEVFREQ}/kgsl-3d0/cur_freq": None,
    }
    found = gpu.find(look(texts))
    assert columns(found) == [CLOCK, LOAD]
    assert found.facts == {
        "gpu_model": "Adreno640v2",
        "gpu_frequency_from": f"/{KGSL}/gpuclk",
        "gpu_frequency_left_out": [f"/{KGSL}/devfreq/cur_freq"],
        "gpu_load_from": f"/{KGSL}/gpu_busy_percentage",
        "gpu_load_left_out": [f"/{KGSL}/gpubusy"],
    }


def test_a_unit_that_is_off_has_no_clock_and_no_load_and_is_read_on() -> None:
    texts: Texts = {f"{KGSL}/gpuclk": "0", f"{KGSL}/gpubusy": "      0       0\n"}
    found = gpu.find(look(texts))
    assert read(found, texts) == {CLOCK: None, LOAD: 0.0}
    assert node_of(found, CLOCK).parse("257000000") == [257e6]


def test_a_clock_that_lives_is_better_than_one_that_is_off() -> None:
    found = gpu.find(look({f"{KGSL}/gpuclk": "0", f"{KGSL}/devfreq/cur_freq": "257000000"}))
    assert found.facts["gpu_frequency_from"] == f"/{KGSL}/devfreq/cur_freq"


def test_busy_and_total_are_of_the_last_window_and_never_a_difference() -> None:
    parse = node_of(gpu.find(look({f"{KGSL}/gpubusy": "10 100"})), LOAD).parse
    assert [parse(text)[0] for text in ("900000 1000000", "90 100", "0 100", "0 0", "5 0", "101 100", "7", "-1 5")] == [
        0.9,
        0.9,
        0.0,
        0.0,
        None,
        None,
        None,
        None,
    ]


def test_the_residency_of_a_tensor_is_in_milliseconds() -> None:
    at = "sys/devices/platform/28000000.mali"
    found = gpu.find(look({f"{at}/time_in_state": "848000 1200\n151000 88\n", f"{at}/gpuinfo": "Mali-G710 7 cores"}))
    node = node_of(found, "gpu_151000khz.duration_s")
    assert (node.stream, node.channels[0].scale, node.parse("151000 90")) == ("", 1e-3, [None, 90])
    assert found.facts == {"gpu_model": "Mali-G710 7 cores"}


def test_a_phone_that_denies_everything_says_what_is_tried_instead() -> None:
    found = gpu.find(
        look({f"{KGSL}/gpuclk": None, f"{KGSL}/devfreq/cur_freq": None, f"{KGSL}/gpu_busy_percentage": None})
    )
    assert reasons(found) == {
        "dsp.load_ratio": "no load node is visible: no phone shows one to the shell",
        "npu.load_ratio": "no load node is visible: no phone shows one to the shell",
        CLOCK: f"/{KGSL}/gpuclk: permission denied (and 1 more)",
        LOAD: f"/{KGSL}/gpu_busy_percentage: permission denied",
    }
    assert {u.fix for u in found.unavailable if u.what in (CLOCK, LOAD)} == {"`dumpsys gpu` is tried instead"}
    assert reasons(gpu.find(look({})))[CLOCK] == "no node of a graphics driver is visible"


@given(ANY_TEXT)
def test_any_text_gives_a_value_in_bounds_or_none(text: str) -> None:
    for way in gpu.FREQUENCIES:
        (clock,) = way.clock(text)
        assert clock is None or 0 < clock <= 5e9
    for way in gpu.LOADS:
        (load,) = way.load(text)
        assert load is None or 0 <= load <= 1
    gpu.find(look(dict.fromkeys(PHONES["adreno"][0], text)))
