"""The virtual Jetson's tegrastats: reads the board's files, as the real one does, and prints a line at an interval.

Shapes of lines by release: the facts of part E, section 1.1. The second figure of a rail is the mean since this process
started: rounded down up to L4T 32, to the nearest from 34 on. As a user it has no clocks of GPU and memory, no engines.
"""

import argparse
import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TextIO

from edgewatt.virtual_lab.jetson.board import Board
from edgewatt.virtual_lab.jetson.boards import BOARDS
from edgewatt.virtual_lab.jetson.tree import CPUS, DEVFREQ, chip_folder, emc_files, gpu_folder, zone_folders

_GATED_C = -256


@dataclass(slots=True)
class Mean:
    """What a rail had since the start, in mW."""

    total_mw: int = 0
    count: int = 0
    most_mw: int = 0

    def add(self, mw: int, *, down: bool) -> int:
        """The mean with one value more."""
        self.total_mw, self.count = self.total_mw + mw, self.count + 1
        self.most_mw = max(self.most_mw, mw)
        return self.total_mw // self.count if down else (2 * self.total_mw + self.count) // (2 * self.count)


@dataclass(slots=True)
class Tegrastats:
    """One process of it, on the board whose files are below `root`."""

    board: Board
    root: Path
    user: bool
    _means: dict[tuple[str, int], Mean] = field(default_factory=dict)
    _stat: dict[str, tuple[int, int]] = field(default_factory=dict)
    _warmest: dict[str, float] = field(default_factory=dict)

    def line(self, now: datetime) -> str:
        """What it prints of this moment."""
        board = self.board
        parts = [] if board.old else [f"{now:%m-%d-%Y %H:%M:%S}"]
        parts += [self._ram(), self._cpus(), self._memory_clock(), self._gpu()]
        if not self.user:
            parts += [board.engines_mid, board.engines]
        parts += [*self._temperatures(), *self._rails()]
        return " ".join(part for part in parts if part)

    def _ram(self) -> str:
        board = self.board
        ram = f"RAM {board.ram_mb // 4}/{board.ram_mb}MB (lfb {board.ram_mb // 24}x4MB)"
        swap = f" SWAP 0/{board.swap_mb}MB (cached 0MB)" if board.swap_mb else ""
        iram = " IRAM 0/252kB(lfb 252kB)" if "nvidia,tegra210" in board.compatible and not self.user else ""
        return f"{ram}{swap}{iram}"

    def _cpus(self) -> str:
        said, on = [], self.board.cpus - self.board.offline
        lines = {words[0]: words for line in self._text("proc/stat").splitlines() if (words := line.split())}
        for number in range(on):
            words = lines.get(f"cpu{number}", ["", "0", "0", "0", "0"])
            busy, whole = int(words[1]), int(words[1]) + int(words[4])
            before = self._stat.get(words[0], (busy, whole))
            self._stat[words[0]] = busy, whole
            share = 100 * (busy - before[0]) // max(whole - before[1], 1)
            mhz = self._whole(f"{CPUS}/cpu{number}/cpufreq/scaling_cur_freq") // 1000
            said.append(f"{share}%@{mhz}")
        return f"CPU [{','.join([*said, *['off'] * self.board.offline])}]"

    def _memory_clock(self) -> str:
        rate, activity = emc_files(self.board)
        if self.user:
            return "EMC_FREQ 0%" if self.board.old else ""
        hz = self._whole(rate)
        return f"EMC_FREQ {100 * 1000 * self._whole(activity) // max(hz, 1)}%@{hz // 10**6}"

    def _gpu(self) -> str:
        gpu = self.board.gpu
        percent = self._whole(f"{gpu_folder(self.board)}/load") // 10
        if self.user:
            return f"GR3D_FREQ {percent}%"
        mhz = self._whole(f"{DEVFREQ}/{gpu.node}/cur_freq") // 10**6
        if self.board.old:
            return f"GR3D_FREQ {percent}%@{mhz}"
        if self.board.line == "r35" and gpu.gpcs > 1:
            return f"GR3D_FREQ {percent}%@{mhz} GR3D2_FREQ {percent}%@{mhz}"
        # Newer ones leave the percentage out while the GPU is off.
        share = "" if self.board.line in ("r38", "r39") and not mhz else f"{percent}%"
        return f"GR3D_FREQ {share}@[{','.join([str(mhz)] * gpu.gpcs)}]"

    def _temperatures(self) -> Iterator[str]:
        for zone, (at, _) in zip(self.board.zones, zone_folders(self.board), strict=True):
            name = zone.rpartition("-")[0].removesuffix("-fan") if "-" in zone else zone.partition("_")[0]
            milli = self._whole(f"{at}/temp", _GATED_C * 1000)
            if milli == _GATED_C * 1000 and self.board.line != "r35":
                continue
            celsius = f"{int(milli / 10) / 100 if self.board.old else milli / 1000:g}"
            self._warmest[name] = max(self._warmest.get(name, -300.0), milli / 1000)
            most = f"/{self._warmest[name]:g}C" if self.board.line == "r39" else ""
            yield f"{name}@{celsius}C{most}"

    def _rails(self) -> Iterator[str]:
        down, unit = self.board.old, "" if self.board.old else "mW"
        for chip in self.board.chips:
            at = chip_folder(self.board, chip)
            for number, rail in enumerate(chip.rails):
                label = "NC" if rail is None else rail.label
                if self.board.line != "r35" if rail is None else not rail.printed:
                    continue
                mw = self._milliwatts(at, number, fine=chip.kind == "ina238")
                mean = self._means.setdefault((at, number), Mean())
                text = f"{label} {mw}{unit}/{mean.add(mw, down=down)}{unit}"
                yield f"{text}/{mean.most_mw}{unit}" if self.board.line == "r39" else text

    def _milliwatts(self, at: str, number: int, *, fine: bool) -> int:
        if fine:
            return self._whole(f"{at}/power1_input") // 1000
        if self.board.old:
            return self._whole(f"{at}/in_power{number}_input")
        return self._whole(f"{at}/in{number + 1}_input") * self._whole(f"{at}/curr{number + 1}_input") // 1000

    def _whole(self, name: str, otherwise: int = 0) -> int:
        try:
            return int(self._text(name))
        except ValueError:
            return otherwise

    def _text(self, name: str) -> str:
        try:
            return (self.root / name).read_text()
        except OSError:
            return ""


def main(words: list[str] | None = None) -> int:
    """Its exit code."""
    parser = argparse.ArgumentParser(prog="tegrastats", allow_abbrev=False)
    parser.add_argument("--board", choices=BOARDS, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--root", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--user", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--interval", type=int, default=1000, metavar="MS")
    parser.add_argument("--logfile", type=Path)
    parser.add_argument("--readall", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args(words)
    signal.signal(signal.SIGTERM, _stop)
    with contextlib.ExitStack() as stack:
        out = sys.stdout if args.logfile is None else stack.enter_context(args.logfile.open("a"))
        with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
            _print(Tegrastats(BOARDS[args.board], args.root, args.user), out, args.interval / 1000)
    return 0


def _print(tegrastats: Tegrastats, out: TextIO, interval_s: float) -> None:
    due_s = time.monotonic()
    while True:
        print(tegrastats.line(datetime.now(UTC)), file=out, flush=True)
        due_s = max(due_s + interval_s, time.monotonic() - interval_s)
        time.sleep(max(due_s - time.monotonic(), 0))


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
