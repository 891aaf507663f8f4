"""Reason codes of a run as a whole: its conditions, its clocks, its files."""

from typing import Final

from edgewatt.profiler.quality.reason import MARKED, NOTE, VOID, Reason

CODES: Final = (
    # Conditions
    Reason(
        "hot",
        MARKED,
        "It began warmer than the last run on this device did, after waiting as long as was allowed.",
        "Let the device cool, or give it longer; what is warm leaks more and slows down sooner.",
    ),
    Reason(
        "not_set",
        MARKED,
        "A condition that a run sets by default could not be set.",
        "See why under unavailable; set it by hand, or leave it with --set NAME=leave.",
    ),
    Reason(
        "not_restored",
        MARKED,
        "A condition that was set for the run could not be put back.",
        "`edgewatt doctor --fix` tries again; else put it back by hand.",
    ),
    Reason(
        "left_changed",
        MARKED,
        "A condition was as an earlier run had left it that was killed.",
        "Put it back with `edgewatt doctor --fix`, and measure again.",
    ),
    Reason(
        "conditions_put_back",
        MARKED,
        "The device put its conditions back while the run went on, as the connection was lost.",
        "Measure again over a better connection.",
    ),
    Reason(
        "restarted",
        MARKED,
        "A repeat was begun again after the connection was lost.",
        "Use a cable, or Wi-Fi nearer by.",
    ),
    Reason(
        "ambient_off",
        MARKED,
        "The room was not as warm as was asked for, after waiting as long as was allowed.",
        "Heat or cool the room, or ask for the temperature that it has.",
    ),
    Reason(
        "ambient_unknown",
        MARKED,
        "A temperature of the room was asked for, and nothing measures it.",
        "Name a room sensor in bench.toml.",
    ),
    Reason(
        "host_suspended",
        MARKED,
        "The computer that recorded slept in the middle of the run; repeats that this may have touched are void.",
        "Keep it awake, as with `systemd-inhibit edgewatt ...`.",
    ),
    # Clocks
    Reason(
        "clock_drift_unknown",
        MARKED,
        "The device did not tell the time at the end, so that the drift of its clock is only bounded.",
        "Keep the device connected to the end; the bound of the clocks is wider.",
    ),
    Reason(
        "clock_stepped",
        MARKED,
        "Between the looks at a clock at the start and at the end lies more than clocks drift: it was set anew "
        "meanwhile, and nobody knows when, so that windows and samples cannot be laid over each other.",
        "Stop what sets the clock (network time, a suspended virtual machine) and measure again.",
        refuses_energy=True,
    ),
    Reason(
        "wall_clock_stepped",
        NOTE,
        "The wall clock of the device was set while it was measured; stamps were taken from the one that counts since "
        "its start.",
        "Nothing: no time was lost.",
    ),
    Reason(
        "not_synchronised",
        MARKED,
        "The device did not execute a train of pulses, so that its clock and the meter's are compared by echoes alone.",
        "Look at the cause behind the colon; the bound of the clocks is wider.",
    ),
    # Instruments, as the run sees them
    Reason(
        "collector_failed",
        MARKED,
        "An instrument failed in the middle of the run; what it gave before counts.",
        "Look at the cause behind the colon, and measure again if its samples matter.",
    ),
    Reason(
        "collector_stuck",
        MARKED,
        "An instrument did not return in time at the end; its last samples may be missing.",
        "Measure again if it gives the joules.",
    ),
    Reason(
        "not_closed",
        MARKED,
        "The run was not closed (it crashed or was killed), or an instrument could not be closed.",
        "What had reached the disk counts; measure again if windows are missing.",
    ),
    # Files
    Reason(
        "cut",
        MARKED,
        "A file of the run ends in the middle, as after a crash; what comes before is kept.",
        "Measure again if windows are missing.",
    ),
    Reason(
        "edited",
        MARKED,
        "A file was changed by hand after it was recorded, and somebody accepted that.",
        "Trust it as far as you trust whoever changed it.",
    ),
    # Repeats
    Reason(
        "suspended",
        VOID,
        "The device slept during the repeat.",
        "Hold a wakelock (the default), or keep its screen on.",
    ),
    Reason(
        "failed",
        VOID,
        "The repeat failed.",
        "Look at what it printed, in raw/.",
    ),
    Reason(
        "not_executed",
        MARKED,
        "A configuration of the plan could not be executed here, and has no row.",
        "What is unavailable says why; leave it out of the plan with skip.",
    ),
    Reason(
        "repeat_failed",
        MARKED,
        "A repeat of one configuration failed while the others went on.",
        "Look at the cause behind the colon, and at what it printed, in raw/.",
    ),
    Reason(
        "no_iterations",
        VOID,
        "Nothing was executed in the measured window.",
        "Look at what it printed, in raw/.",
    ),
    Reason(
        "no_length",
        VOID,
        "The measured window does not end after it begins.",
        "Look at what stamped it: a clock went back, or marks are in the wrong order.",
    ),
    Reason(
        "all_void",
        VOID,
        "No repeat counts.",
        "The other reasons say why.",
    ),
    Reason(
        "some_void",
        MARKED,
        "Some repeats do not count and were left out.",
        "Their rows in repeats say why.",
    ),
    Reason(
        "one_repeat",
        MARKED,
        "One repeat has no spread: latency has no interval, and that of energy rests on the sensor alone.",
        "Measure at least 3 repeats, better 5.",
    ),
    Reason(
        "config_unknown",
        MARKED,
        "The run does not say what was executed.",
        "Restore its run.json, or record again.",
    ),
)
