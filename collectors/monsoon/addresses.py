"""Where a meter is, and how it is opened there."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import entry_points
from typing import Any, Final, Literal, Self

from edgewatt.collectors.monsoon.lock import Lock, lock_port, lock_usb
from edgewatt.collectors.monsoon.meter import Meter, Unplugged
from edgewatt.collectors.monsoon.usb_device import NO_PYUSB
from edgewatt.profiler.errors import DeviceError, UsageError

BACKENDS: Final = "edgewatt.usb_backends"


@dataclass(frozen=True, slots=True)
class Address:
    """A serial port by its path, or a device on USB by its serial number (None: the only one).

    `backend` is "NAME@ARGUMENT": pyusb's backend is what the entry point NAME of the group BACKENDS makes of ARGUMENT.
    """

    wire: Literal["serial", "usb"]
    path: str | None = None
    serial: str | None = None
    backend: str | None = None

    def __str__(self) -> str:
        return self.path or f"usb {self.serial or 'device'}"

    def lock(self) -> Lock:
        """Take it for this process. Raises DeviceError in one line if somebody has it."""
        return lock_port(self.path) if self.path is not None else lock_usb(str(self))

    def open(self, backend: Any = None) -> Meter:
        """The meter there. Raises DeviceError; Unplugged if nothing is there. `backend` is pyusb's, before the own."""
        if self.path is not None:
            from edgewatt.collectors.monsoon.serial_meter import SerialMeter  # noqa: PLC0415  (loads when it is used)
            from edgewatt.collectors.monsoon.serial_port import SerialPort  # noqa: PLC0415

            return SerialMeter(SerialPort(self.path))
        from edgewatt.collectors.monsoon.usb_device import UsbDevice  # noqa: PLC0415  (the same)
        from edgewatt.collectors.monsoon.usb_meter import UsbMeter  # noqa: PLC0415

        return UsbMeter(UsbDevice(self.serial, backend or self.pyusb_backend()))

    def pyusb_backend(self) -> Any:
        """What `backend` names; None where it names nothing. Raises UsageError, DeviceError."""
        if self.backend is None:
            return None
        name, _, argument = self.backend.partition("@")
        points = {point.name: point for point in entry_points(group=BACKENDS)}
        if name not in points:
            raise UsageError(f"backend {name!r}: nothing of that name is registered for USB; known are {[*points]}")
        try:
            return points[name].load()(argument)
        except ImportError as error:
            raise DeviceError(f"backend {name}: {error}; {NO_PYUSB}") from None
        except OSError as error:
            raise Unplugged(f"backend {self.backend}: {error}") from None

    def to_json(self) -> dict[str, Any]:
        """The address as plain JSON, for the capture."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The address that `to_json` made."""
        return cls(**data)
