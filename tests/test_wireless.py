"""What a phone, a board or a host says of its Wi-Fi at a moment; networks with hostile names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.android.services.wifi import COMMANDS
from edgewatt.collectors.android.services.wifi_state import WifiState, state_of, wifi_state
from edgewatt.collectors.boards.wireless import Wireless, interfaces, link_of, wireless_state
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Completed
from tests import services_phone as said
from tests.answering_phone import phone_saying
from tests.test_services_any_text import damaged

DEV = """\
phy#0
\tInterface wlan0
\t\tifindex 3
\t\ttype managed
"""
LINK = """\
Connected to 02:11:22:33:44:55 (on wlan0)
\tSSID: Nest of Otters
\tfreq: 5180
\tRX: 5370 bytes (37 packets)
\tTX: 3604 bytes (15 packets)
\tsignal: -58 dBm
\trx bitrate: 390.0 MBit/s VHT-MCS 4 80MHz VHT-NSS 2
\ttx bitrate: 433.3 MBit/s VHT-MCS 9 80MHz short GI

\tbss flags:\tshort-slot-time
"""
PROC = """\
Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE
 face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22
 wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0
"""
FOUND = Wireless("wlan0", -58.0, 433.3e6, 390e6, 5.18e9)


def test_a_phone_tells_both_speeds() -> None:
    assert state_of(said.WIFI) == WifiState(-47, 516e6, 516e6, 480e6, 5.18e9)
    old = said.WIFI.replace(" Tx Link speed: 516Mbps,", "").replace(" Rx Link speed: 480Mbps,", "")
    assert state_of(old) == WifiState(-47, 516e6, None, None, 5.18e9)
    unknown = said.WIFI.replace(" Tx Link speed: 516Mbps", " Tx Link speed: -1Mbps")
    assert state_of(unknown).send_bit_s is None


def test_a_phone_is_asked_in_two_ways_and_says_why_not() -> None:
    new, old = (f"timeout 5 {command}" for command in COMMANDS)
    assert wifi_state(phone_saying({new: said.WIFI.encode()})[0]).rssi_dbm == -47
    assert wifi_state(phone_saying({old: said.WIFI.encode()})[0]).rssi_dbm == -47
    off = wifi_state(phone_saying({new: b"Wifi is disabled\n", old: b""})[0])
    assert off == WifiState(reason=f"{COMMANDS[0]}: Wi-Fi is off; {COMMANDS[1]}: it printed nothing")


@pytest.mark.parametrize("name", ["RSSI: -1, Link speed: 9Mbps", 'a", Tx Link speed: 1Mbps, "', "\\n"])
def test_no_name_is_taken_for_a_number(name: str) -> None:
    assert state_of(said.WIFI.replace("Nest of Otters", name)) == WifiState(-47, 516e6, 516e6, 480e6, 5.18e9)
    assert link_of(LINK.replace("Nest of Otters", f"{name}\tsignal: -1 dBm")) == FOUND


def test_iw_tells_signal_speeds_and_frequency() -> None:
    assert link_of(LINK) == FOUND
    assert link_of(LINK.replace("-58 dBm", "70/100")).reason == "connected, and iw tells no signal in dBm"
    assert link_of(LINK.replace("-58", "58")).rssi_dbm is None
    assert link_of(LINK.replace("433.3", "0.0")).send_bit_s is None
    assert link_of(LINK.replace("5180", "5")).frequency_hz is None
    assert link_of("Not connected.\n").reason == "not connected"
    assert link_of("command failed: No such device (-19)").reason == "iw tells nothing of a link"
    assert interfaces(DEV + "\tInterface $(reboot)\n\tInterface wlp2s0\n") == ["wlan0", "wlp2s0"]


def machine(**answers: str) -> tuple[list[str], object]:
    asked: list[str] = []

    def run(command: str) -> Completed:
        asked.append(command)
        answer = next((text for key, text in answers.items() if command.endswith(key)), None)
        return Completed(127, b"", b"iw: not found") if answer is None else Completed(0, answer.encode(), b"")

    return asked, run


def test_a_board_is_asked_by_iw_and_else_by_its_kernel() -> None:
    asked, run = machine(dev=DEV, link=LINK, wireless=PROC)
    assert wireless_state(run) == FOUND
    assert asked == ["iw dev", "iw dev wlan0 link"]
    asked, run = machine(wireless=PROC)
    assert wireless_state(run) == Wireless(rssi_dbm=-56.0)
    assert asked == ["iw dev", "cat /proc/net/wireless"]
    _, run = machine(dev=DEV, link="Not connected.\n", wireless="")
    assert wireless_state(run).reason == "wlan0: not connected"
    _, run = machine()
    assert "no wireless interface" in str(wireless_state(run).reason)
    for name in ("wlan0; reboot", "-x", "", "a" * 16):
        with pytest.raises(DeviceError, match="no name of a network interface"):
            wireless_state(run, name)


@settings(max_examples=25)
@given(text=damaged(LINK) | damaged(said.WIFI) | st.text(max_size=200))
def test_any_text_gives_a_state_or_a_reason(text: str) -> None:
    for state in (link_of(text), state_of(text)):
        assert (state.rssi_dbm is None) == (state.reason is not None)
        assert state.rssi_dbm is None or -126 <= state.rssi_dbm <= 0
        assert state.send_bit_s is None or state.send_bit_s > 0
