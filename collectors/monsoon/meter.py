"""What every Monsoon can be asked for and told, whatever wire it hangs on."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Protocol

from edgewatt.profiler.errors import DeviceError

Model = Literal["lvpm", "hvpm"]
Wire = Literal["serial", "usb"]

# USB passthrough by its number on both wires (second-hand: every client; the vendor also names 3 trigger, 4 sync).
PASSTHROUGH: Final = ("off", "on", "auto", "trigger", "sync")
# 200 us a sample at 5 kHz (every client of both models).
RATE_KHZ: Final = 5
NS_PER_MS: Final = 1_000_000


class Unplugged(DeviceError):  # noqa: N818  (the house style: what happened)
    """The wire is gone; it may come back."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a meter says of itself while it does not sample; None where its wire does not tell.

    `output_v` is the voltage it was set to, 0 for off. `events` are the vendor's codes and bits: event, status bits,
    leds. `dac` are its calibration values for 2.5 V and 4.096 V.
    """

    model: Model
    wire: Wire
    serial: int
    firmware: int
    protocol: int
    revision: int | None
    output_v: float | None
    passthrough: str
    power_up_limit_a: float
    run_limit_a: float
    rate_khz: int = RATE_KHZ
    temperature_c: int | None = None
    dac: tuple[int, int] | None = None
    voltage_is_main: bool = True
    events: Mapping[str, int] | None = None

    @property
    def device_id(self) -> str:
        """The same on both wires."""
        return f"monsoon-{self.model}-{self.serial}"

    def to_json(self) -> dict[str, Any]:
        """The status as plain JSON."""
        return {**asdict(self), "dac": None if self.dac is None else list(self.dac)}


class Meter(Protocol):
    """An open meter. Every method raises DeviceError where it does not answer, Unplugged where the wire is gone."""

    where: str

    def status(self) -> Status:
        """Ask; not while it samples."""
        ...

    def set_voltage(self, volt: float) -> None:
        """Set the output, 0 for off; nothing is checked here."""
        ...

    def set_passthrough(self, mode: str) -> None:
        """Set the USB passthrough to a word of PASSTHROUGH."""
        ...

    def set_current_limits(self, ampere: float) -> None:
        """Set the limits at which the output is cut, at power-up and later."""
        ...

    def start(self) -> None:
        """Begin to sample."""
        ...

    def read(self, timeout_s: float) -> bytes:
        """Samples as they came, b"" if none did within the timeout."""
        ...

    def stop(self) -> None:
        """Stop to sample and throw away what is still on the wire; harmless if it does not sample."""
        ...

    def close(self) -> None:
        """Give the wire back; idempotent, never raises."""
        ...


def passthrough_word(number: int) -> str:
    """The word for a number on the wire; an unknown one as "mode 7"."""
    return PASSTHROUGH[number] if number < len(PASSTHROUGH) else f"mode {number}"
