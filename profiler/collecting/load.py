"""A load: what a calibration run lets a device do for a while, and what came of it.

A device that executes loads has `Device.loads`; how is the collectors' (a shell's loops on a phone or a board, a child
process on the host). The run records each as a window `load/<n>` on the device's clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

# The windows of executed loads, and the attribute that says which step of the suite one belongs to.
PREFIX: Final = "load/"
STEP: Final = "step"

Kind = Literal["idle", "cpu", "memory", "send", "receive", "exchange"]


def load_window(number: int) -> str:
    """The name of the window of an executed load, counted from 0 in a run."""
    return f"{PREFIX}{number}"


@dataclass(frozen=True, slots=True)
class Load:
    """What is executed for about `seconds`.

    `cpu`: a loop on each of `cpus`, busy for `duty_ratio` of every 100 ms. `memory`: on each of `cpus` a copy of
    `memory_b` bytes over and over. `send`, `receive`: bytes over TCP to and from `address` ("host:port", a server of
    profiler/collecting/server.py), as fast as they go. `exchange`: again and again `sent_b` bytes there, `remote_s` of
    work, `received_b` back. `idle`: nothing.
    """

    kind: Kind
    seconds: float
    cpus: tuple[int, ...] = ()
    duty_ratio: float = 1.0
    memory_b: int = 0
    address: str = ""
    sent_b: int = 0
    received_b: int = 0
    remote_s: float = 0.0

    def attributes(self) -> dict[str, Any]:
        """What was asked for, as plain JSON for the window: without what this kind does not have."""
        asked = {key: value for key, value in asdict(self).items() if value not in ((), "", 0, 0.0)}
        return {**asked, "cpus": list(self.cpus)}


@dataclass(frozen=True, slots=True)
class Ran:
    """When a load ran, on the device's clock, within `bound_ns`, and what was seen there.

    `seen` is plain JSON: `rssi_dbm` (before and after), `rtt_s`, `send_s`, `remote_s`, `receive_s` (lists, one of
    each exchange), `sent_b`, `received_b` (what really went), `loops` (of each processor), `reasons`.
    """

    t0_ns: int
    t1_ns: int
    bound_ns: int = 0
    seen: Mapping[str, Any] = field(default_factory=dict)


# Executes one load and returns when it is over. Raises DeviceError if the device cannot.
Loads = Callable[[Load], Ran]
