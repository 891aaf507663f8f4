"""The radio's laws: what it draws and how fast it is at a signal, and how the signal wanders.

Log-linear in the signal's strength. The slopes are those that Bartendr measured of a cellular radio (MobiCom 2010,
second-hand): from -70 to -90 dBm a fifth more power and half the rate. That Wi-Fi's are the same, and every other
figure here, is assumed.
"""

import math
from typing import Final

from edgewatt.virtual_lab.phone.personality import Personality

# Where the personality's figures hold.
REFERENCE_DBM: Final = -54.0
POWER_PER_DB: Final = math.log(1.2) / 20
RATE_PER_DB: Final = math.log(2.0) / 20
# Of a link's speed, what TCP gets, and what of it down.
_TCP: Final = 0.5
_DOWN: Final = 0.9
# A walk away and back: what of the swing is lost at each of its stations.
_WALK: Final = (0.0, 1 / 3, 2 / 3, 1.0, 2 / 3, 1 / 3)


def rssi_dbm(phone: Personality, elapsed_s: float) -> float:
    """The signal so long after the phone's beginning: it stays, or walks through stations of `rssi_swing_s` each."""
    if phone.rssi_swing_db <= 0:
        return phone.rssi_dbm
    return phone.rssi_dbm - phone.rssi_swing_db * _WALK[int(elapsed_s / phone.rssi_swing_s) % len(_WALK)]


def send_w(phone: Personality, dbm: float, per_db: float = POWER_PER_DB) -> float:
    """What sending adds to the radio's idle, at the radio."""
    return phone.radio_send_w * math.exp(per_db * (REFERENCE_DBM - dbm))


def receive_w(phone: Personality, dbm: float, per_db: float = POWER_PER_DB) -> float:
    """As `send_w`, of receiving."""
    return phone.radio_receive_w * math.exp(per_db * (REFERENCE_DBM - dbm))


def link_bit_per_s(phone: Personality, dbm: float, per_db: float = RATE_PER_DB, *, down: bool = False) -> float:
    """The speed of the link."""
    slower = math.exp(-per_db * (REFERENCE_DBM - dbm))
    return phone.link_mbit_per_s * 1e6 * slower * (_DOWN if down else 1.0)


def rate_b_per_s(phone: Personality, dbm: float, per_db: float = RATE_PER_DB, *, down: bool = False) -> float:
    """Bytes a second of a TCP connection."""
    return _TCP * link_bit_per_s(phone, dbm, per_db, down=down) / 8
