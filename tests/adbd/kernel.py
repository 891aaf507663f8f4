"""What makes a tree live: a process that rewrites its files as time goes on and the load changes."""

import os
import signal
import stat
import time
from pathlib import Path
from typing import Final, NoReturn

from tests.adbd import tree
from tests.adbd.parts import CPU, STEP_S
from tests.adbd.personality import Moment, Personality

PERIOD_S: Final = 0.03
POWER: Final = "/sys/power"
INPUT_SUSPEND: Final = "/sys/class/power_supply/battery/input_suspend"  # what a rooted phone may have to stop charging


class Kernel:
    """Keeps one phone's files current: those that changed, each replaced at once."""

    def __init__(self, root: Path, personality: Personality) -> None:
        self._root = root
        self._personality = personality
        self._start_ns = self._last_ns = time.monotonic_ns()
        self._load = self._load_s = self._flowed_j = self._flow_w = 0.0
        self._written: dict[str, str] = {}
        self._modes: dict[str, int] = {}
        self._ran_s = {policy: [0.0] * len(steps) for policy, steps in personality.truth.frequencies_hz.items()}
        self._runs = dict.fromkeys(self._ran_s, 0)

    def run(self) -> NoReturn:
        """Until the phone ends. SIGUSR1 says that somebody else wrote to the files, and has them written again."""
        os.umask(0)
        signal.signal(signal.SIGUSR1, lambda *_: self._written.clear())
        while True:
            self.tick()
            time.sleep(PERIOD_S)

    def tick(self) -> None:
        """Bring the files to now."""
        moment = self._moment()
        texts = dict(self._personality.live(moment))
        for service, text in self._personality.live_services(moment).items():
            texts[tree.dumpsys(service)] = text
        for path, text in texts.items():
            if self._written.get(path) != text:
                self._written[path] = text
                self._write(path, text)

    def _write(self, path: str, text: str) -> None:
        """As tree.replace, some 10 files 30 times a second."""
        target = f"{self._root}{path}"
        if path not in self._modes:
            tree.replace(self._root, path, text)
            self._modes[path] = stat.S_IMODE(os.stat(target).st_mode)  # noqa: PTH116
            return
        beside = f"{self._root}/.kernel/live"
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, self._modes[path])
        os.write(number, f"{text}\n".encode())
        os.close(number)
        os.rename(beside, target)  # noqa: PTH104

    def _moment(self) -> Moment:
        now_ns = time.monotonic_ns()
        passed_s = (now_ns - self._last_ns) / 1e9
        self._last_ns = now_ns
        self._load_s += passed_s * self._load
        self._flowed_j += passed_s * self._flow_w
        self._let_go()
        for policy, ran_s in self._ran_s.items():
            ran_s[self._runs[policy]] += passed_s
            self._runs[policy] = self._chosen(policy, (now_ns - self._start_ns) / 1e9)
        plugged = self._state("plugged", "0") == "1"
        self._load = _share(self._state("load", "0"))
        suspended = self._personality.suspendable and self._state("suspended", "0") == "1"
        charging = plugged and not suspended and self._read(INPUT_SUSPEND, "0") != "1"
        truth = self._personality.truth
        low_w, high_w = truth.battery_w
        self._flow_w = truth.charging_w if charging else -(low_w + (high_w - low_w) * self._load)
        return Moment(
            t_s=(now_ns - self._start_ns) / 1e9,
            boot_s=time.clock_gettime(time.CLOCK_BOOTTIME),
            load=self._load,
            load_s=self._load_s,
            charging=charging,
            plugged=self._state("faked_plugged", str(int(plugged))) == "1",
            flowed_j=self._flowed_j,
            faked=self._state("faked_plugged", "") != "",
            clusters={policy: (self._runs[policy], tuple(ran_s)) for policy, ran_s in self._ran_s.items()},
        )

    def _chosen(self, policy: int, t_s: float) -> int:
        """Which frequency a cluster has: the next of those that its limits allow, every STEP_S."""
        steps_hz = self._personality.truth.frequencies_hz[policy]
        folder = f"{CPU}/cpufreq/policy{policy}"
        try:
            low_hz, high_hz = (int(self._read(f"{folder}/scaling_{end}_freq", "")) * 1000 for end in ("min", "max"))
        except ValueError:
            return 0
        allowed = [number for number, hz in enumerate(steps_hz) if low_hz <= hz <= high_hz]
        return allowed[int(t_s / STEP_S) % len(allowed)] if allowed else 0

    def _let_go(self) -> None:
        """A name in wake_unlock ends the lock of that name."""
        if name := self._read(f"{POWER}/wake_unlock", ""):
            held = self._read(f"{POWER}/wake_lock", "").split()
            tree.replace(self._root, f"{POWER}/wake_lock", " ".join(one for one in held if one != name))
            tree.replace(self._root, f"{POWER}/wake_unlock", "")

    def _state(self, name: str, default: str) -> str:
        return self._read(f"{tree.STATE}/{name}", default)

    def _read(self, path: str, default: str) -> str:
        try:
            with open(f"{self._root}{path}", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
                return file.read().strip() or default
        except OSError:
            return default


def _share(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
