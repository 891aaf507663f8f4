"""How often a gate cries wolf, and how often it sees: edgewatt's beside the rules of other tools, on the same noise.

    python -m benchmarks.gate [--cases 10000] [--rows 1 12 40] [-o docs/validation/gate.md]

The other tools' rules are written again here, from their sources or documents (gate_rules.py); edgewatt's is the
vectorised form of profiler/checking, held against that on some cases first.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
from scipy import stats

from benchmarks.gate_noise import SETTINGS, Cases, Floats, Noise, drawn
from benchmarks.gate_rules import RULES, Flags, edgewatt, edgewatt_parts, edgewatt_passes, flagged
from edgewatt.profiler.checking.baseline import Baseline
from edgewatt.profiler.checking.check import check_repeats
from edgewatt.profiler.checking.sequential import Looks, looks_up_to
from edgewatt.profiler.checking.testing import ALPHA
from edgewatt.profiler.comparing.plain_table import completed
from edgewatt.profiler.comparing.ratio import SessionSpread
from edgewatt.profiler.comparing.tables import Repeats

REPEATS: Final = 10
EFFECTS: Final = (0.03, 0.05, 0.10)
# So many tables at once, or memory runs out.
_AT_ONCE: Final = 40_000


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--rows", type=int, nargs="+", default=[1, 12, 40])
    parser.add_argument("--output", "-o", type=Path)
    args = parser.parse_args()
    agreed = same_as_edgewatt(200)
    lines = [*_head(args.cases, agreed)]
    for rows in args.rows:
        lines += [*false_alarms(args.cases, rows), *detections(args.cases, rows)]
    lines += [*passes(args.cases), *one_after_the_other(args.cases)]
    text = "\n".join([*lines, ""])
    print(text) if args.output is None else args.output.write_text(text)


def false_alarms(cases: int, rows: int) -> Iterator[str]:
    """Checks of unchanged code that call at least one row a regression, in percent: thresholds at 0, then the usual."""
    yield from ("", f"## False alarms, tables of {rows} row{'s' if rows > 1 else ''}", "")
    yield from _table_head("noise")
    for number, noise in enumerate(SETTINGS):
        counts = {name: [0, 0] for name in RULES}
        for part in _parts(noise, cases, rows, 0.0, seed=(number, rows)):
            for name, (rule, usual) in RULES.items():
                found = rule(part, noise)
                for place, threshold in enumerate((0.0, usual)):
                    counts[name][place] += int(flagged(found, threshold).any(axis=1).sum())
        cells = (f"{100 * a / cases:.1f} / {100 * b / cases:.1f}" for a, b in counts.values())
        yield f"| {noise.name} | {' | '.join(cells)} |"


def detections(cases: int, rows: int) -> Iterator[str]:
    """Rows that changed and are found, in percent, thresholds at 0: in the settings of one sitting at 3 %."""
    yield from ("", f"## Found, tables of {rows} row{'s' if rows > 1 else ''}, all of them slower", "")
    yield from _table_head("slower by")
    noise = SETTINGS[1]
    for number, effect in enumerate(EFFECTS):
        found = dict.fromkeys(RULES, 0)
        for part in _parts(noise, cases, rows, effect, seed=(100 + number, rows)):
            for name, (rule, _) in RULES.items():
                found[name] += int(flagged(rule(part, noise), 0.0).sum())
        cells = (f"{100 * n / cases / rows:.1f}" for n in found.values())
        yield f"| {100 * effect:.0f} % | {' | '.join(cells)} |"


def passes(cases: int) -> Iterator[str]:
    """What issue H asks for in figures of its own, of edgewatt alone, at its usual tolerance."""
    noise = SETTINGS[1]
    same = drawn(noise, cases, 1, 10, 0.0, np.random.default_rng(1))
    slower = drawn(noise, cases, 1, 5, 0.10, np.random.default_rng(2))
    passed = edgewatt_passes(same, noise, 0.05) & ~flagged(edgewatt(same, noise), 0.05)
    yield from ("", "## edgewatt at its usual tolerance of 5 %, one row, one sitting, 3 %", "")
    found = flagged(edgewatt(slower, noise), 0.05)
    yield f"- unchanged code passes (exit 0) with 10 repeats a side: {100 * passed.mean():.1f} %"
    yield f"- 10 % slower code is a regression with 5 repeats a side: {100 * found.mean():.1f} %"


def one_after_the_other(cases: int) -> Iterator[str]:
    """The live check: how often it is wrong, and its repeats beside those of a fixed plan that decides as often."""
    looks = looks_up_to(20)
    yield from ("", f"## The live check, one row at 3 %, looks after {', '.join(map(str, looks.repeats))} repeats", "")
    yield "| new code | regression | passes | cannot tell | repeats a side, mean | a fixed plan that decides as often |"
    yield "|---|---|---|---|---|---|"
    for number, effect in enumerate((0.0, 0.05, 0.08, 0.10, 0.15)):
        part = drawn(SETTINGS[1], cases, 1, looks.repeats[-1], effect, np.random.default_rng((300, number)))
        worse, passed, repeats = sequential(part, looks)
        decided = (worse | passed).mean()
        fixed = next((n for n in range(3, 21) if _decides(part, n) >= decided), None)
        told = "more than 20" if fixed is None else str(fixed)
        shares = (f"{100 * share:.1f} %" for share in (worse.mean(), passed.mean(), 1 - decided))
        yield f"| {100 * effect:+.0f} % | {' | '.join(shares)} | {repeats.mean():.1f} | {told} |"


def sequential(part: Cases, looks: Looks) -> tuple[Flags, Flags, Floats]:
    """Which rows are found worse, which pass, and after how many repeats a side, of shape [cases, rows] each."""
    shape = part.old.shape[:2]
    worse, passed, repeats = np.zeros(shape, bool), np.zeros(shape, bool), np.full(shape, float(looks.repeats[-1]))
    for look, n in enumerate(looks.repeats):
        log, u, dof, *_ = edgewatt_parts(first(part, n), SETTINGS[1])
        level, left = looks.level(look, ALPHA), ~(worse | passed)
        is_worse = left & (stats.t.sf(log / u, dof) <= level) & (log > np.log1p(0.05))
        passes = left & ~is_worse & (log + stats.t.isf(level, dof) * u < np.log1p(0.05))
        worse, passed = worse | is_worse, passed | passes
        repeats[is_worse | passes] = n
    return worse, passed, repeats


def first(part: Cases, repeats: int) -> Cases:
    """The first so many repeats of both sides."""
    return Cases(part.old[:, :, :repeats], part.new[:, :, :repeats], part.history)


def _decides(part: Cases, repeats: int) -> float:
    """How often a plan of so many repeats finds a regression or passes."""
    some = first(part, repeats)
    return float((flagged(edgewatt(some, SETTINGS[1]), 0.05) | edgewatt_passes(some, SETTINGS[1], 0.05)).mean())


def same_as_edgewatt(cases: int) -> int:
    """How many small checks the vectorised rule and profiler/checking agree on. Raises AssertionError if not on all."""
    rng = np.random.default_rng(7)
    for number in range(cases):
        noise = SETTINGS[number % len(SETTINGS)]
        rows = (1, 3, 12)[number % 3]
        part = drawn(noise, 1, rows, 5, float(rng.uniform(0, 0.12)), rng)
        flags = flagged(edgewatt(part, noise), 0.05)[0]
        assert _real(part, noise) == flags.tolist(), noise
    return cases


def _real(part: Cases, noise: Noise) -> list[bool]:
    """The verdicts of profiler/checking itself on one table."""
    old, new = (
        _repeats(side[0], "old" if noise.apart and place == 0 else "new") for place, side in enumerate(part.medians)
    )
    sessions = None
    if noise.history:
        sigma = float(part.history[0].std(ddof=1))
        sessions = {"latency_s": SessionSpread(sigma, "history", noise.history - 1.0)}
    check = check_repeats(new, Baseline(old), sessions=sessions)
    return [one.word == "regression" for one in check.verdicts]


def _repeats(logs: np.ndarray, session: str) -> Repeats:
    rows, repeats = logs.shape
    table = pa.table(
        {
            "model": [f"{row:03}" for row in range(rows) for _ in range(repeats)],
            "repeat": pa.array([n for _ in range(rows) for n in range(repeats)], pa.int32()),
            "session": [session] * (rows * repeats),
            "latency_s": np.exp(logs).ravel(),
        }
    )
    return Repeats(session, completed(table), frozenset(table.column_names))


def _parts(noise: Noise, cases: int, rows: int, effect: float, seed: Sequence[int]) -> Iterator[Cases]:
    rng = np.random.default_rng(seed)
    size = max(_AT_ONCE // rows, 1)
    for start in range(0, cases, size):
        yield drawn(noise, min(size, cases - start), rows, REPEATS, effect, rng)


def _table_head(first: str) -> Iterator[str]:
    yield f"| {first} | {' | '.join(RULES)} |"
    yield f"|{'---|' * (len(RULES) + 1)}"


def _head(cases: int, agreed: int) -> Iterator[str]:
    yield "# Gates on the noise of hardware"
    yield ""
    yield f"Simulated by `python -m benchmarks.gate`, {datetime.now(UTC):%Y-%m-%d}: {cases:,} checks a cell, each of"
    yield f"{REPEATS} repeats of 5 iterations a side. Percent of checks, with thresholds of 0 / at what the tool has"
    yield "unless told otherwise. Others' rules are written again from their sources (benchmarks/gate_rules.py). That"
    yield f"of edgewatt, vectorised, agreed with profiler/checking on {agreed} of {agreed} checks."


if __name__ == "__main__":
    main()
