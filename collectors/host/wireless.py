"""How well a Linux machine's Wi-Fi hears, from /proc/net/wireless (wireless extensions; iwconfig reads it too)."""

import re
from typing import Final

SIGNALS: Final = "net/wireless"
# Interface, status, link quality, level. A level with a point is updated; drivers of today give it in dBm.
_LINE: Final = re.compile(r"\s*[A-Za-z0-9_.:-]{1,32}:\s+[0-9a-f]{1,8}\s+[0-9.]{1,8}\s+(-?[0-9]{1,4})\.?\s")
LOW_DBM: Final = -126
HIGH_DBM: Final = 0


def signal_dbm(text: str) -> float | None:
    """The level of the first interface that has one; None without Wi-Fi, or where it is none in dBm."""
    hits = (_LINE.match(line[:200]) for line in text.split("\n")[:32])
    levels = (int(hit[1]) for hit in hits if hit)
    return next((float(dbm) for dbm in levels if LOW_DBM <= dbm < HIGH_DBM), None)
