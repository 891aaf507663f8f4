"""What a device says of itself when a client connects."""

from dataclasses import dataclass
from typing import Final

from edgewatt.virtual_lab.adb.packets import VERSION_NO_CHECKSUMS

# The features of adb that this package has the whole of; names from AOSP, adb/transport.cpp. `cmd` says that there is
# a command `cmd`, which is the shell's affair.
IMPLEMENTED: Final = ("shell_v2", "cmd", "stat_v2", "ls_v2", "fixed_push_mkdir", "sendrecv_v2")

# MAX_PAYLOAD of AOSP's adb.h since Android 9; 256 KiB in 7 and 8, 4 KiB before (remembered, not looked up).
MAXDATA_B: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Banner:
    """A product's names, the features it claims, its protocol version and the longest payload that it takes.

    Android 6 and older: no features, version 0x01000000, 4096 bytes. Raises ValueError for a feature that is not
    IMPLEMENTED, so that nothing is claimed that is not there.
    """

    name: str
    model: str
    device: str
    features: tuple[str, ...] = IMPLEMENTED
    version: int = VERSION_NO_CHECKSUMS
    maxdata_b: int = MAXDATA_B

    def __post_init__(self) -> None:
        if unknown := set(self.features) - set(IMPLEMENTED):
            raise ValueError(f"the virtual adbd has no {', '.join(sorted(unknown))}; it has {', '.join(IMPLEMENTED)}")
        if any(mark in value for value in (self.name, self.model, self.device) for mark in ";\0"):
            raise ValueError("a product's name, model and device may hold no ';' and no NUL: the banner is cut there")

    def encode(self) -> bytes:
        """The payload of CNXN."""
        parts = [f"ro.product.name={self.name}", f"ro.product.model={self.model}", f"ro.product.device={self.device}"]
        if self.features:
            return ("device::" + ";".join([*parts, f"features={','.join(self.features)}"])).encode()
        return ("device::" + ";".join(parts) + ";\0").encode()
