"""How many lines of tegrastats are parsed in a second of one core; 64 boards at 10 Hz send 640, and 20x that is 12,800.

Lines are made anew, with values drawn from all that a board can show in the steps that recordings have: a parser that
remembers gains no more than in a log. Two forms: an AGX Orin as root on L4T 36, whose lines are the longest in
the recordings, and an Orin NX as user. Also into the rows that `replay:FILE` gives.
"""

import argparse
import json
import random
import statistics
import tempfile
import time
from pathlib import Path

from edgewatt.collectors.jetson.tegrastats_form import parse_line
from edgewatt.collectors.jetson.tegrastats_log import LogStream, read_log
from edgewatt.device_profiles.loader import load
from edgewatt.profiler.batch import End
from edgewatt.profiler.clock import HostClock

BOARDS, RATE_HZ, TIMES = 64, 10, 20
READ = "a whole log of "


def agx_orin(at: int, draw: random.Random) -> str:
    """A line of an AGX Orin as root."""
    clocks = (729, 1113, 1267, 1651, 2035, 2112, 2188, 2201)
    cores = ",".join(f"{draw.randrange(101)}%@{draw.choice(clocks) + draw.randrange(3)}" for _ in range(12))
    gpu, names = draw.choice(clocks), ("cpu", "soc2", "soc0", "tj", "soc1")
    zones = " ".join(f"{name}@{draw.randrange(40_000, 60_000, 31) / 1000:g}C" for name in names)
    rails = " ".join(
        f"{rail} {draw.randrange(400, 30_000, step)}mW/{draw.randrange(400, 30_000)}mW"
        for rail, step in (("VDD_GPU_SOC", 400), ("VDD_CPU_CV", 400), ("VIN_SYS_5V0", 100))
    )
    engines = "NVENC 79%@166 NVDEC off NVJPG off NVJPG1 off VIC 36%@115 OFA off NVDLA0 off NVDLA1 off PVA0_FREQ off"
    return (
        f"05-09-2026 18:{at // 600 % 60:02}:{at // 10 % 60:02} RAM {draw.randrange(18_000, 19_000)}/62841MB "
        f"(lfb 466x4MB) SWAP 86/31420MB (cached 0MB) CPU [{cores}] EMC_FREQ {draw.randrange(40)}%@2133 "
        f"GR3D_FREQ {draw.randrange(101)}%@[{gpu},{gpu}] {engines} APE 174 {zones} {rails}"
    )


def orin_nx(at: int, draw: random.Random) -> str:
    """A line of an Orin NX as user."""
    cores = ",".join(f"{draw.randrange(101)}%@729" for _ in range(8))
    zones = " ".join(
        f"{zone}@{draw.randrange(38_000, 50_000, 31) / 1000:g}C" for zone in ("cv0", "cpu", "soc2", "gpu", "tj")
    )
    mw = draw.randrange(4000, 15_000, 40)
    return (
        f"07-16-2026 13:{at // 600 % 60:02}:{at // 10 % 60:02} RAM 1224/15656MB (lfb 8x4MB) SWAP 0/7828MB (cached 0MB) "
        f"CPU [{cores}] GR3D_FREQ {draw.randrange(101)}% {zones} VDD_IN {mw}mW/{mw - 9}mW "
        f"VDD_CPU_GPU_CV {mw // 2}mW/{mw // 3}mW VDD_SOC {mw // 4}mW/{mw // 5}mW"
    )


def parsed(lines: list[bytes]) -> float:
    """Lines per second of processor time."""
    begin_s = time.process_time()
    for line in lines:
        parse_line(line)
    return len(lines) / (time.process_time() - begin_s)


def replayed(path: Path, count: int) -> float:
    """Lines per second of processor time, counted once and read once more into columns."""
    begin_s = time.process_time()
    stream = LogStream(read_log(path, None), load("jetson_agx_orin"))
    stream.open(HostClock())
    while not isinstance(stream.read(0.0), End):
        pass
    return count / (time.process_time() - begin_s)


def main() -> None:
    """Print medians over the repeats, in turns; as JSON ratios to what is needed, for table.py."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    found: dict[str, list[float]] = {"agx_orin": [], "orin_nx": [], READ + "agx_orin": []}
    length_b = {}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(args.repeats):
            draw = random.Random(seed)
            for name, make in (("agx_orin", agx_orin), ("orin_nx", orin_nx)):
                lines = [make(at, draw).encode() for at in range(args.lines)]
                length_b[name] = sum(map(len, lines)) / len(lines)
                found[name].append(parsed(lines))
                if name == "agx_orin":
                    path = Path(folder) / "log"
                    path.write_bytes(b"\n".join(lines[:30_000]))
                    found[READ + "agx_orin"].append(replayed(path, len(lines[:30_000])))
    needed = BOARDS * RATE_HZ
    rows = [
        {
            "figure": f"lines of tegrastats ({name}), parsed / those of {BOARDS} boards at {RATE_HZ} Hz",
            "ratio": statistics.median(values) / needed,
            "limit": f"at least {TIMES}" if name in length_b else "",
            "detail": f"{statistics.median(values):,.0f} lines/s ({min(values):,.0f} to {max(values):,.0f}), "
            f"{length_b[name.removeprefix(READ)]:.0f} B each",
        }
        for name, values in found.items()
    ]
    print(
        json.dumps(rows)
        if args.json
        else "\n".join(f"{row['figure']}: {row['ratio']:.1f}; {row['detail']}" for row in rows)
    )


if __name__ == "__main__":
    main()
