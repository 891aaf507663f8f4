"""Latency and energy over the frequency that was pinned."""

from collections.abc import Sequence
from typing import Any, Final

from edgewatt.profiler.errors import NotMeasuredError
from edgewatt.reports.figures.look import COLOURS, DASHES, GREY, MARKERS, say
from edgewatt.reports.figures.rows import boundary_of, differences, results_of, said, simulated, widest
from edgewatt.reports.figures.scale import bound, prefixed
from edgewatt.reports.source import Source
from edgewatt.reports.wording import Row

_LINES: Final = ("device", "model", "target_used", "threads", "batch", "precision")


def draw_dvfs(figure: Any, source: Source) -> None:
    """A line per device, network and target for latency, and one for energy; rows left free as a level at the edge.

    Raises NotMeasuredError if no frequency was pinned and verified.
    """
    rows = widest(results_of(source))
    pinned = [row for row in rows if row["frequency_hz"] is not None and row["latency_s_mean"] is not None]
    if not pinned:
        raise NotMeasuredError(
            "no row has a frequency that was pinned and held. A plan with `frequencies_hz` sets it, where the device "
            "lets it be set (docs/plans.md); a row whose pin did not hold has none"
        )
    names = differences(pinned, _LINES) or ["model"]
    free = [row for row in rows if row["frequency_hz"] is None and row["latency_s_mean"] is not None]
    energies = [row for row in pinned if row["energy_gross_j_mean"] is not None]
    panels = [("latency_s", "s", pinned), *([("energy_gross_j", "J", energies)] if energies else [])]
    if len(energies) < len(pinned):
        source.notices.append(f"{len(pinned) - len(energies)} of {len(pinned)} pinned rows have no energy")
    figure.set_size_inches(figure.get_figwidth(), 0.3 + 1.25 * len(panels))
    axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for ax, (name, unit, of) in zip(axes, panels, strict=True):
        _panel(ax, (name, unit), of, free, names)
    axes[-1].set_xlabel("frequency (GHz)")
    if len({_line_of(row, names) for row in pinned}) > 1:
        axes[0].legend(loc="best")
    boundaries = dict.fromkeys(map(boundary_of, energies))
    note = "Whiskers: 95 %" + (f"; energy at: {', '.join(boundaries)}" if boundaries else "")
    note += "; crossed, right: frequency left free" if free else ""
    say(figure, simulated(source, [*pinned, *free]), note)


def _line_of(row: Row, names: Sequence[str]) -> str:
    return ", ".join(filter(None, (said(name, row[name]) for name in names))) or "?"


def _panel(ax: Any, what: tuple[str, str], rows: Sequence[Row], free: Sequence[Row], names: Sequence[str]) -> None:
    name, unit = what
    free = [row for row in free if row[f"{name}_mean"] is not None]
    scale, shown_unit = prefixed((row[f"{name}_mean"] for row in [*rows, *free]), unit)
    lines = list(dict.fromkeys(_line_of(row, names) for row in [*rows, *free]))
    right = max(row["frequency_hz"] for row in rows) / 1e9
    span = right - min(row["frequency_hz"] for row in rows) / 1e9
    for place, label in enumerate(lines):
        of = sorted((row for row in rows if _line_of(row, names) == label), key=lambda row: row["frequency_hz"])
        style = {"color": COLOURS[(place + 1) % len(COLOURS)], "elinewidth": 0.7}
        if of:
            x = [row["frequency_hz"] / 1e9 for row in of]
            mark, dash = MARKERS[place % len(MARKERS)], DASHES[place % len(DASHES)]
            ax.errorbar(x, *_values(of, name, scale), marker=mark, linestyle=dash, label=label, **style)
        left_free = [row for row in free if _line_of(row, names) == label]
        if left_free:
            at = [right + (span or right or 1.0) * 0.12] * len(left_free)
            ax.errorbar(at, *_values(left_free, name, scale), marker="x", linestyle="none", **style)
    if free:
        ax.axvline(right + (span or right or 1.0) * 0.06, color=GREY, linewidth=0.4, linestyle=":")
    ax.set_ylabel(f"{'latency' if unit == 's' else 'energy'} ({shown_unit})")
    ax.set_ylim(bottom=min(0.0, ax.get_ylim()[0]))


def _values(rows: Sequence[Row], name: str, scale: float) -> tuple[list[float], list[list[float]]]:
    means = [row[f"{name}_mean"] for row in rows]
    low = [max(mean - bound(row[f"{name}_low"], mean), 0.0) / scale for row, mean in zip(rows, means, strict=True)]
    high = [max(bound(row[f"{name}_high"], mean) - mean, 0.0) / scale for row, mean in zip(rows, means, strict=True)]
    return [mean / scale for mean in means], [low, high]
