"""A device's radio as training uses it: its rate at a good signal, and its watts as the rate falls with the signal."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgewatt.models.federated.round import TIERS, Floats
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.phone import of_one_source, weakest
from edgewatt.models.scheduling.rows import Row, Rows
from edgewatt.profiler.calibration.possible import interval_column


@dataclass(frozen=True, slots=True, eq=False)
class Radio:
    """`good_b_per_s` up at the best signal known; `ratios` rising, of other signals' rates over it, up to 1.

    `lowest_ratio`: at the weakest signal known, below which no rate is drawn. `watts` above idle at each of `ratios`;
    between them ln(watts) is linear in ln(ratio), beyond it goes on with -`exponent`.
    """

    good_b_per_s: float
    ratios: Floats
    lowest_ratio: float
    watts: Floats
    exponent: float
    basis: str
    notes: tuple[str, ...] = ()

    def send_w(self, ratio: Floats) -> Floats:
        """Watts above idle while sending at a rate over that at a good signal, of the same shape."""
        log = np.log(ratio)
        known = np.log(self.ratios)
        beyond = log - np.clip(log, known[0], known[-1])
        return np.asarray(np.exp(np.interp(log, known, np.log(self.watts)) - self.exponent * beyond))


def radio_of(rows: Rows, tier: int, constants: Constants, draw: Draw) -> Radio:
    """The radio to the server: of rows of `radio`, else rates of exchanges (`offload`), else assumed.

    An exchange that does not say its bytes is taken for the work unit's update.
    """
    exponent = draw.constant(constants, "radio.exponent")
    own = [row for row in rows.of("radio") if (row["interface"] or "").startswith("wlan")] or rows.of("radio")
    sends = of_one_source([row for row in own if row["send_w"]])
    rates, word, note = _rates(rows, own, constants, draw)
    good, ratios = float(rates[-1]), rates / rates[-1]
    lowest = float(ratios[0]) if len(ratios) > 1 else float(constants["radio.lowest_ratio"])
    notes, bases = [note] if note else [], [word, *(row["basis"] for row in sends)]
    if not sends:
        level = draw.constant(constants, f"radio.{TIERS[tier]}_w")
        notes.append("watts of sending: no row of radio has send_w: assumed")
        return Radio(good, ratios, lowest, level * ratios**-exponent, exponent, "assumed", tuple(notes))
    factor = _factor(sends, "send_w", rows.device_id, constants, draw)
    known = {float(row["send_b_per_s"]): factor * float(row["send_w"]) for row in sends if row["send_b_per_s"]}
    if known:
        told = np.array(sorted(known))
        watts = np.array([known[rate] for rate in told.tolist()])
        return Radio(good, told / told[-1], lowest, watts, exponent, weakest(*bases), tuple(notes))
    level = factor * min(float(row["send_w"]) for row in sends)
    notes.append("watts of sending at other signals: assumed")
    return Radio(good, ratios, lowest, level * ratios**-exponent, exponent, weakest(*bases), tuple(notes))


def _rates(rows: Rows, own: Sequence[Row], constants: Constants, draw: Draw) -> tuple[Floats, str, str]:
    """Rates at the signals that are known, rising; the word for them, and a note."""
    if told := [row for row in own if row["send_b_per_s"]]:
        factor = _factor(told, "send_b_per_s", rows.device_id, constants, draw)
        found = np.unique([factor * float(row["send_b_per_s"]) for row in told])
        return found, weakest(*(row["basis"] for row in told)), ""
    exchanges = [row for row in rows.of("offload") if row["send_s"]]
    if not exchanges:
        level = draw.constant(constants, "radio.rate_b_per_s")
        return np.array([level]), "assumed", "rate of the radio: no row says it: assumed"
    update_b = draw.constant(constants, "work_unit.update_b")
    found = np.unique([(row["sent_b"] or update_b) / row["send_s"] for row in exchanges])
    bases = [row["basis"] for row in exchanges]
    if all(row["sent_b"] for row in exchanges):
        return found, weakest(*bases), ""
    return found, "assumed", f"rates: of exchanges, taken for {update_b:.0f} bytes each (assumed)"


def _factor(rows: Sequence[Row], column: str, device_id: str, constants: Constants, draw: Draw) -> float:
    """This draw's value over that which a row says, of the row that was looked at most often."""
    surest = max(rows, key=lambda row: row["observations_n"] or 0)
    ends = (interval_column(column, "low"), interval_column(column, "high"))
    name = f"radio.{device_id}.{column}"
    return draw.row(name, surest, column, ends, constants.variation_ratio) / float(surest[column])
