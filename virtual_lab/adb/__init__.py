"""The device side of ADB over TCP, on loopback: what a phone's adbd says, for any client that speaks to one.

    with serve(Banner("oriole", "Pixel 6", "oriole"), runner, tree, "auto") as device:
        print(device.serial)                     # 127.0.0.1:PORT, as for `adb connect`

Written from the documented protocol and tried against stock clients; where a detail is not documented, what adbd 34
was seen to do decided. Served: `shell:`, `shell,v2:`, `exec:` and `sync:`; every other service is refused.
"""

from edgewatt.virtual_lab.adb.banner import IMPLEMENTED, Banner
from edgewatt.virtual_lab.adb.faults import Faults
from edgewatt.virtual_lab.adb.keys import KeyFormatError, PublicKey, parse_public_key, read_keys
from edgewatt.virtual_lab.adb.launch import Launch, ShellRunner
from edgewatt.virtual_lab.adb.server import AdbDevice, serve

__all__ = [
    "IMPLEMENTED",
    "AdbDevice",
    "Banner",
    "Faults",
    "KeyFormatError",
    "Launch",
    "PublicKey",
    "ShellRunner",
    "parse_public_key",
    "read_keys",
    "serve",
]
