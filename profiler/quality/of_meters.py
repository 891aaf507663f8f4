"""Reason codes of meters and sensors: what they lost, and what they could not tell."""

from typing import Final

from edgewatt.profiler.quality.reason import MARKED, NOTE, Reason

_CABLE: Final = "Use another cable or port, without a hub; windows with gaps have no joules."

CODES: Final = (
    Reason("meter_samples_lost", MARKED, "The meter, or what reads it, lost samples.", _CABLE),
    Reason(
        "meter_loss_unsure",
        MARKED,
        "How many samples the meter lost can be off by as many as stand behind the colon.",
        _CABLE,
    ),
    Reason("meter_frames_damaged", MARKED, "Frames of the meter arrived damaged and were left out.", _CABLE),
    Reason(
        "meter_overcurrent",
        MARKED,
        "The meter said that more current flowed than it measures.",
        "Use a meter with a larger range, or less load.",
    ),
    Reason(
        "meter_restarted",
        MARKED,
        "The meter began anew in the middle.",
        "Look at its supply; windows with gaps have no joules.",
    ),
    Reason("meter_reconnected", MARKED, "The connection to the meter was lost and made again.", _CABLE),
    Reason(
        "meter_clock_restarted",
        MARKED,
        "The meter's own time began anew.",
        "Its samples are stamped by their arrival from there on.",
    ),
    Reason(
        "meter_rate_off",
        MARKED,
        "The meter's rate is further from what it states than any crystal: samples were miscounted.",
        "Measure again; if it stays, say so with the meter's model and firmware.",
    ),
    Reason("meter_event", MARKED, "The meter told of an event while it measured.", "Its name stands behind the colon."),
    Reason(
        "meter_away",
        MARKED,
        "The meter was not there any more at the end.",
        "Look at its cable and its supply.",
    ),
    Reason("meter_values_unreadable", MARKED, "Some values of the meter are none, and were left out.", _CABLE),
    Reason("meter_lines_unreadable", MARKED, "Some lines of the meter are none, and were left out.", _CABLE),
    Reason(
        "capture_failed",
        MARKED,
        "The process that reads the meter failed.",
        "Look at the cause behind the colon; what came before it counts.",
    ),
    Reason(
        "capture_overflow",
        MARKED,
        "The computer could not take the meter's samples as fast as they came.",
        "Keep it free of other work.",
    ),
    Reason(
        "usb_passthrough_of_an_earlier_run",
        NOTE,
        "An earlier run had left the meter's USB passthrough changed; it was put back.",
        "Nothing.",
    ),
    Reason(
        "gauge_undecided",
        NOTE,
        "The battery's gauge shows a current whose unit or sign could not be decided, so that it gives no joules.",
        "Give the gauge a load of known shape (doctor), or state both in a device profile.",
    ),
    Reason(
        "mig_whole_gpu",
        MARKED,
        "The GPU is divided (MIG), and its joules are those of all slices together.",
        "Leave the other slices idle.",
    ),
)
