"""The distribution of iterations: which share of them took at most so long."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from edgewatt.profiler.errors import NotMeasuredError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.figures.look import COLOURS, DASHES, GREY, say
from edgewatt.reports.figures.rows import NAMES, labels, run_names, simulated
from edgewatt.reports.figures.scale import prefixed
from edgewatt.reports.operator_table import parts_of
from edgewatt.reports.source import Source
from edgewatt.reports.wording import Row

LINES_LIMIT: Final = 12
# Of more iterations so many quantiles are drawn, the least and the greatest among them: finer than a line is wide.
POINTS_LIMIT: Final = 1500
_GRID: Final = 400
_QUANTILES: Final = (0.5, 0.9, 0.99)


def draw_cdf(figure: Any, source: Source) -> None:
    """A step line per configuration over all of its iterations, and between which lines its repeats lie.

    Raises NotMeasuredError where no runtime revealed its iterations.
    """
    of_runs = {name: list(_latencies(run, name)) for run, name in zip(source.runs, run_names(source), strict=True)}
    found = [one for of in of_runs.values() for one in of]
    if not found:
        raise NotMeasuredError(
            "no iterations to draw: these runtimes give a summary alone, as benchmark_model does; draw --kind bars"
        )
    none = [name for name, of in of_runs.items() if not of]
    if none:
        source.notices.append(
            f"no iterations of {', '.join(none)}: the runtime gives a summary alone; --kind bars has it"
        )
    if len(found) > LINES_LIMIT:
        source.notices.append(f"{len(found) - LINES_LIMIT} of {len(found)} configurations are not drawn")
    found = found[:LINES_LIMIT]
    rows = [row for row, _ in found]
    figure.set_size_inches(figure.get_figwidth(), min(figure.get_figwidth() * 0.72, 2.8))
    ax = figure.subplots()
    scale, unit = prefixed((float(np.quantile(np.concatenate(of), 0.5)) for _, of in found), "s")
    for place, ((_, of), label) in enumerate(zip(found, labels(rows, NAMES), strict=True)):
        _line(ax, [one / scale for one in of], place, label)
    for share in _QUANTILES:
        ax.axhline(share, color=GREY, linewidth=0.3, linestyle=":")
    ax.set_yticks([0.0, 0.25, *_QUANTILES[:2], 0.99], ["0", "0.25", "p50", "p90", "p99"])
    ax.set_ylim(0.0, 1.02)
    pooled = np.concatenate([np.concatenate(of) for _, of in found]) / scale
    if float(pooled.max()) > 8 * float(np.median(pooled)):  # a long tail would press everything else to the edge
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel(f"latency of an iteration ({unit})")
    ax.set_ylabel("share of iterations")
    if len(found) > 1:
        ax.legend(loc="lower right")
    count = sum(len(one) for _, of in found for one in of)
    banded = any(len(of) > 1 for _, of in found)
    note = f"{count:,} iterations" + ("; shaded: between the repeats" if banded else "")
    say(figure, simulated(source, rows), note)


def _latencies(run: Trace, name: str) -> Iterator[tuple[Row, list[NDArray[np.float64]]]]:
    """Each configuration with iterations, as a row, and its latencies (s), sorted, one array per repeat."""
    table = run.iterations()
    parts = parts_of(run)
    for config in pc.unique(table["config_id"]).to_pylist():
        if config is None or config in parts:
            continue
        mine = table.filter(pc.equal(table["config_id"], config))
        repeats = [_sorted(mine, repeat) for repeat in sorted(set(mine["repeat"].to_pylist()) - {None})]
        of = [one for one in repeats if len(one)]
        if of:
            yield _row(run, name, config), of


def _sorted(table: pa.Table, repeat: int) -> NDArray[np.float64]:
    values = table.filter(pc.equal(table["repeat"], repeat))["latency_s"].to_numpy().astype(np.float64)
    return np.sort(values[np.isfinite(values) & (values >= 0)])


def _row(run: Trace, name: str, config: str) -> Row:
    """What is known of a configuration, also of a run without results."""
    facts = run.manifest.configs.get(config, {})
    return {**dict.fromkeys(NAMES), **facts, "run": name, "simulated": run.manifest.simulated}


def _line(ax: Any, repeats: Sequence[NDArray[np.float64]], place: int, label: str) -> None:
    pooled = np.sort(np.concatenate(repeats))
    style = {"color": COLOURS[(place + 1) % len(COLOURS)]}
    if len(repeats) > 1:
        grid = np.unique(np.quantile(pooled, np.linspace(0.0, 1.0, _GRID)))
        shares = np.stack([np.searchsorted(one, grid, "right") / len(one) for one in repeats])
        ax.fill_between(grid, shares.min(axis=0), shares.max(axis=0), step="post", alpha=0.2, linewidth=0, **style)
    x, y = steps_of(pooled)
    ax.plot(x, y, drawstyle="steps-post", linestyle=DASHES[place % len(DASHES)], label=label, **style)


def steps_of(ordered: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The steps of the distribution of sorted values of shape [n]: where each is, and the share up to it.

    At most POINTS_LIMIT of them, the first and the last always, so that the line ends at the longest iteration.
    """
    n = len(ordered)
    chosen = np.arange(n) if n <= POINTS_LIMIT else np.unique(np.linspace(0, n - 1, POINTS_LIMIT).astype(np.int64))
    x, share = ordered[chosen], (chosen + 1) / n
    return np.concatenate(([x[0]], x)), np.concatenate(([0.0], share))
