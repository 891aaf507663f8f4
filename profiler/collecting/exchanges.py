"""Exchanges with a server, from the stamps around them."""

from collections.abc import Sequence
from typing import Any

from edgewatt.profiler.collecting.load import Load


def exchanged(hits: Sequence[tuple[int, ...]], load: Load, count: int) -> dict[str, Any]:
    """What is seen of exchanges: microseconds at which each began, was answered and was whole, and what it says.

    `send_s` is until the answer, less the server's work: a round trip is in it. A clock that was set is left out.
    """
    good = [hit for hit in hits if hit[0] <= hit[1] <= hit[2] and hit[5] <= hit[1] - hit[0]]
    seen: dict[str, Any] = {
        "send_s": [(answered - begun - remote) / 1e6 for begun, answered, _, _, _, remote in good],
        "remote_s": [remote / 1e6 for *_, remote in good],
        "receive_s": [(whole - answered) / 1e6 for _, answered, whole, *_ in good],
        "exchanges_n": count,
        "sent_b": count * load.sent_b,
        "received_b": count * load.received_b,
    }
    if load.sent_b <= 1 and not load.remote_s:
        seen["rtt_s"] = seen["send_s"]
    return seen
