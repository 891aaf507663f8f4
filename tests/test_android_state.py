"""Whether a phone slept between two looks, by what counts while it is awake."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.state import sleep as state
from edgewatt.collectors.android.state.sleep import State, has_restarted, parse_state, suspended_s
from tests.stub_phone import StubPhone, stub_phone
from tests.trees import write

BOOT = "60ebb867-9db4-4939-824a-fea9efe07364"
QUESTIONS = ("boot", "before_ticks", "ticks", "before", "power", "after", "suspended", "battery", "thermal")


def seen(
    boottime_s: float, *, awake_s: float | None = None, ticks: int | None = None, count: int | None = None
) -> State:
    """A look whose services took 40 ms."""
    answers = dict.fromkeys(QUESTIONS, "")
    answers |= {"boot": BOOT, "before_ticks": f"{boottime_s:.2f} 1.0", "before": f"{boottime_s:.2f} 1.0"}
    answers["after"] = f"{boottime_s + 0.04:.2f} 1.0"
    if awake_s is not None:
        answers["power"] = f"  mWakefulness=Asleep\n  mLastWakeTime=1000 ({round(awake_s * 1000) - 1000} ms ago)"
    if ticks is not None:
        answers["ticks"] = f"cpu0 100 0 200 {ticks - 300} 0 0 0 0 0 0"
    answers["suspended"] = "" if count is None else str(count)
    return parse_state(answers)


def test_time_that_only_boottime_counts_was_slept() -> None:
    before, after = seen(1000.0, awake_s=400.0), seen(1060.0, awake_s=418.0)
    assert suspended_s(before, after) == pytest.approx(42.0, abs=0.05)
    assert after.awake_basis == "dumpsys power"


def test_awake_phone_slept_for_no_time() -> None:
    assert suspended_s(seen(1000.0, awake_s=400.0), seen(1060.0, awake_s=460.03)) == 0.0


def test_service_is_exact_enough_for_a_fifth_of_a_second() -> None:
    assert suspended_s(seen(1000.0, awake_s=400.0), seen(1060.0, awake_s=459.8)) == pytest.approx(0.2, abs=0.05)


def test_ticks_lose_some_of_a_busy_processor_without_that_being_sleep() -> None:
    assert suspended_s(seen(1000.0, ticks=50_000), seen(1060.0, ticks=50_000 + 5820)) == 0.0


def test_ticks_show_a_long_sleep() -> None:
    before, after = seen(1000.0, ticks=50_000), seen(1060.0, ticks=50_000 + 3000)
    assert suspended_s(before, after) == pytest.approx(30.0, abs=0.1)
    assert after.awake_basis == "/proc/stat cpu0"


def test_count_that_did_not_grow_is_the_last_word() -> None:
    assert suspended_s(seen(1000.0, ticks=50_000, count=7), seen(1060.0, ticks=50_100, count=7)) == 0.0


def test_count_alone_bounds_the_sleep() -> None:
    assert suspended_s(seen(1000.0, count=7), seen(1060.0, count=9)) == 60.0


@pytest.mark.parametrize(
    ("before", "after"), [(State(), State()), (seen(10.0), seen(20.0)), (seen(1.0, count=1), State())]
)
def test_nothing_is_claimed_where_nothing_tells(before: State, after: State) -> None:
    assert suspended_s(before, after) is None


def test_restart_is_not_sleep() -> None:
    before, after = seen(1000.0, awake_s=400.0), seen(1060.0, awake_s=60.0)
    other = replace(after, boot_id="0" * 36)
    assert has_restarted(before, other)
    assert suspended_s(before, other) is None
    assert has_restarted(replace(before, boot_id=None), seen(12.0))
    assert not has_restarted(before, after)


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[StubPhone]:
    with stub_phone(tmp_path) as stub:
        yield stub


def test_look_is_one_round_trip(stub: StubPhone) -> None:
    stub.set("dumpsys/battery", "Current Battery Service state:\n  AC powered: false\n  USB powered: true\n  status: 2")
    stub.set("dumpsys/thermalservice", "Thermal Status: 3")
    stub.node("power/suspend_stats/success", "12")
    now = state.look(stub.phone)
    assert len(stub.shell.commands) == 1
    assert (now.status, now.plugged, now.thermal_status, now.suspend_count) == (2, 2, 3, 12)
    assert (now.screen, now.awake_s) == ("on", 5.0)
    assert now.boottime_s is not None
    assert now.by_ticks is not None


def test_recorded_kernel_files(stub: StubPhone, tmp_path: Path) -> None:
    proc = tmp_path / "proc it's"
    write(proc / "uptime", "86400.25 120000.10")
    write(proc / "stat", "cpu  9 9 9 9\ncpu0 1000 0 500 8000000 100 0 0 0 0 0\ncpu1 1 1 1 1\nintr 5")
    write(proc / "sys/kernel/random/boot_id", BOOT)
    phone = Phone("adb:1", stub.shell.connect, sysfs=str(stub.sysfs), proc=str(proc), tmp=str(stub.shell.tmp))
    now = state.look(phone)
    assert (now.boot_id, now.boottime_s) == (BOOT, 86400.25)
    assert now.by_ticks is not None
    assert now.by_ticks.awake_s == pytest.approx(80016.0)


@given(st.fixed_dictionaries(dict.fromkeys(QUESTIONS, st.text(max_size=80))))
def test_any_answers_are_some_state(answers: dict[str, str]) -> None:
    now = parse_state(answers)
    assert suspended_s(now, now) in (None, 0.0)


@given(st.floats(0, 1e6), st.floats(0, 3600), st.floats(0, 1))
def test_sleep_is_never_negative_and_never_more_than_the_time(start_s: float, passed_s: float, share: float) -> None:
    before, after = seen(start_s, awake_s=1.0), seen(start_s + passed_s, awake_s=1.0 + passed_s * (1 - share))
    slept_s = suspended_s(before, after)
    assert slept_s is not None
    assert 0.0 <= slept_s <= passed_s + 0.05
    assert slept_s == pytest.approx(passed_s * share, abs=0.25)
