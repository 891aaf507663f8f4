"""Bars: latency and energy of each configuration, with their intervals."""

from collections.abc import Sequence
from textwrap import fill
from typing import Any, Final

from edgewatt.profiler.errors import NotMeasuredError
from edgewatt.reports.figures.look import COLOURS, GREY, HATCHES, say
from edgewatt.reports.figures.rows import NAMES, labels, results_of, said, simulated
from edgewatt.reports.figures.scale import bound, prefixed
from edgewatt.reports.source import Source
from edgewatt.reports.wording import Row

BARS_LIMIT: Final = 60
_BAR_IN: Final = 0.17
_LINE_IN: Final = 0.11
_LETTERS_PER_IN: Final = 8  # of a label: half of the width, so that the bars have the other
_NOTE: Final = "Whiskers: 95 %, what the same instrument would give again"
_ACCURACY: Final = "; thin line: 95 % against the truth"


def draw_bars(figure: Any, source: Source) -> None:
    """One bar per configuration for latency, one per configuration and energy source for energy.

    Raises NotMeasuredError if there is neither.
    """
    rows = results_of(source)
    once = list({(row["run"], row["config_id"]): row for row in rows}.values())
    latencies = _limited([row for row in once if row["latency_s_mean"] is not None], source, "latencies")
    energies = _limited([row for row in rows if row["energy_gross_j_mean"] is not None], source, "energies")
    panels = [panel for panel in ((latencies, "latency_s"), (energies, "energy_gross_j")) if panel[0]]
    if not panels:
        raise NotMeasuredError("no row has a latency or an energy to draw; `edgewatt export --to markdown` says why")
    silent = sum(row["energy_gross_j_mean"] is None for row in rows)
    if silent:
        source.notices.append(f"{silent} of {len(rows)} rows have no energy and no bar of it")
    room = int(_LETTERS_PER_IN * figure.get_figwidth())
    told = [[fill(label, room) for label in labels(of, _names(name), rows)] for of, name in panels]
    lines = max(label.count("\n") + 1 for of in told for label in of)
    heights = [(_BAR_IN + _LINE_IN * (lines - 1)) * len(of) + 0.45 for of, _ in panels]
    figure.set_size_inches(figure.get_figwidth(), sum(heights) + 0.35)
    axes = figure.subplots(len(panels), squeeze=False, height_ratios=heights)[:, 0]
    for ax, (of, name), said_of in zip(axes, panels, told, strict=True):
        _panel(ax, of, name)
        ax.set_yticks(range(len(of)), said_of)
    known = any(row["energy_gross_j_accuracy_low"] is not None for row in energies)
    note = _NOTE + (_ACCURACY if known else "") + _single(rows)
    say(figure, simulated(source, rows), note)


def _names(quantity: str) -> tuple[str, ...]:
    return NAMES if quantity == "latency_s" else (*NAMES, "energy_source")


def _panel(ax: Any, rows: Sequence[Row], name: str) -> None:
    unit = "s" if name == "latency_s" else "J"
    scale, shown_unit = prefixed([row[f"{name}_mean"] for row in rows], unit)
    order = list(dict.fromkeys(said("target_used", row["target_used"]) for row in rows))
    for place, row in enumerate(rows):
        kind = order.index(said("target_used", row["target_used"]))
        value = row[f"{name}_mean"] / scale
        low, high = (bound(row[f"{name}_{end}"], row[f"{name}_mean"]) / scale for end in ("low", "high"))
        ax.barh(
            place,
            value,
            height=0.7,
            color="white",
            edgecolor=COLOURS[(kind + 1) % len(COLOURS)],
            hatch=HATCHES[(kind + 1) % len(HATCHES)],
            linewidth=0.7,
        )
        if unit == "J" and row[f"{name}_accuracy_low"] is not None:
            ends = [row[f"{name}_accuracy_{end}"] / scale for end in ("low", "high")]
            ax.plot(ends, [place, place], color=GREY, linewidth=0.6, zorder=3)
        if high > low:
            ax.errorbar(value, place, xerr=[[value - low], [high - value]], color="black", linewidth=1.1, zorder=4)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.set_xlim(left=min(0.0, *(bound(row[f"{name}_low"], row[f"{name}_mean"]) / scale for row in rows)))
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel(f"{'energy' if unit == 'J' else 'latency'} per iteration ({shown_unit})", loc="right")


def _limited(rows: list[Row], source: Source, what: str) -> list[Row]:
    if len(rows) > BARS_LIMIT:
        source.notices.append(f"{len(rows) - BARS_LIMIT} of {len(rows)} {what} are not drawn: at most {BARS_LIMIT} are")
    return rows[:BARS_LIMIT]


def _single(rows: Sequence[Row]) -> str:
    return "; none of one repeat" if any(row["latency_s_n"] == 1 for row in rows) else ""
