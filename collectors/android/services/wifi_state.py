"""How a phone's Wi-Fi hears at this moment: asked once, over the connection for commands."""

from dataclasses import dataclass

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.services.asking import ANSWER_LIMIT_B, ASK_TIMEOUT_S, refusal
from edgewatt.collectors.android.services.collector import GRACE_S
from edgewatt.collectors.android.services.wifi import COMMANDS, radio, speeds, why_none


@dataclass(frozen=True, slots=True)
class WifiState:
    """Null where the phone does not tell; all null, with a `reason`, while it is not connected.

    `link_bit_s` is the speed that every Android tells; which way it goes differs. The speeds are of the radio's
    modulation, some twice what arrives.
    """

    rssi_dbm: float | None = None
    link_bit_s: float | None = None
    send_bit_s: float | None = None
    receive_bit_s: float | None = None
    frequency_hz: float | None = None
    reason: str | None = None


def wifi_state(phone: Phone) -> WifiState:
    """Ask `cmd wifi status`, then `dumpsys wifi`. Raises LinkLost, LinkTimeout."""
    reasons = []
    for command in COMMANDS:
        within = f"timeout {ASK_TIMEOUT_S} {command}"
        answer = phone.sh(within, timeout_s=ASK_TIMEOUT_S + GRACE_S, limit_b=ANSWER_LIMIT_B)
        if why := refusal(answer):
            reasons.append(f"{command}: {why}")
            continue
        text = answer.stdout.decode(errors="replace")
        if (state := state_of(text)).rssi_dbm is not None:
            return state
        reasons.append(f"{command}: {state.reason}")
    return WifiState(reason="; ".join(reasons))


def state_of(text: str) -> WifiState:
    """What an answer tells; of any text."""
    now = radio(text)
    if now.rssi_dbm is None:
        return WifiState(reason=why_none(text))
    return WifiState(now.rssi_dbm, now.link_bit_s, *speeds(text), now.frequency_hz)
