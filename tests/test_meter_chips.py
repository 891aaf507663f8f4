"""Chips of hwmon and iio as meters: which one, where it is wired in, units, pairs, permissions, hostile files."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.generic.hwmon_device import FAMILY as HWMON
from edgewatt.collectors.generic.iio import Iio, find_iio, parse_number
from edgewatt.collectors.generic.iio_device import FAMILY as IIO
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.device import Device, Family, parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError
from tests.trees import as_somebody_else, chip, link, open_folder, rail, write

# As the driver makes them (kernel drivers/hwmon/powerz.c).
POWERZ: dict[str, str | bytes | int] = {
    "in0_input": 9021,
    "in0_label": "VBUS",
    "in0_average": 9020,
    "in1_input": 410,
    "in1_label": "VCC1",
    "in2_input": 0,
    "in2_label": "VCC2",
    "curr1_input": 1512,
    "curr1_label": "IBUS",
    "curr1_average": 1510,
    "temp1_input": 31250,
    "temp1_label": "TEMP",
}
# As the driver makes them (kernel drivers/iio/adc/ina2xx-adc.c, an INA226 with 10 milliohm).
INA226: dict[str, str] = {
    "in_voltage0_raw": "4012",
    "in_voltage0_scale": "0.002500000",
    "in_voltage1_raw": "3208",
    "in_voltage1_scale": "1.250000000",
    "in_power2_raw": "80",
    "in_power2_scale": "25.000000000",
    "in_current3_raw": "499",
    "in_current3_scale": "1.000000000",
    "in_sampling_frequency": "114",
}


def iio(root: Path, number: int, name: str, files: dict[str, str], device: str = "1-0040") -> Path:
    """An iio chip below its device, and the link to it in the bus folder."""
    folder = root / f"devices/{device}/iio:device{number}"
    write(folder / "name", name)
    for file, content in files.items():
        write(folder / file, content)
    link(root / f"bus/iio/devices/iio:device{number}", folder)
    return folder


def opened(family: Family, uri: str, at: int = 0) -> tuple[Device, Opened]:
    device = family.open(parse_uri(uri))
    return device, device.collectors[at].open(ManualClock())


def row(device: Device, at: int = 0) -> dict[str, float]:
    item = device.collectors[at].read(2.0)
    assert isinstance(item, Batch), item
    return {name: float(values[0]) for name, values in item.columns.items()}


def test_a_power_z_is_its_bus_and_no_other_pair(tmp_path: Path) -> None:
    chip(tmp_path, 4, "powerz", POWERZ, device="1-2:1.0")
    chip(tmp_path, 0, "nvme", {"temp1_input": 40000}, device="nvme0")
    device, answer = opened(HWMON, f"hwmon:powerz?root={tmp_path / 'class/hwmon'}")
    assert row(device) == {"powerz_vbus.voltage_v": 9.021, "powerz_vbus.current_a": 1.512}
    (source,) = answer.sources
    assert (source.name, source.boundary) == ("powerz/powerz_vbus", "usb_inline")
    assert source.terms == (("powerz_vbus.voltage_v", "powerz_vbus.current_a"),)
    assert answer.name == "powerz"
    warm = device.collectors[1].open(ManualClock())
    assert warm.name == "powerz-temperature"
    assert row(device, 1) == {"powerz_temp.temperature_c": 31.25}
    device.close()


def test_an_ina_on_hwmon_is_where_its_owner_says(tmp_path: Path) -> None:
    root = tmp_path / "class/hwmon"
    files: dict[str, str | bytes | int] = {
        "power1_input": 2_345_000,
        "in0_input": 2,
        "in1_input": 5000,
        "curr1_input": 469,
    }
    chip(tmp_path, 0, "ina226", files, device="1-0040")
    chip(tmp_path, 1, "ina226", {**files, "power1_input": 0}, device="1-0041")
    with pytest.raises(UsageError, match=r"say which chip; there are hwmon:1-0040 \(ina226\), hwmon:1-0041 \(ina226\)"):
        HWMON.open(parse_uri(f"hwmon:ina226?root={root}"))
    with pytest.raises(UsageError, match="boundary is missing"):
        HWMON.open(parse_uri(f"hwmon:1-0040?root={root}"))
    device, answer = opened(HWMON, f"hwmon:1-0040?root={root}&boundary=battery_series&name=phone&period=0.1")
    assert row(device) == {"phone_ina226_1.power_w": pytest.approx(2.345)}
    assert answer.sources[0].name == "phone/phone_ina226_1"
    assert answer.sources[0].boundary == "battery_series"
    assert answer.channels[""][0].boundary == "battery_series"
    assert answer.facts["poll_period_s"] == 0.1
    with pytest.raises(DeviceError, match=r"chip .*hwmon0 is in use by this very run"):
        HWMON.open(parse_uri(f"hwmon:1-0040?root={root}&boundary=battery_series"))
    device.close()
    other, _ = opened(HWMON, f"hwmon:1-0041?root={root}&boundary=usb_inline")
    assert row(other) == {"1-0041_ina226_1.power_w": 0.0}, "nothing flows: of a meter on its own wire that is a value"
    other.close()


def test_a_room_sensor_needs_no_boundary(tmp_path: Path) -> None:
    chip(tmp_path, 0, "sht3x", {"temp1_input": 0, "humidity1_input": 40000}, device="1-0044")
    device, answer = opened(HWMON, f"hwmon:sht3x?root={tmp_path / 'class/hwmon'}&name=room")
    assert row(device) == {"room_temp1.temperature_c": 0.0}
    assert answer.sources == ()
    device.close()


def test_an_ina_on_iio_in_si(tmp_path: Path) -> None:
    iio(tmp_path, 0, "ina226", INA226)
    device, answer = opened(IIO, f"iio:ina226?root={tmp_path / 'bus/iio/devices'}&boundary=battery_bypass")
    assert row(device) == {
        "ina226_voltage0.voltage_v": pytest.approx(0.01003),
        "ina226_voltage1.voltage_v": pytest.approx(4.01),
        "ina226_power2.power_w": pytest.approx(2.0),
        "ina226_current3.current_a": pytest.approx(0.499),
    }
    (source,) = answer.sources
    assert (source.name, source.boundary) == ("ina226/ina226_power2", "battery_bypass")
    power = next(c for c in answer.channels[""] if c.name == "ina226_power2")
    assert power.resolution == pytest.approx(0.025), "25 mW a step: who compares milliwatts should know"
    assert power.period_s == pytest.approx(1 / 114)
    device.close()


def test_without_a_power_voltage_and_current_of_one_number_are_one(tmp_path: Path) -> None:
    files = {
        "in_voltage0_raw": "1000",
        "in_voltage1_raw": "500",
        "in_voltage_scale": "2",
        "in_voltage_offset": "-10",
        "in_current0_input": "250.5",
        "in_current0_raw": "7",
        "in_current0_label": "VBAT",
        "in_temp_raw": "2500",
        "in_temp_scale": "10",
    }
    iio(tmp_path, 0, "adc", files)
    device, answer = opened(IIO, f"iio:adc?root={tmp_path / 'bus/iio/devices'}&boundary=usb_inline")
    assert row(device) == {
        "adc_voltage0.voltage_v": pytest.approx(1.98),
        "adc_voltage1.voltage_v": pytest.approx(0.98),
        "adc_vbat.current_a": pytest.approx(0.2505),
        "adc_temp.temperature_c": pytest.approx(25.0),
    }
    assert [source.terms for source in answer.sources] == [(("adc_voltage0.voltage_v", "adc_vbat.current_a"),)]
    device.close()


def test_what_has_no_scale_is_not_guessed(tmp_path: Path) -> None:
    iio(tmp_path, 0, "adc", {"in_power0_raw": "1000", "in_temp_input": "21000"})
    device, answer = opened(IIO, f"iio:iio:device0?root={tmp_path / 'bus/iio/devices'}")
    assert row(device) == {"iio_device0_temp.temperature_c": 21.0}
    assert [u.what for u in answer.unavailable] == ["iio_device0_power0.power_w"]
    assert "no scale beside it" in answer.unavailable[0].reason
    device.close()


def test_a_denied_file_says_which_permission_helps() -> None:
    with open_folder() as folder:
        first = iio(folder, 0, "ina226", INA226)
        (first / "in_power2_raw").chmod(0o400)
        (found,) = find_iio(folder / "bus/iio/devices")
        meter = Iio(found, "m", "battery_bypass")
        with as_somebody_else(folder):
            answer = meter.open(ManualClock())
    assert "sudo chmod a+r" in answer.unavailable[0].fix


def test_a_chip_that_goes_away_is_a_gap_and_comes_back(tmp_path: Path) -> None:
    folder = iio(tmp_path, 0, "ina226", INA226)
    device, _ = opened(IIO, f"iio:ina226?root={tmp_path / 'bus/iio/devices'}&boundary=battery_bypass")
    folder.rename(tmp_path / "away")
    assert isinstance(device.collectors[0].read(2.0), Gap)
    (tmp_path / "away").rename(folder)
    assert isinstance(device.collectors[0].read(2.0), Gap), "until now"
    assert row(device)["ina226_power2.power_w"] == pytest.approx(2.0)
    device.close()


@pytest.mark.parametrize(
    ("family", "uri", "message"),
    [
        (HWMON, "hwmon:", "say which chip; there are none"),
        (HWMON, "hwmon:nothing", "no chip is called 'nothing' under"),
        (IIO, "iio:nothing", "no chip is called 'nothing' under"),
        (IIO, "iio:x&period=fast", "period is 'fast'"),
        (IIO, "iio:x&name=A", "name is 'A'"),
        (HWMON, "hwmon:x&boundary=here", "boundary is 'here'"),
    ],
)
def test_a_wrong_uri_is_refused_in_words(tmp_path: Path, family: Family, uri: str, message: str) -> None:
    bus = tmp_path / "bus"
    bus.mkdir()
    if ":x" in uri:
        iio(tmp_path, 0, "x", INA226)
        chip(tmp_path, 0, "x", rail(1, "A"))
        bus = tmp_path / ("class/hwmon" if family is HWMON else "bus/iio/devices")
    start, _, options = uri.partition("&")
    with pytest.raises((UsageError, DeviceError)) as caught:
        family.open(parse_uri(f"{start}?root={bus}" + (f"&{options}" if options else "")))
    assert message in str(caught.value)


HOSTILE = st.one_of(
    st.binary(max_size=60),
    st.floats().map(lambda x: f"{x}\n".encode()),
    st.integers(-(10**22), 10**22).map(lambda n: f"{n}\n".encode()),
)
NAMES = [
    f"in_{kind}{number}_{item}"
    for kind in ("power", "voltage", "current", "temp")
    for number in ("", "0", "1")
    for item in ("raw", "input", "scale", "offset", "label")
]


@given(files=st.dictionaries(st.sampled_from([*NAMES, "name", "in_sampling_frequency"]), HOSTILE, max_size=14))
def test_hostile_chips_give_values_or_reasons(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    tmp_path = tmp_path_factory.mktemp("hostile")
    folder = tmp_path / "iio:device0"
    folder.mkdir()
    for name, content in files.items():
        write(folder / name, content)
    (found,) = find_iio(tmp_path)
    meter = Iio(found, "m", "usb_inline")
    answer = meter.open(ManualClock())
    channels = answer.channels.get("", ())
    assert channels or answer.unavailable
    assert len({c.column for c in channels}) == len(channels)
    assert all(u.reason.isprintable() for u in answer.unavailable)
    item = meter.read(1e6)
    if isinstance(item, Batch):
        assert all(np.isnan(v[0]) or abs(v[0]) <= 1e5 for v in item.columns.values())


@given(st.one_of(st.binary(max_size=40), st.floats(allow_nan=False).map(lambda x: f" {x}\n".encode())))
def test_any_bytes_are_a_finite_number_or_none(raw: bytes) -> None:
    value = parse_number(raw)
    assert value is None or math.isfinite(value)
