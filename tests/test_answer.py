"""The answer on the terminal: first what was asked, each number with its interval, and nothing hidden."""

from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import truth_window
from edgewatt.reports.answer import About, answer, answer_of
from edgewatt.reports.truth import Truth
from tests.sample_runs import HOSTILE, RESULT, make_run, repeat_rows

NO_ENERGY: dict[str, Any] = dict.fromkeys(name for name in RESULT if name.startswith(("energy_", "power_")))

ANSWER = """\
Galaxy S10e · mobilenet_v2.tflite · cpu+xnnpack, 4 threads, int8, litert 2.1.0      \
5 repeats x 500 iterations, 31.2 to 33.0 C, battery, awake
latency     12.4 ms   [12.2, 12.6]       p90 13.1 ms, p99 14.0 ms
energy      38.1 mJ   [37.5, 38.7]       accuracy [37.2, 39.0], battery bypass, monsoon/main
  net       30.5 mJ   [29.8, 31.2]       above 610 mW awake
power       3.07 W                       clocks agree to 400 µs; 2 of 155,000 samples lost
memory      23.4 MB   peak               loading 80.0 ms, first inference 31.0 ms
written to runs/s10e   ·   edgewatt export runs/s10e --to csv -o table.csv"""


def rows(**other: Any) -> list[dict[str, Any]]:
    return [{**RESULT, "latency_s_p99": 0.014, **other}]


def about(**other: Any) -> About:
    facts = {"run": "runs/s10e", "device": "Galaxy S10e", "conditions": {"power_supply": "battery", "charging": False}}
    return About(**{**facts, "clock_bound_s": 0.0004, "samples": 155_000, "samples_lost": 2, **other})


def line(text: str, label: str) -> str:
    return next(found for found in text.splitlines() if found.startswith(label))


def test_the_whole_answer() -> None:
    assert answer_of(rows(), repeat_rows(), about()) == ANSWER


@pytest.mark.parametrize("where", ["run", "row"])
def test_simulated_is_the_first_word(where: str) -> None:
    text = answer_of(rows(simulated=where == "row"), repeat_rows(), about(simulated=where == "run"))
    assert text.split(maxsplit=1)[0] == "SIMULATED"


def test_energy_that_was_not_measured_says_why() -> None:
    unavailable = [{"what": "package-0", "reason": "permission denied", "fix": "sudo chmod a+r"}]
    text = answer_of(rows(**NO_ENERGY), repeat_rows(energies_j=None), about(unavailable=unavailable, samples=None))
    assert line(text, "energy") == "energy      not measured: package-0: permission denied"
    assert "power" not in text
    assert "0 J" not in text
    given = answer_of(
        rows(**NO_ENERGY, quality_reasons=["hot", "no_energy_source:energy: no rail"]),
        [],
        about(unavailable=unavailable),
    )
    assert line(given, "energy") == "energy      not measured: energy: no rail"


def test_why_there_is_no_energy_is_said_once() -> None:
    why = ["hot", "no_energy_source:energy: no rail"]
    text = answer_of(rows(**NO_ENERGY, quality="marked", quality_reasons=why), [], about())
    assert text.count("no rail") == 1
    assert "marked      hot: " in text


def test_energy_above_idle_that_is_not_known_well_enough_is_said() -> None:
    unknown = dict.fromkeys(name for name in RESULT if name.startswith("energy_net"))
    text = answer_of(rows(**unknown, quality="marked", quality_reasons=["interval_above_half"]), [], about())
    assert line(text, "  net") == "  net       not given: its interval reaches further than half of it"
    assert "  net" not in answer_of(rows(**unknown), [], about())


def test_one_repeat_has_no_interval() -> None:
    text = answer_of(rows(latency_s_low=None, latency_s_high=None), repeat_rows()[:1], about())
    assert "12.4 ms   one repeat, no interval p90" in line(text, "latency")
    assert "1 repeat x 500 iterations" in text


def test_unknown_accuracy_and_percentiles_are_said() -> None:
    unknown = {"energy_gross_j_accuracy_low": None, "energy_gross_j_accuracy_high": None, "latency_s_p99": None}
    text = answer_of(rows(**unknown, latency_s_p90=None), repeat_rows(), about())
    assert "accuracy unknown, battery bypass" in line(text, "energy")
    assert line(text, "latency").endswith("p90 and p99 not revealed by litert")


def test_a_line_per_energy_source_and_repeats_once() -> None:
    gauge: dict[str, Any] = {"energy_source": "gauge/battery", "energy_boundary": "gauge"}
    text = answer_of([*rows(), *rows(**gauge)], [*repeat_rows(), *repeat_rows(**gauge)], about())
    assert [found.split()[-1] for found in text.splitlines() if found.startswith("energy")] == [
        "monsoon/main",
        "gauge/battery",
    ]
    assert "5 repeats" in text
    assert text.count("latency") == 1


def test_a_meter_stands_before_the_device_s_own_sensors() -> None:
    sources = (("p/cpu", "rail"), ("p/battery", "gauge"), ("card", "board"), ("m/usb", "usb_inline"), ("none", None))
    mine = [rows(energy_source=name, energy_boundary=boundary)[0] for name, boundary in sources]
    text = answer_of([*mine, *rows()], repeat_rows(), about())
    named = [found.split()[-1] for found in text.splitlines() if found.startswith("energy")]
    assert named == ["monsoon/main", "m/usb", "card", "p/battery", "p/cpu", "none"]


@pytest.mark.parametrize("simulated", [True, False])
def test_a_block_per_configuration(simulated: bool) -> None:  # noqa: FBT001
    text = answer_of([*rows(), *rows(config_id="b", model="other")], repeat_rows(), about(simulated=simulated))
    assert text.count("latency") == 2
    assert "Galaxy S10e · other" in text
    assert text.count("SIMULATED Galaxy S10e · ") == 2 * simulated


def test_what_speaks_against_one_source_names_it() -> None:
    gauge: dict[str, Any] = {"energy_source": "p/battery", "energy_boundary": "gauge", "quality": "marked"}
    both = [*rows(quality="marked", quality_reasons=["hot"]), *rows(**gauge, quality_reasons=["hot", "charging"])]
    hot, charging = answer_of(both, repeat_rows(), about()).splitlines()[-3:-1]
    assert hot.startswith("marked      hot: It began warmer")
    assert charging.startswith("            p/battery: charging: Current flowed into the battery")


def test_what_is_marked_says_why() -> None:
    text = answer_of(
        rows(quality="marked", quality_reasons=["hot", "not_steady"]), repeat_rows(throttled=True), about()
    )
    hot, steady = text.splitlines()[-3:-1]
    assert hot.startswith("marked      hot: It began warmer than the last run on this device did")
    assert steady == (
        "            not_steady: It was still getting faster or slower when the warm-up's limit came. "
        "Warm up for longer (--warmup), or take it as a burst."
    )
    assert "throttled" in text.splitlines()[0]


def test_the_run_s_own_words_come_before_the_table_s() -> None:
    missing = [{"what": "not_set:wakelock", "reason": "no service power", "fix": ""}]
    text = answer_of(
        rows(quality="marked", quality_reasons=["not_set:wakelock", "of_tomorrow"]), [], about(unavailable=missing)
    )
    assert text.splitlines()[-3] == "marked      not_set:wakelock: no service power"
    assert text.splitlines()[-2] == "            of_tomorrow (a code that this edgewatt does not know)"


NARROW = """\
SIMULATED Galaxy S10e · mobilenet_v2.tflite
            cpu+xnnpack, 4 threads, int8, litert 2.1.0
            5 repeats x 500 iterations, 31.2 to 33.0 C, battery, awake
latency     12.4 ms   [12.2, 12.6]       p90 13.1 ms, p99 14.0 ms
energy      38.1 mJ   [37.5, 38.7]       accuracy [37.2, 39.0], battery bypass,
                                         monsoon/main
  truth     42.0 mJ   off by -9.3 %
  net       30.5 mJ   [29.8, 31.2]       above 610 mW awake
power       3.07 W                       clocks agree to 400 µs; 2 of 155,000
                                         samples lost
memory      23.4 MB   peak               loading 80.0 ms, first inference
                                         31.0 ms
marked      hot: It began warmer than the last run on this device did, after
            waiting as long as was allowed. Let the device cool, or give it
            longer; what is warm leaks more and slows down sooner.
            something that is said in so many words that it does not fit (a code
            that this edgewatt does not know)
written to runs/s10e   ·   edgewatt export runs/s10e --to csv -o table.csv"""


def test_on_a_narrow_terminal_what_does_not_fit_goes_on_below() -> None:
    repeats = repeat_rows()
    known = {(row["config_id"], truth_window(row["repeat"])): {"main": 0.042} for row in repeats}
    truth = Truth(known, {"monsoon/main": ("main",)}, repeats)
    reasons = ["hot", "something that is said in so many words that it does not fit"]
    marked = rows(quality="marked", quality_reasons=reasons)
    assert answer_of(marked, repeats, about(simulated=True, truth=truth), 80) == NARROW


def test_a_wide_terminal_changes_nothing_and_no_width_breaks_a_word() -> None:
    assert answer_of(rows(), repeat_rows(), about(), 400) == ANSWER
    for width in (1, 20, 60, 119):
        narrow = answer_of(rows(), repeat_rows(), about(), width)
        assert narrow.replace("·", "").split() == ANSWER.replace("·", "").split()


def test_samples_are_said_once() -> None:
    text = answer_of([*rows(), *rows(energy_source="gauge/battery")], repeat_rows(), about())
    assert text.count("samples lost") == 1


def test_hostile_names_stay_on_their_line() -> None:
    hostile = dict.fromkeys(("device", "model", "runtime", "energy_source"), HOSTILE)
    text = answer_of(rows(**hostile, quality="marked", quality_reasons=[HOSTILE]), repeat_rows(), about(run="a\x1b b"))
    assert len(text.splitlines()) == len(ANSWER.splitlines()) + 1
    assert all(found.isprintable() and len(found) < 2100 for found in text.splitlines())


def test_of_a_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", repeats=repeat_rows(), results=rows(), conditions={"power_supply": "mains"})
    text = answer(Trace.open(run))
    assert "mains, awake" in text.splitlines()[0]
    assert text.splitlines()[-1].startswith(f"written to {run}   ·   edgewatt export ")


def test_of_a_run_without_results(tmp_path: Path) -> None:
    text = answer(Trace.open(make_run(tmp_path / "run", simulated=True)))
    assert text.splitlines()[0].startswith("SIMULATED Galaxy S10e: no results")
    assert text.splitlines()[-1] == f"written to {tmp_path / 'run'}"
