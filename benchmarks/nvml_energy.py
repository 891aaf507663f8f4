"""Energy of windows of 0.2 to 10 s on a GPU, against Zeus 0.16: RMS of the relative errors.

Both read the stand-in for NVIDIA's library (virtual_lab/nvidia), whose energy is known: 50 windows, uniform in the
logarithm, at random phases of its sensor, each a load of 120 to 380 W on 60 W. In virtual time, which Zeus does not
notice; our thread wakes late at random. With --live in real time, both at once, each in a process of its own. That
the counter adds up the true power is assumed of the stand-in; `samples` is the other case, in which both share a sensor
that looks at a part of the time only.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.environments import environment  # noqa: E402
from tests.nvidia_peers.windows import (  # noqa: E402
    ZEUS,
    LabClock,
    S,
    Score,
    Told,
    Windows,
    by_edgewatt,
    by_zeus,
    loaded,
    score,
    windows,
    zeus,
)

from edgewatt.profiler.clock import HostClock  # noqa: E402
from edgewatt.virtual_lab.nvidia.families import FAMILIES  # noqa: E402
from edgewatt.virtual_lab.nvidia.gpu import Gpu  # noqa: E402
from edgewatt.virtual_lab.nvidia.lab import NvmlLab, nvml_lab  # noqa: E402

START_NS = 10 * S
MOST = 0.5


def made(folder: str, family: str, asked: Windows, counter: Any, clock_ns: int | None) -> NvmlLab:
    """A lab with one GPU, of its own folder."""
    gpu = Gpu(FAMILIES[family], power=asked.power, seed=7, exact=True, counter=counter)
    return nvml_lab(Path(tempfile.mkdtemp(dir=folder)), [gpu], clock_ns=clock_ns)


def virtually(folder: str, family: str, counter: str, count: int, python: Path) -> tuple[Told, Score]:
    """Ours against Zeus's, in virtual time."""
    asked = windows(1, count, START_NS)
    ours, theirs = (made(folder, family, asked, counter, START_NS) for _ in range(2))
    with loaded(ours):
        told = by_edgewatt(LabClock(ours, START_NS, 3), asked)
    truth_j = ours.energy_j(asked.t0_ns, asked.t1_ns)
    return told, score(told.energy_j["nvml0/energy"], by_zeus(python, theirs, asked), truth_j)


def live(folder: str, family: str, counter: str, count: int, python: Path) -> tuple[Told, Score]:
    """The same in real time, with Zeus beside us; its windows are those that it really had."""
    asked = windows(1, count, time.monotonic_ns() + 5 * S)
    lab = made(folder, family, asked, counter, None)
    with loaded(lab), zeus(python, lab, "live") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        pairs = enumerate(zip(asked.t0_ns.tolist(), asked.t1_ns.tolist(), strict=True))
        process.stdin.write("".join(f"w{k} {t0} {t1}\n" for k, (t0, t1) in pairs))
        process.stdin.flush()
        told = by_edgewatt(HostClock(), asked)
        lines = [json.loads(process.stdout.readline()) for _ in asked.t0_ns]
    theirs_j = np.array([energy_j for energy_j, _, _ in lines])
    began_ns, ended_ns = np.array([(t0, t1) for _, t0, t1 in lines], np.int64).T
    truth_j = lab.energy_j(asked.t0_ns, asked.t1_ns)
    return told, score(told.energy_j["nvml0/energy"], theirs_j, truth_j, lab.energy_j(began_ns, ended_ns))


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=50)
    parser.add_argument("--family", choices=sorted(set(FAMILIES) - {"orin", "gtx1080ti"}), action="append")
    parser.add_argument("--live", action="store_true", help="in real time: some three minutes for each family")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    python = environment(ZEUS.replace("==", "-"), ZEUS)
    measure, rows = live if args.live else virtually, []
    with tempfile.TemporaryDirectory() as folder:
        for family in args.family or ["a100", "v100", "rtx3090"]:
            for counter in ("integral", "samples"):
                told, found = measure(folder, family, counter, args.windows, python)
                asking = f"; asking took {told.learnt['polling']['share']:.2%} of the time" if args.live else ""
                rows.append(
                    {
                        "figure": f"RMS error of {args.windows} windows / Zeus's, {family}, counter of {counter}",
                        "ratio": found.ratio,
                        "limit": f"at most {MOST:g}"
                        if counter == "integral"
                        else "no limit: one sensor, which looks away",
                        "detail": f"{found.ours:.2%} against {found.theirs:.2%}; {found.failures} not given that Zeus "
                        f"gives within 20 %{asking}",
                    }
                )
    if args.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['figure']}: {row['ratio']:.2f} ({row['limit']}; {row['detail']})")


if __name__ == "__main__":
    main()
