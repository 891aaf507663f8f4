"""Exchanges with a server that were measured whole: how far they are off what a radio's watts and rates would give."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from edgewatt.models.scheduling.phone import of_one_source
from edgewatt.models.scheduling.rows import Row, Rows
from edgewatt.models.scheduling.signal import (
    INTERFACES,
    RECEIVE_B_PER_S,
    RECEIVE_W,
    SEND_B_PER_S,
    SEND_W,
    Radio,
)
from edgewatt.models.scheduling.workloads import Workload

# A measured exchange that is further off than this is of something else than the radio's rows are.
_MOST: Final = 10.0
ALIKE: Final = (1.0, 1.0)


def exchange_ratios(w: Workload, radio: int, rows: Rows, of: Radio) -> tuple[float, float]:
    """Seconds and joules of the travel of a network's bytes over those that the radio's rows give; 1 without rows.

    Of the row that names the network, else between the two sizes around its own, in their share of bytes: rows of
    `offload`, whose `to` is `server` (as `calibrate --collect` has it) or another machine over this interface.
    """
    mine = [
        r for r in rows.of("offload")
        if (r["interface"] or "").startswith(INTERFACES[radio]) and r["send_s"] and r["receive_s"] is not None
        and r["sent_b"] is not None and r["received_b"] is not None
    ]  # fmt: skip
    known = of_one_source(mine)
    if named := [r for r in known if r["model"] == w.name]:
        pairs = [_ratios(r, of) for r in named]
        return _mean([pair[0] for pair in pairs]), _mean([pair[1] for pair in pairs])
    sizes = sorted((r for r in known if not r["model"]), key=_bytes)
    wanted = w.sent_b + w.received_b
    below = [r for r in sizes if _bytes(r) <= wanted]
    above = [r for r in sizes if _bytes(r) >= wanted]
    if not (below and above):
        return ALIKE
    first, second = _ratios(below[-1], of), _ratios(above[0], of)
    width = _bytes(above[0]) - _bytes(below[-1])
    share = (wanted - _bytes(below[-1])) / width if width else 0.0
    return first[0] + share * (second[0] - first[0]), first[1] + share * (second[1] - first[1])


def _bytes(row: Row) -> float:
    return float(row["sent_b"] + row["received_b"])


def _ratios(row: Row, of: Radio) -> tuple[float, float]:
    """Of one row, at its signal strength (the middle of what is known, where it does not say)."""
    last = of.values.shape[1] - 1
    dbm = row["rssi_dbm"]
    place = last // 2 if dbm is None else int(np.clip(round(dbm - of.lowest_dbm), 0, last))
    at = of.values[:, place]
    send_s, receive_s = row["sent_b"] / at[SEND_B_PER_S], row["received_b"] / at[RECEIVE_B_PER_S]
    seconds = _bounded((row["send_s"] + row["receive_s"]) / (send_s + receive_s + of.rtt_s))
    joules = at[SEND_W] * send_s + at[RECEIVE_W] * receive_s
    if row["energy_j"] is None or not row["energy_j"] > 0 or joules <= 0:
        return seconds, seconds
    return seconds, _bounded(row["energy_j"] / joules)


def _bounded(ratio: float) -> float:
    return float(np.clip(ratio, 1 / _MOST, _MOST))


def _mean(of: Sequence[float]) -> float:
    return float(np.exp(np.mean(np.log(of))))
