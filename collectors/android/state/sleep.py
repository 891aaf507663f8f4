"""What a phone does between two repeats: whether it slept, how hot it feels, whether it is fed.

Suspension is time that CLOCK_BOOTTIME counts and CLOCK_MONOTONIC does not. /proc/uptime is the first (proc(5)). Nothing
in /proc shows the second to a shell, so it is had from what counts with it, the best one first:

- `dumpsys power`, whose times are uptimeMillis (wakefulness.py): exact to a millisecond, between two looks at uptime;
- the ticks of cpu0 in /proc/stat, all states together: idle time is measured on CLOCK_MONOTONIC (kernel
  kernel/time/tick-sched.c, get_cpu_idle_time_us), the rest is counted in ticks. Short bursts between two ticks are
  missed: 0.2 ms of work every 0.4 ms lost 3 % on a 250 Hz kernel, 1 ms every 2 ms 1.5 % (measured), and a cpu0 that is
  offline counts nothing. So it can show only a suspension above TICKS_REL of the time.
- /sys/power/suspend_stats/success, where it can be read, counts suspensions without saying how long they were (kernel
  Documentation/ABI/testing/sysfs-power).
"""

import re
import shlex
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.files.look import whole
from edgewatt.collectors.android.services import batteryservice, thermalservice
from edgewatt.collectors.android.state.sections import ask
from edgewatt.collectors.android.state.wakefulness import POWER_SH, Screen, parse_power
from edgewatt.collectors.host.kernel import parse_stat
from edgewatt.collectors.transports.reached import Reached

TICK_S: Final = 0.01  # USER_HZ, the unit of /proc/stat, is 100 on every Android (proc(5), sysconf(_SC_CLK_TCK))
TICKS_REL: Final = 0.05  # more than three times what short bursts were seen to lose
UPTIME_STEP_S: Final = 0.01
# Rounding of both clocks and what the shell needs between two lines; assumed.
SLACK_S: Final = 0.05

_UPTIME: Final = re.compile(r"([0-9]{1,10}\.[0-9]{1,3})(?:\s.*)?")


@dataclass(frozen=True, slots=True)
class Awake:
    """CLOCK_MONOTONIC and CLOCK_BOOTTIME of one moment in seconds, together within `slack_s`; origins differ."""

    awake_s: float
    boottime_s: float
    slack_s: float


@dataclass(frozen=True, slots=True)
class State:
    """One look; None where the phone does not say.

    `by_service` and `by_ticks` are the two ways to CLOCK_MONOTONIC, `suspend_count` the suspensions since boot.
    `thermal_status` is 0 (none) to 6 (shutdown), `status` BatteryManager's (2 charging, 3 discharging, 4 not charging,
    5 full), `plugged` its plugs added up; both of the service, which can be faked: then None.
    """

    boot_id: str | None = None
    boottime_s: float | None = None
    by_service: Awake | None = None
    by_ticks: Awake | None = None
    suspend_count: int | None = None
    thermal_status: int | None = None
    status: int | None = None
    plugged: int | None = None
    screen: Screen | None = None
    wake_locks: int | None = None

    @property
    def awake_s(self) -> float | None:
        """CLOCK_MONOTONIC in seconds by the best way there is; its origin depends on the way."""
        best = self.by_service or self.by_ticks
        return None if best is None else best.awake_s

    @property
    def awake_basis(self) -> str | None:
        """Which way that is."""
        return "dumpsys power" if self.by_service else "/proc/stat cpu0" if self.by_ticks else None


def look(phone: Reached) -> State:
    """The state now, of a phone or a board, in one round trip. Raises DeviceError if it does not answer."""
    sysfs, proc = shlex.quote(phone.sysfs), shlex.quote(phone.proc)
    uptime = f"read -r u <{proc}/uptime; echo $u"
    answers = ask(
        phone,
        {
            "boot": f"read -r b <{proc}/sys/kernel/random/boot_id; echo $b",
            "before_ticks": uptime,
            "ticks": f'while read -r k v; do case $k in cpu0) echo "$k $v"; break;; esac; done <{proc}/stat',
            "before": uptime,
            "power": POWER_SH,
            "after": uptime,
            "suspended": f"read -r n <{sysfs}/power/suspend_stats/success; echo $n",
            "battery": f"$within {batteryservice.COMMAND}",
            "thermal": f"$within {thermalservice.COMMAND}",
        },
    )
    return parse_state(answers)


def parse_state(answers: dict[str, str]) -> State:
    """The state behind the answers to what `look` asks; takes any text."""
    power = parse_power(answers["power"])
    ticks = parse_stat(answers["ticks"].encode(errors="replace")).get("cpu0")
    before_ticks, before, after = (_uptime_s(answers[name]) for name in ("before_ticks", "before", "after"))
    by_service = by_ticks = None
    if power.uptime_s is not None and before is not None and after is not None and after >= before:
        by_service = Awake(power.uptime_s, (before + after) / 2, (after - before) / 2 + UPTIME_STEP_S)
    if ticks is not None and before_ticks is not None and before is not None and before >= before_ticks:
        by_ticks = Awake(ticks.total * TICK_S, (before_ticks + before) / 2, (before - before_ticks) / 2 + TICK_S)
    battery = batteryservice.battery(answers["battery"])
    return State(
        boot_id=answers["boot"] if re.fullmatch(r"[0-9a-f-]{8,64}", answers["boot"]) else None,
        boottime_s=before_ticks,
        by_service=by_service,
        by_ticks=by_ticks,
        suspend_count=whole(answers["suspended"]),
        thermal_status=thermalservice.status(answers["thermal"]),
        status=battery.status,
        plugged=battery.plugged,
        screen=power.screen,
        wake_locks=power.wake_locks,
    )


def has_restarted(before: State, after: State) -> bool:
    """Whether the phone was booted in between, as far as anything shows it."""
    if before.boot_id is not None and after.boot_id is not None:
        return before.boot_id != after.boot_id
    return before.boottime_s is not None and after.boottime_s is not None and after.boottime_s < before.boottime_s


def suspended_s(before: State, after: State) -> float | None:
    """Seconds for which the phone slept between two looks; 0.0 if it did not, as far as the clocks can show it.

    None if nothing tells, or the phone was restarted. Where only the count of suspensions grew, the whole time in
    between, which is the most that it can have been.
    """
    if has_restarted(before, after):
        return None
    if before.suspend_count is not None and before.suspend_count == after.suspend_count:
        return 0.0
    if before.by_service is not None and after.by_service is not None:
        return _slept_s(before.by_service, after.by_service, relative=0.0)
    if before.by_ticks is not None and after.by_ticks is not None:
        return _slept_s(before.by_ticks, after.by_ticks, relative=TICKS_REL)
    if None in (before.suspend_count, after.suspend_count) or before.boottime_s is None or after.boottime_s is None:
        return None
    return after.boottime_s - before.boottime_s


def _slept_s(before: Awake, after: Awake, *, relative: float) -> float:
    passed_s = after.boottime_s - before.boottime_s
    slept_s = passed_s - (after.awake_s - before.awake_s)
    return slept_s if slept_s > before.slack_s + after.slack_s + SLACK_S + relative * passed_s else 0.0


def _uptime_s(text: str) -> float | None:
    found = _UPTIME.fullmatch(text.strip())
    return float(found[1]) if found else None
