"""A history on the terminal: every series with its changes, the canaries, and how much sittings differ."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from edgewatt.profiler.comparing.plain_table import QUANTITIES
from edgewatt.profiler.history.changes import Change, change_points
from edgewatt.profiler.history.chart import Chart, chart_of
from edgewatt.profiler.history.series import Series, series_of
from edgewatt.profiler.history.spread import session_spreads
from edgewatt.profiler.history.stored import History
from edgewatt.profiler.units import format_si
from edgewatt.reports.comparison import NAMES
from edgewatt.reports.escape import printable
from edgewatt.reports.fold import ANY_WIDTH, folded_note
from edgewatt.reports.text import grouped_table
from edgewatt.reports.wording import runs_on

_UNITS: Final = {"latency_s": "s", "energy_gross_j": "J", "memory_peak_b": "B"}
_HEADER: Final = ("", "sittings", "first", "last", "last/first", "changes")
_FLUSH_RIGHT: Final = (1, 2, 3, 4)


def history_text(history: History, width: int = ANY_WIDTH) -> str:
    """The table of series, their changes one by one, charts of canaries, and spreads; SIMULATED first if any is.

    Sentences are cut to `width`.
    """
    series = series_of(history)
    if not series:
        return f"{history.path}: nothing yet; `edgewatt check RUN --history {history.path}` adds a run"
    changes = [change_points(one.logs) for one in series]
    simulated = "SIMULATED  " if any(one.simulated for one in series) else ""
    lines = [printable(f"{simulated}{history.path}: {len(series)} series of {history.rows.num_rows} values")]
    rows = [(f"{_device(one)}: {_name(one)}", _cells(one, found)) for one, found in zip(series, changes, strict=True)]
    lines += grouped_table(_HEADER, rows, right=_FLUSH_RIGHT)
    told = [line for one, found in zip(series, changes, strict=True) for line in _told(one, found)]
    told += [*(chart.sentence for chart in charts(series)), *_spreads(series)]
    return "\n".join([*lines, *(line for sentence in told for line in folded_note(printable(sentence), width))])


def history_json(history: History) -> dict[str, Any]:
    """The same as data; values in SI."""
    series = series_of(history)
    return {
        "history": str(history.path),
        "series": [
            {
                **one.key,
                **one.config,
                "is_canary": one.is_canary,
                "simulated": one.simulated,
                "sessions": one.sessions,
                "created": one.created,
                "labels": one.labels,
                "values": one.values.tolist(),
                "changes": [
                    {"session": one.sessions[c.at], "label": one.labels[c.at], "ratio": math.exp(c.log), "p": c.p}
                    for c in change_points(one.logs)
                ],
            }
            for one in series
        ],
        "canaries": [
            {**c.series.key, "state": c.state, "value": c.value, "middle": c.middle, "low": c.low, "high": c.high}
            for c in charts(series)
        ],
        "session_spread": {
            str(device): {q: {"sigma_ratio": s.sigma, "df_n": s.dof, "basis": s.basis} for q, s in found.items()}
            for device in _devices(series)
            if (found := session_spreads(series, device))
        },
    }


def charts(series: Sequence[Series]) -> list[Chart]:
    """Of every canary."""
    return [chart_of(one) for one in series if one.is_canary]


def _devices(series: Sequence[Series]) -> list[str | None]:
    return list(dict.fromkeys(one.key["device_id"] for one in series))


def _spreads(series: Sequence[Series]) -> Iterator[str]:
    for device in _devices(series):
        found = session_spreads(series, device)
        for quantity in QUANTITIES:
            if quantity in found:
                yield f"{device}: sittings differ in {quantity} by {found[quantity].basis}"


def _told(one: Series, changes: Sequence[Change]) -> Iterator[str]:
    for change in changes:
        label = f" ({one.labels[change.at]})" if one.labels[change.at] else ""
        ratio = 100 * math.expm1(change.log)
        yield (
            f"{_name(one)}, {one.key['quantity']}: {ratio:+.2g} % from {one.created[change.at]}{label} on, "
            f"p {change.p:.2g}"
        )


def _device(one: Series) -> str:
    return str(one.config.get("device") or one.key["device_id"])


def _name(one: Series) -> str:
    model = str(one.config.get("model") or one.key["config_id"])
    return f"{'canary ' if one.is_canary else ''}{model}, {runs_on(one.config)}".removesuffix(", ")


def _cells(one: Series, changes: Sequence[Change]) -> tuple[str, ...]:
    unit = _UNITS[one.key["quantity"]]
    first, last = (format_si(float(one.values[at]), unit) for at in (0, -1))
    return (
        " ".join(filter(None, (NAMES[one.key["quantity"]], one.key["energy_source"]))),
        str(len(one.logs)),
        first,
        last,
        f"{math.exp(one.logs[-1] - one.logs[0]):.3f}",
        str(len(changes)),
    )
