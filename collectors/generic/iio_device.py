"""A chip of Linux iio as a meter, `iio:ina226?boundary=usb_inline`, or a room sensor, `iio:sht3x`.

Options: see chip_meter.py.
"""

from typing import Final

from edgewatt.collectors.generic.chip_meter import chip_root, chosen
from edgewatt.collectors.generic.iio import ROOT, Iio, find_iio, rails, survey
from edgewatt.collectors.generic.options import boundary_of
from edgewatt.profiler.device import Device, DeviceUri, Family
from edgewatt.profiler.holding import hold


def _open(uri: DeviceUri) -> Device:
    """The chip that the URI names. Raises UsageError for a wrong URI, DeviceError without such a chip."""
    root = chip_root(uri, ROOT)
    meter = chosen(uri, root, find_iio(root))
    sensors, _ = survey(meter.chip, meter.name)
    boundary = boundary_of(uri, None) if rails(sensors) else None
    held = hold(f"chip {meter.chip.folder.resolve()}")
    return Device(
        uri=uri.text,
        name=f"{meter.chip.name} on iio",
        device_id=f"{meter.chip.name}@{meter.chip.key}",
        collectors=(Iio(meter.chip, meter.name, boundary, meter.period_s),),
        facts={"boundary": boundary},
        close=held.release,
    )


FAMILY: Final = Family(usage="iio:CHIP?boundary=WHERE[&period=S]", open=_open, discover=list)
