"""What doctor says of a GPU's sensor."""

from edgewatt.collectors.nvidia.finding import Sensor
from edgewatt.collectors.nvidia.window_fit import WindowFit
from edgewatt.commands.gpu_sensor import as_text, is_gpu
from tests.with_device.gpu import fit_in_words

FIT = WindowFit(0.0251, 0.0234, 0.0269, 0.0, 0.01, 0.005, 200.0, 0.99, 126)


def sensor(**changed: object) -> Sensor:
    known = {
        "gpu": "NVIDIA A100",
        "uuid": "GPU-1",
        "profile": "nvidia_a100",
        "period_s": 0.1001,
        "period_basis": "measured",
        "period_low_s": 0.0981,
        "period_high_s": 0.1019,
        "updates": 29,
        "counter": True,
        "power_with_counter": True,
        "window_s": 0.0251,
        "window_basis": "measured",
        "window": FIT,
        "call_s": {"DeviceGetMemoryInfo": 1.2e-5, "DeviceGetPowerUsage": 3.6e-4},
        "notes": (),
    }
    return Sensor(**{**known, **changed})  # type: ignore[arg-type]


def test_measured_values_come_with_their_intervals() -> None:
    text = "\n".join(as_text(sensor()))
    assert "new every 100 ms, measured (98.1 ms to 102 ms in nine of ten cases, 29 seen)" in text
    assert "averages over 25.1 ms, measured [23.4 ms, 26.9 ms] at 95 %; it looks at 25% of the time" in text
    assert text.index("PowerUsage 360 µs") < text.index("MemoryInfo 12.0 µs")


def test_what_is_not_measured_says_whose_word_it_is() -> None:
    text = "\n".join(
        as_text(sensor(window=None, window_s=0.025, window_basis="published", notes=("not measured: without torch",)))
    )
    assert "averages over 25.0 ms, published; it looks at 25% of the time" in text
    assert "noticed      not measured: without torch" in text
    unknown = "\n".join(as_text(sensor(window=None, window_s=None, window_basis="unknown")))
    assert "averages over not measured, unknown\n" in unknown


def test_only_gpus_have_such_a_sensor() -> None:
    assert is_gpu("nvml:0")
    assert is_gpu("nvml:GPU-1?name=a")
    assert not is_gpu("host")


def test_a_page_of_validation_says_the_fit_in_words() -> None:
    assert fit_in_words(FIT).startswith(
        "the window's fit: 25.10 ms, 95 % from 23.40 ms to 26.90 ms; the load, 200 W above"
    )
