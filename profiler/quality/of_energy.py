"""Reason codes of energy: what a source did not see, or what is uncertain about it."""

from typing import Final

from edgewatt.profiler.quality.reason import MARKED, NOTE, Reason

CODES: Final = (
    Reason(
        "no_energy_source",
        NOTE,
        "Nothing that was recorded gives joules.",
        "`edgewatt doctor` says what would, and what blocks it.",
        refuses_energy=True,
    ),
    Reason(
        "gaps",
        MARKED,
        "More than 0.1 % of the samples of a measured window are missing.",
        "Use a faster connection or a slower rate; energy over a gap is not made up.",
        refuses_energy=True,
    ),
    Reason(
        "too_few_updates",
        MARKED,
        "The sensor updated less than twice in a measured window.",
        "Measure longer windows (--seconds).",
        refuses_energy=True,
    ),
    Reason(
        "interval_above_half",
        MARKED,
        "The interval reaches further than half of the value, which is then not given.",
        "The budget says which term dominates and what would shrink it.",
        refuses_energy=True,
    ),
    Reason(
        "charging",
        MARKED,
        "Current flowed into the battery: what a gauge, or a meter before the battery, then counts is not what the "
        "device used.",
        "Take the cable out, use --set charging=off, or a meter with its passthrough off.",
        refuses_energy=True,
    ),
    Reason(
        "undersampled",
        MARKED,
        "The sensor updates more slowly than iterations follow each other; a term of the budget counts for that.",
        "Measure longer windows, or with a faster sensor.",
    ),
    Reason(
        "no_idle",
        MARKED,
        "No idle was recorded, so that there is no energy above idle.",
        "Leave idle windows (--idle) in.",
    ),
    Reason(
        "idle_not_measured",
        MARKED,
        "The idle windows have too few samples for a power of idling.",
        "Idle for longer (--idle).",
    ),
    Reason(
        "one_idle",
        MARKED,
        "There is an idle on one side of the repeats only: how it drifted is not known.",
        "Let the run end, so that it idles after.",
    ),
    Reason(
        "idle_drift",
        MARKED,
        "Idling took over 3 % more or less after the repeats than before them.",
        "Let it cool to where it began, and keep everything else on it quiet.",
    ),
    # The trains of pulses that tie a meter to a device
    Reason(
        "no_sync_peak",
        MARKED,
        "The meter did not see the pulses of load: it does not feed this device.",
        "Connect the device to this meter, or name the meter that feeds it.",
        refuses_energy=True,
    ),
    Reason(
        "sync_ambiguous",
        MARKED,
        "The pulses fit the meter's samples in more than one place.",
        "Keep other loads on the device quiet and measure again.",
        refuses_energy=True,
    ),
    Reason(
        "sync_not_sampled",
        MARKED,
        "The meter has too few samples where the pulses were.",
        "Let it sample before, during and after them.",
        refuses_energy=True,
    ),
    Reason(
        "sync_unsure",
        MARKED,
        "Where the pulses lie in the meter's samples is too uncertain.",
        "Keep other loads on the device quiet, or use a meter that samples faster.",
        refuses_energy=True,
    ),
    Reason(
        "sync_too_slow",
        MARKED,
        "The meter is too slow to see the pulses, so that the clocks are compared by echoes alone.",
        "Nothing, as long as windows are long beside the bound of the clocks.",
    ),
    Reason(
        "sync_drift_unknown",
        MARKED,
        "One of the two trains was not found, so that the drift between the clocks is that of the echoes.",
        "Look at the cause behind the colon.",
    ),
    Reason(
        "sync_drift_implausible",
        MARKED,
        "The trains lie further apart, or closer, for the meter than clocks drift: one clock jumped between them, or "
        "samples were miscounted, and windows may lie anywhere in between.",
        "Measure again; look for lost samples and for what sets the clocks.",
        refuses_energy=True,
    ),
    # Of operators: docs/operators.md says how they are told apart.
    Reason(
        "operators_not_additive",
        NOTE,
        "Parts of the network cost less or more than the sum of their operators, beyond chance.",
        "Take the joules of operators as those within this network; caches and fused operators do not add up.",
    ),
    Reason(
        "operators_target_differs",
        NOTE,
        "Parts of the network were executed by another target than the whole.",
        "Ask for a target that executes all of them (--target cpu).",
    ),
    Reason(
        "operators_undecided",
        NOTE,
        "Not even the sum of all operators is known to half of itself.",
        "Measure longer, more repeats, or with a better meter.",
    ),
)
