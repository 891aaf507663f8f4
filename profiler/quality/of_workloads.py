"""Reason codes of what was executed: delegates, warm-up, throttling, and what programs tell of their windows."""

from typing import Final

from edgewatt.profiler.quality.reason import MARKED, NOTE, Reason

_MARKS: Final = "See docs/commands.md for how a program marks what it does."

CODES: Final = (
    # Where it ran
    Reason(
        "fell_back",
        MARKED,
        "What executed is not what was asked for: the delegate fell back, as to the CPU.",
        "Compare it as what it is: target_used says where it ran.",
    ),
    Reason(
        "not_delegated",
        MARKED,
        "The delegate that was asked for took no operator: the CPU executed the network.",
        "Look into raw/ for what it says; another delegate, precision or runner may take it.",
    ),
    Reason(
        "partly_delegated",
        MARKED,
        "The delegate took a part of the operators and the CPU the rest.",
        "target_used names both; operators that it does not know go to the CPU.",
    ),
    Reason(
        "delegate_failed",
        MARKED,
        "The delegate that was asked for could not be made: the CPU executed the network.",
        "Look into raw/: a library may be missing (--push, --env).",
    ),
    Reason(
        "delegate_unknown",
        MARKED,
        "Nothing tells whether the delegate executed anything, so that the CPU is assumed.",
        "Use a runner that says it, or --operators.",
    ),
    Reason(
        "target_differs",
        MARKED,
        "Repeats of one configuration were executed by different units.",
        "Their rows in repeats say which.",
    ),
    Reason(
        "unknown_flags",
        MARKED,
        "The runner does not know some flags that it was given.",
        "Use another generation of the runner, or leave them out of --runner-arg.",
    ),
    Reason(
        "flag_replaced",
        MARKED,
        "A flag of --runner-arg replaced one that edgewatt would give.",
        "Nothing, if that was meant.",
    ),
    # How it ran
    Reason(
        "not_steady",
        MARKED,
        "It was still getting faster or slower when the warm-up's limit came.",
        "Warm up for longer (--warmup), or take it as a burst.",
    ),
    Reason(
        "throttled",
        MARKED,
        "The device was throttled by heat during the repeat, and was slower than it can be.",
        "Cool it, measure for a shorter time, or take this as what lasts.",
    ),
    Reason(
        "pin_not_held",
        MARKED,
        "A frequency that was pinned was another one during the repeat.",
        "Look for what lowered it: heat, a power limit, or a service of the maker's.",
    ),
    Reason(
        "pin_not_verified",
        MARKED,
        "A frequency was pinned, and nothing that was recorded shows whether the pin held during the repeat.",
        "Record the frequency of the cluster: `edgewatt doctor` says why it cannot be read.",
    ),
    Reason(
        "iterations_incomplete",
        MARKED,
        "Fewer iterations were stored than were executed.",
        "The latencies are those of the stored ones.",
    ),
    Reason(
        "no_latency",
        MARKED,
        "The runtime told no latency.",
        "Use one that prints it, or mark iterations.",
    ),
    Reason(
        "window_from_summary",
        MARKED,
        "The measured window begins where the tool's own sum says, not where it was seen to begin.",
        "Its edges may be off by what lay between; longer windows make that small.",
    ),
    # What a command marks
    Reason("mark_not_ended", MARKED, "A window was begun and not ended.", _MARKS),
    Reason("mark_not_begun", MARKED, "A window was ended that had not begun.", _MARKS),
    Reason("mark_unreadable", MARKED, "A mark could not be read and was left out.", _MARKS),
    Reason("mark_time_nonsense", MARKED, "A mark lies outside of the time of the command and was left out.", _MARKS),
    Reason("mark_time_unused", MARKED, "A mark's own stamp could not be used; its arrival counts.", _MARKS),
    Reason("marks_cut", MARKED, "There are more marks than are kept.", "Mark fewer windows."),
    Reason(
        "marks_held_back",
        MARKED,
        "Lines came in bursts, so that when they arrived says little.",
        "Let the program write line by line, or mark with stamps of its own.",
    ),
    Reason(
        "marks_of_two_clocks",
        MARKED,
        "Some marks have stamps of the other machine and some only arrived: only the former count.",
        _MARKS,
    ),
    Reason(
        "stamped_on_arrival",
        MARKED,
        "Windows are stamped when their marks arrived here, not when they were made there.",
        "Mark with stamps of its own; edges may be late by the connection.",
    ),
    Reason(
        "not_streamed",
        MARKED,
        "What the command printed came only at its end, so that its lines have no times.",
        "Mark with stamps of its own.",
    ),
    Reason("no_marks_file", MARKED, "There is no file there into which the command could mark.", _MARKS),
    Reason("measured_twice", MARKED, "More than one window measures: from the first to the last counts.", _MARKS),
    Reason(
        "iterations_differ",
        MARKED,
        "As many iterations were marked as the tool or you did not say.",
        "The marked ones count; correct --iterations or the marks.",
    ),
    Reason(
        "no_iteration_after_warmup",
        MARKED,
        "All iterations were to be skipped as warm-up, so that none was.",
        "Skip fewer.",
    ),
    Reason("inner_cut", NOTE, "There are more inner windows than are kept.", "Mark fewer windows."),
    Reason(
        "exit_code_unknown",
        MARKED,
        "Whether the command succeeded is not known.",
        "Look at what it printed, in raw/.",
    ),
    # Tools that sum up
    Reason(
        "summary_time_nonsense",
        MARKED,
        "The time that the tool's own sum gives does not fit into the time that it took.",
        "Look at what it printed, in raw/.",
    ),
    Reason("trtexec_no_summary", MARKED, "trtexec did not sum up.", "Look at what it printed, in raw/."),
    Reason(
        "trtexec_no_times",
        MARKED,
        "The file of --exportTimes could not be used: there are no iterations, only sums.",
        "Let trtexec write it where it can be read.",
    ),
    Reason(
        "iterations_from_compute_time",
        MARKED,
        "How many queries there were was computed from trtexec's times, as its count differs.",
        "Take energy per inference as that of its compute time.",
    ),
    Reason(
        "onnxruntime_perf_test_no_summary",
        MARKED,
        "onnxruntime_perf_test did not sum up.",
        "Look at what it printed, in raw/.",
    ),
)
