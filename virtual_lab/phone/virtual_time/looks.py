"""What the host's short questions to the phone print: a look at its files, at its sleep, and at its clock."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from edgewatt.virtual_lab.phone import services
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.nodes import Instruments
from edgewatt.virtual_lab.phone.virtual_time.files import Files
from edgewatt.virtual_lab.phone.virtual_time.sampler import FIELD, fields
from edgewatt.virtual_lab.phone.virtual_time.stamps import epochs, uptimes

_MS: Final = 1_000_000
# From one question of a look to the next; a service takes longer than a file (assumed).
_FILE_NS, _SERVICE_NS = 2 * _MS, 15 * _MS


def survey(files: Files, t_ns: int, sysfs: str, proc: str) -> bytes:
    """As the survey's script prints all files of the phone: each announced, then its text or why it has none."""
    looked = list(files.look(t_ns))
    lines = ["!4242"]
    for (name, _, why), text in zip(looked, fields([text for _, text, _ in looked]), strict=True):
        path = rooted(name, sysfs, proc)
        lines += [f"?{path}", f"{path}{FIELD}{why}" if why else f"{path}{FIELD}ok{FIELD}{text}"]
    return "\n".join([*lines, f".{FIELD}{len(looked)}", ""]).encode()


def rooted(name: str, sysfs: str, proc: str) -> str:
    """The path of a file below `sys` or `proc`."""
    root, _, rest = name.partition("/")
    return f"{ {'sys': sysfs, 'proc': proc}[root] }/{rest}"


def sleep(body: Body, files: Files, instruments: Instruments, t_ns: int, mark: str) -> bytes:
    """The answers to the questions whether the phone slept, each behind a line `<mark>-<its number>`."""
    at_ns = {"ticks": t_ns + _FILE_NS, "before": t_ns + 2 * _FILE_NS}
    at_ns["power"] = at_ns["before"] + _SERVICE_NS // 2
    at_ns["after"] = at_ns["before"] + _SERVICE_NS
    ups = uptimes(body.clocks, np.array([t_ns, at_ns["before"], at_ns["after"]]))
    slept = sum(1 for one in body.clocks.suspensions if one.t1_ns <= t_ns)
    (seen,) = instruments.told.see(np.array([at_ns["after"]]))
    answers: Mapping[str, str | None] = {
        "boot": _said(files, "proc/sys/kernel/random/boot_id", t_ns),
        "before_ticks": ups[0],
        "ticks": next((row for row in _said(files, "proc/stat", at_ns["ticks"]).split("\n") if row[:5] == "cpu0 "), ""),
        "before": ups[1],
        "power": _power(body, at_ns["power"]),
        "after": ups[2],
        "suspended": f"{slept}",
        "battery": services.battery(body, seen),
        "thermal": services.thermal(body, at_ns["after"]),
    }
    frames = "".join(f"{mark}-{n}\n{answer or ''}\n\n" for n, answer in enumerate(answers.values()))
    return f"{frames}{mark}-{len(answers)}\n".encode()


def clock(body: Body, t_ns: int) -> bytes:
    """EPOCHREALTIME and uptime, as the shell puts them into one line."""
    at_ns = np.array([t_ns])
    (epoch,), (up,) = epochs(body.clocks, at_ns), uptimes(body.clocks, at_ns)
    return f"{epoch} {up}\n".encode()


def _said(files: Files, name: str, t_ns: int) -> str:
    return (files.texts(name, np.array([t_ns]))[0] or "").strip()


def _power(body: Body, t_ns: int) -> str:
    """The lines of `dumpsys power` that are asked for (AOSP; programs/dumpsys.sh); its times are CLOCK_MONOTONIC."""
    now_ms = body.monotonic_ns(t_ns) // _MS
    on = body.phone.screen
    return "\n".join(
        (
            f"  mWakefulness={'Awake' if on else 'Asleep'}",
            f"  mIsPowered={str(body.phone.plugged).lower()}",
            "  mStayOn=false",
            "  mLowPowerModeEnabled=false",
            f"  mLastWakeTime={now_ms - 2500} (2500 ms ago)",
            f"  mLastUserActivityTime={now_ms - 1200} (1200 ms ago)",
            f"Display Power: state={'ON' if on else 'OFF'}",
        )
    )
