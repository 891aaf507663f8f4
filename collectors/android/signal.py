"""How well a phone's Wi-Fi hears, asked once over a connection, beside what its services say while a run goes on."""

from typing import Final

from edgewatt.collectors.android.services.asking import ANSWER_LIMIT_B, ASK_TIMEOUT_S
from edgewatt.collectors.android.services.wifi import COMMANDS, radio
from edgewatt.collectors.transports.link import Link
from edgewatt.collectors.transports.reached import COMMAND_TIMEOUT_S

WLAN: Final = "wlan"


def signal_dbm(link: Link) -> float | None:
    """The signal's strength; None while Wi-Fi is not connected, or the phone does not tell. Raises DeviceError."""
    for command in COMMANDS:
        within = f"timeout {ASK_TIMEOUT_S} {command}"
        answer = link.run(within, timeout_s=COMMAND_TIMEOUT_S, limit_b=ANSWER_LIMIT_B)
        if (dbm := radio(answer.stdout.decode(errors="replace")).rssi_dbm) is not None:
            return dbm
    return None
