"""Reason codes of loads that a calibration is fitted to, and of their windows."""

from typing import Final

from edgewatt.profiler.quality.reason import MARKED, Reason

CODES: Final = (
    Reason(
        "load_failed",
        MARKED,
        "A load of the suite could not be executed; the others went on.",
        "Read what it says, and collect the step again into another folder.",
    ),
    Reason(
        "window_short",
        MARKED,
        "What is left of a load's window without its edges is too short, or has too few samples, for its power.",
        "Collect with longer windows (--seconds), or with a faster sensor.",
    ),
    Reason(
        "window_beside_load",
        MARKED,
        "The power at an end of a load's window is another than within: the window lies beside its load, or something "
        "else began or ended.",
        "Look at the clocks of the run; keep the device quiet, and collect the step again.",
    ),
)
