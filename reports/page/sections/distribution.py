"""How long single iterations took: histogram and empirical distribution, by configuration, with every extreme in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from edgewatt.profiler.units import format_si
from edgewatt.reports.page.section import DASHES, PALETTE, Plot, Section, ToldRun
from edgewatt.reports.page.sections.configurations import Configuration, configurations
from edgewatt.reports.page.sections.plotting import (
    NEUTRAL,
    SERIES_LIMIT,
    axis_unit,
    legend_outside,
    log_ticks,
    new_figure,
    plot_text,
)
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name, render
from edgewatt.reports.wording import counted

# Histograms on one page; the table has all.
PLOTS_LIMIT: Final = 8
_BINS: Final = (8, 80)
# As many points as a curve shows on a wide screen, and how many of the fastest and slowest are kept one by one.
_CURVE_POINTS: Final = 1000
_EXTREMES: Final = 40
# From so many times the median on, the slowest iteration leaves no room for the others but on a logarithmic axis.
_LOG_FROM: Final = 12.0
_HEADER: Final = ("configuration", "repeat", "iterations", "fastest", "median", "p90", "p99", "slowest", "")


@dataclass(frozen=True, slots=True)
class Shown:
    """The iterations of a configuration: seconds, ascending (shape [n]); `by_repeat` the same of each repeat."""

    one: Configuration
    seconds: NDArray[np.float64]
    by_repeat: dict[int, NDArray[np.float64]]


def section(runs: Sequence[ToldRun]) -> Section | None:
    """The distribution of every configuration that has a latency; None where none has."""
    told = [one for one in configurations(runs) if any(row["latency_s"] is not None for row in one.repeats)]
    if not told:
        return None
    found = {id(run): _by_config(run.iterations) for run in runs}
    nothing = np.empty(0), np.empty(0, np.int32)
    shown = [_shown(one, *found[id(one.run)].get(one.config_id, nothing)) for one in told]
    known = [one for one in shown if len(one.seconds)]
    plots = [_plot(one, f"distribution-{k}") for k, one in enumerate(known[:PLOTS_LIMIT])]
    if len(known) > 1:
        plots.insert(0, _together(known[:SERIES_LIMIT]))
    html = render(
        __package__,
        "distribution.html",
        plots=plots,
        more=len(known) - PLOTS_LIMIT,
        summaries=[_summary(one.one) for one in shown if not len(one.seconds)],
        table=Table(_HEADER, [row for one in shown for row in _rows(one)], range(1, 8)),
    )
    return Section("distribution", "Distribution of iterations", html, plots)


def _by_config(table: pa.Table) -> dict[str, tuple[NDArray[np.float64], NDArray[np.int32]]]:
    """Of each configuration the seconds of its iterations, those that are numbers, and their repeats."""
    encoded = table["config_id"].combine_chunks().dictionary_encode()
    seconds, repeats = (table[name].to_numpy() for name in ("latency_s", "repeat"))
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    there = np.flatnonzero(np.isfinite(seconds) & (seconds > 0))
    there = there[np.argsort(codes[there], kind="stable")]
    ends = np.searchsorted(codes[there], np.arange(len(encoded.dictionary) + 1))
    return {
        config_id: (seconds[there[begin:end]], repeats[there[begin:end]])
        for config_id, begin, end in zip(encoded.dictionary.to_pylist(), ends, ends[1:], strict=False)
    }


def _shown(one: Configuration, seconds: NDArray[np.float64], repeats: NDArray[np.int32]) -> Shown:
    counts = {row["repeat"] for row in one.repeats if row["latency_s"] is not None}
    by_repeat = {n: np.sort(seconds[repeats == n]) for n in sorted(counts)}
    parts = [part for part in by_repeat.values() if len(part)]
    return Shown(one, np.sort(np.concatenate(parts)) if parts else np.empty(0), by_repeat)


def _summary(one: Configuration) -> str:
    """Why a configuration has no distribution."""
    runtime = next((row["runtime"] for row in one.rows if row["runtime"]), None) or "the runtime"
    stats = sorted({row["latency_stat"] for row in one.repeats if row["latency_stat"]})
    what = " or ".join(stats) or "one number"
    return f"{one.label}: {runtime} tells no single iterations, only the {what} of each repeat"


def finding(seconds: NDArray[np.float64]) -> str:
    """What the iterations show, in a sentence; `seconds` ascend."""
    half, most, longest = np.quantile(seconds, 0.5), np.quantile(seconds, 0.99), seconds[-1]
    return (
        f"half of {counted(len(seconds), 'iteration')} took up to {format_si(half, 's')}, 99 % up to "
        f"{format_si(most, 's')}; the slowest {format_si(longest, 's')}"
    )


def _rows(one: Shown) -> list[list[Any]]:
    name = Name(one.one.label, 120)
    rows: list[list[Any]] = []
    for row in one.one.repeats:
        seconds = one.by_repeat.get(row["repeat"], np.empty(0))
        if len(seconds):
            rows.append([name, row["repeat"], *_numbers(seconds), ""])
        elif row["latency_s"] is not None:
            said = f"{row['latency_stat'] or 'one number'} {format_si(row['latency_s'], 's')}: no single iterations"
            rows.append([name, row["repeat"], row["iterations"], *[None] * 5, said])
    return [*rows, [name, "all", *_numbers(one.seconds), ""]] if len(one.seconds) else rows


def _numbers(seconds: NDArray[np.float64]) -> list[str]:
    quantiles = (seconds[0], *np.quantile(seconds, (0.5, 0.9, 0.99)), seconds[-1])
    return [f"{len(seconds):,}", *(format_si(float(value), "s") for value in quantiles)]


def _plot(one: Shown, place: str) -> Plot:
    """The histogram, with its extremes and the repeats' medians, above the distribution, on one axis."""
    seconds = one.seconds
    factor, unit = axis_unit([float(seconds[-1])], "s")
    is_log = bool(seconds[-1] > _LOG_FROM * np.median(seconds))
    more = {"x_axis_type": "log"} if is_log else {}
    counts, edges = histogram(seconds / factor, is_log=is_log)
    bars = new_figure(
        "",
        "iterations per bin",
        height=240,
        tips=[("from", "@left"), ("to", f"@right {unit}"), ("iterations", "@top{0,0}")],
        **more,
    )
    bars.quad(
        source={"left": edges[:-1], "right": edges[1:], "top": counts, "bottom": np.zeros(len(counts))},
        left="left",
        right="right",
        top="top",
        bottom="bottom",
        fill_color=PALETTE[0],
        line_color=NEUTRAL,
        line_width=0.5,
    )
    extremes = np.concatenate((seconds[:_EXTREMES], seconds[-_EXTREMES:])) / factor
    bars.scatter(x=extremes, y=np.zeros(len(extremes)), marker="dash", angle=1.5708, size=12, line_color=PALETTE[1])
    curve = new_figure(
        f"latency of an iteration ({unit})",
        "share that took no longer",
        height=240,
        tips=[("took up to", f"@x {unit}"), ("share", "@y{0.0 %}")],
        x_range=bars.x_range,
        toolbar_location=None,
        **more,
    )
    if is_log:
        for made in (bars, curve):
            log_ticks(made.xaxis[0], edges[0], edges[-1])
    _step(curve, seconds / factor, PALETTE[0], DASHES[0])
    medians = [float(np.median(part)) / factor for part in one.by_repeat.values() if len(part)]
    curve.scatter(x=medians, y=[0.5] * len(medians), marker="diamond", size=10, color=PALETTE[1])
    title = f"{plot_text(one.one.label, 120)}: {finding(seconds)}. Diamonds: medians of repeats; ticks: extremes"
    return Plot(place, title, [bars, curve], str(_as_table(counts, edges, unit)))


def histogram(values: NDArray[np.float64], *, is_log: bool) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts and edges over all of the values, ascending: bins by Freedman and Diaconis (1981), within bounds."""
    scaled = np.log10(values) if is_log else values
    width = 2 * float(np.subtract(*np.quantile(scaled, (0.75, 0.25)))) / len(scaled) ** (1 / 3)
    span = float(scaled[-1] - scaled[0])
    bins = int(np.clip(np.ceil(span / width) if width > 0 else _BINS[0], *_BINS))
    counts, edges = np.histogram(scaled, bins)
    if is_log:
        edges = 10**edges
        edges[0], edges[-1] = values[0], values[-1]
    return counts, edges


def curve_of(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The empirical distribution of ascending values in a bounded number of points, the extremes one by one."""
    n = len(values)
    even = np.linspace(0, n - 1, min(n, _CURVE_POINTS)).astype(np.int64)
    ends = np.r_[np.arange(min(_EXTREMES, n)), np.arange(max(n - _EXTREMES, 0), n)]
    places = np.union1d(even, ends)
    return values[places], (places + 1) / n


def _step(made: Any, values: NDArray[np.float64], color: str, dash: str, **more: Any) -> None:
    x, y = curve_of(values)
    made.step(x=x, y=y, mode="after", line_width=2, line_color=color, line_dash=dash, **more)


def _together(known: Sequence[Shown]) -> Plot:
    """The distributions of several configurations on one axis."""
    middles = [float(np.median(one.seconds)) for one in known]
    longest = max(float(one.seconds[-1]) for one in known)
    factor, unit = axis_unit([longest], "s")
    more: dict[str, Any] = {"x_axis_type": "log"} if longest > _LOG_FROM * min(middles) else {}
    made = new_figure(f"latency of an iteration ({unit})", "share that took no longer", height=380, **more)
    for k, one in enumerate(known):
        label = plot_text(one.one.label, 90)
        _step(made, one.seconds / factor, PALETTE[k], DASHES[k], legend_label=label)
    if more:
        log_ticks(made.xaxis[0], min(float(one.seconds[0]) for one in known) / factor, longest / factor)
    legend_outside(made)
    fastest = known[int(np.argmin(middles))].one.label
    lowest = f"the median of {plot_text(fastest, 90)} is the lowest, {format_si(min(middles), 's')}"
    table = Table(
        _HEADER[:1] + _HEADER[2:8], [[Name(one.one.label, 120), *_numbers(one.seconds)] for one in known], range(1, 7)
    )
    return Plot("distribution-together", f"Distribution of iterations: {lowest}", made, str(table))


def _as_table(counts: NDArray[np.int64], edges: NDArray[np.float64], unit: str) -> Table:
    rows = [[f"{low:.4g} to {high:.4g}", f"{n:,}"] for low, high, n in zip(edges, edges[1:], counts, strict=False)]
    return Table((f"latency ({unit})", "iterations"), rows, (1,))
