"""A check on one page of Markdown, for the reviewer of a change."""

from edgewatt.profiler.checking.check import Check
from edgewatt.profiler.checking.verdict import Verdict
from edgewatt.profiler.units import format_si
from edgewatt.reports.comparison import configuration, quantity, ratio_text
from edgewatt.reports.escape import LINE_LIMIT, markdown
from edgewatt.reports.verdict import headline, in_words, sentence

_MARKS = {"regression": "❌", "improvement": "⬇️", "equivalent": "✅", "not_worse": "✅"}
_HEADER = "| | configuration | | old | new | new/old | bounds | allowed | repeats |"


def verdict_markdown(check: Check) -> str:
    """The verdict, a row for each quantity, and why; what decides nothing is folded away."""
    simulated = "**SIMULATED** · " if check.simulated else ""
    lines = [f"## {simulated}edgewatt: {markdown(headline(check), LINE_LIMIT)}", ""]
    lines += [f"{markdown(check.new, LINE_LIMIT)} against {markdown(check.old, LINE_LIMIT)}", ""]
    if check.verdicts:
        lines += [_HEADER, f"|{'---|' * (_HEADER.count('|') - 1)}", *map(_row, check.verdicts), ""]
    telling = [one for one in check.verdicts if one.word != "equivalent"]
    lines += [f"- **{_name(one)}**: {markdown(sentence(one), LINE_LIMIT)}" for one in telling]
    if check.notices:
        lines += ["", "<details><summary>Notices</summary>", ""]
        lines += [f"- {markdown(notice, LINE_LIMIT)}" for notice in check.notices]
        lines += ["", "</details>"]
    lines += ["", _HOW]
    return "\n".join([*lines, ""])


_HOW = (
    "A ratio is new/old; bounds are one-sided at 95.5 %. A regression is worse than allowed and than chance among all "
    "rows; a pass is shown not to be worse than allowed; the rest cannot be told."
)


def _row(verdict: Verdict) -> str:
    row = verdict.row
    bounds = (
        ""
        if verdict.low is None or verdict.high is None
        else f"{ratio_text(verdict.low)} to {ratio_text(verdict.high)}"
    )
    cells = (
        f"{_MARKS.get(verdict.word, '❔')} {in_words(verdict.word)}",
        markdown(configuration(row), LINE_LIMIT),
        markdown(quantity(row)),
        "" if row.old is None else format_si(row.old, row.unit),
        "" if row.new is None else format_si(row.new, row.unit),
        "" if row.ratio is None else ratio_text(row.ratio),
        bounds,
        f"+{100 * verdict.tolerance:.3g} %",
        f"{row.n_old} and {row.n_new}",
    )
    return f"| {' | '.join(cells)} |"


def _name(verdict: Verdict) -> str:
    return f"{markdown(configuration(verdict.row), LINE_LIMIT)}, {markdown(quantity(verdict.row))}"
