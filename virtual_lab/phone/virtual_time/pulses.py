"""What the script of a train of pulses prints: `H <token> <core> <waits by>`, a line for each edge, `E <token>`.

An edge is `B <EPOCHREALTIME> <uptime>` where a pulse begins and `F ...` where it ends. A pulse begins as the shell
wakes up, a turn before its stamp; it ends as the shell sleeps again, some turns after it (assumed, in the order of
magnitude of mksh on a phone).
"""

from typing import Final

import numpy as np

from edgewatt.virtual_lab.clocks import DeviceClocks
from edgewatt.virtual_lab.phone.virtual_time.plan import Pulsed
from edgewatt.virtual_lab.phone.virtual_time.stamps import epochs, uptimes

_TO_STAMP_NS: Final = (1e4, 6e4)
_TO_SLEEP_NS: Final = (2e4, 1e5)
_TO_UPTIME_NS: Final = (1e4, 4e4)


def printed(train: Pulsed, token: str, core: int, clocks: DeviceClocks, rng: np.random.Generator) -> bytes:
    """All of it."""
    count = len(train.begin_ns)
    begun_ns = train.begin_ns + rng.uniform(*_TO_STAMP_NS, count).astype(np.int64)
    ended_ns = train.end_ns - rng.uniform(*_TO_SLEEP_NS, count).astype(np.int64)
    at_ns = np.stack([begun_ns, ended_ns], axis=1).ravel()
    up_ns = at_ns + rng.uniform(*_TO_UPTIME_NS, len(at_ns)).astype(np.int64)
    stamped = zip("BF" * count, epochs(clocks, at_ns), uptimes(clocks, up_ns), strict=True)
    edges = "".join(f"{edge} {epoch} {up}\n" for edge, epoch, up in stamped)
    return f"H {token} {core} read\n\n{edges}E {token}\n".encode()
