"""Print the figures as Markdown: `python -m tests.sync_figures [SEEDS]` (default 200; some minutes on one core)."""

import sys

import numpy as np

from tests.sync_figures.figures import REFUSED, SCENES, Errors, drifts, errors


def _row(name: str, found: Errors, unit: float) -> str:
    figures = (found.bias_s, found.rms_s, float(np.max(np.abs(found.error_s))), float(np.median(found.u_s)))
    cells = " | ".join(f"{figure * unit:.3f}" for figure in figures)
    refused = ", ".join(f"{count} {code}" for code, count in found.refused.items()) or "0"
    return f"| {name} | {cells} | {100 * found.covered:.1f} % | {refused} |"


def main(seeds: int) -> None:
    """Print three tables."""
    print(f"Offset of one train of 5 s, {seeds} seeds: rise and fall 2 to 50 ms, offset up to 3 s, 50 ppm, 5 kHz.\n")
    print(
        "| scene | bias ms | RMS ms | largest ms | median u ms | 95 % covers | refused |\n|---|---|---|---|---|---|---|"
    )
    for name, scene in SCENES.items():
        print(_row(name, errors(scene, range(seeds)), 1e3), flush=True)
    print(f"\nDrift from two trains, two minutes apart, {seeds} seeds.\n")
    print(
        "| | bias ppm | RMS ppm | largest ppm | median u ppm | 95 % covers | refused |\n|---|---|---|---|---|---|---|"
    )
    print(_row("bursts 5 Hz", drifts(range(seeds)), 1e6), flush=True)
    print(f"\nWhat must be refused, {seeds} seeds.\n\n| what the meter sees | accepted | refused as |\n|---|---|---|")
    for name, scene in REFUSED.items():
        found = errors(scene, range(seeds))
        codes = ", ".join(f"{code} {count}" for code, count in found.refused.items())
        print(f"| {name} | {len(found.error_s)} of {seeds} | {codes} |", flush=True)


main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
