"""What no load is: refused before a device is asked for it."""

import math
from typing import Final

from edgewatt.profiler.collecting.load import Load
from edgewatt.profiler.errors import UsageError

TRANSFERS: Final = ("send", "receive", "exchange")
# One load at most so long, so many processors, and so many bytes of memory or of one exchange.
LONGEST_S: Final = 900.0
PROCESSORS: Final = 1024
MEMORY_B: Final = 1 << 30
EXCHANGE_B: Final = 64 << 20
REMOTE_S: Final = 60.0


def check(load: Load) -> None:
    """Raise UsageError for what nobody can execute, or what goes on for too long."""
    wrong = next((text for text, is_wrong in _rules(load) if is_wrong), None)
    if wrong is not None:
        raise UsageError(f"a load ({load.kind}): {wrong}")


def _rules(load: Load) -> list[tuple[str, bool]]:
    cpus = load.cpus
    transfers = load.kind in TRANSFERS
    return [
        (f"{load.seconds} s; expected seconds above 0, at most {LONGEST_S:g}", not 0 < load.seconds <= LONGEST_S),
        (f"a duty of {load.duty_ratio}; expected 0 to 1", not 0 <= load.duty_ratio <= 1),
        (
            f"processors {list(cpus)[:8]}; expected different numbers from 0 on",
            len(set(cpus)) != len(cpus) or not all(0 <= cpu < PROCESSORS for cpu in cpus),
        ),
        (
            f"{load.memory_b} bytes of memory; expected 4096 to {MEMORY_B}",
            load.kind == "memory" and not 4096 <= load.memory_b <= MEMORY_B,
        ),
        ("it needs a server's address, HOST:PORT", transfers and not load.address),
        (
            f"{load.sent_b} and {load.received_b} bytes; expected 0 to {EXCHANGE_B}",
            not (0 <= load.sent_b <= EXCHANGE_B and 0 <= load.received_b <= EXCHANGE_B),
        ),
        (
            f"{load.remote_s} s of work there; expected 0 to {REMOTE_S:g}",
            not (math.isfinite(load.remote_s) and 0 <= load.remote_s <= REMOTE_S),
        ),
    ]


def server_of(address: str) -> tuple[str, int]:
    """Host and port of "host:port". Raises UsageError for what is none."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    plain = host.replace(".", "").replace("-", "").replace(":", "")
    if not (plain.isascii() and plain.isalnum()) or host.startswith("-") or len(host) > 253:
        raise UsageError(f"server {address!r}: expected HOST:PORT, such as 192.168.1.5:7800")
    if not (port.isascii() and port.isdigit() and len(port) < 6 and 0 < int(port) < 1 << 16):
        raise UsageError(f"server {address!r}: expected a port from 1 to 65535, such as 192.168.1.5:7800")
    return host, int(port)
