"""Trains a .tflite file by its signature `train` for some seconds: `litert_steps.py FILE SECONDS`.

Such a file is made by `edgewatt model make NETWORK --training --batch N`: train(x, y) gives the loss, and weights are
variables of it. Inputs are random; the first dimension of each is the batch. With 0 seconds it only says the batch.
"""

import sys
import time
from typing import Any

import numpy as np

SIGNATURE = "train"
WARM_UP, LEAST = 3, 3


def main() -> None:
    """Warm up, train, then print when each step began and ended."""
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

    path, seconds = sys.argv[1], float(sys.argv[2])
    interpreter: Any = Interpreter(model_path=path, num_threads=1)
    signatures = interpreter.get_signature_list()
    if SIGNATURE not in signatures:
        sys.exit(f"{path} has no signature {SIGNATURE!r}; it has {', '.join(signatures) or 'none'}")
    train = interpreter.get_signature_runner(SIGNATURE)
    details = train.get_input_details()
    if not seconds:
        print(f"batch {min(int(detail['shape'][0]) for detail in details.values())}")
        return
    inputs = {name: values(detail) for name, detail in details.items()}
    steps = []
    end_s = 0.0
    count = 0
    while count < WARM_UP + LEAST or time.monotonic() < end_s:
        if count == WARM_UP:
            end_s = time.monotonic() + seconds
        begun_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        train(**inputs)
        if count >= WARM_UP:
            steps.append((begun_ns, time.clock_gettime_ns(time.CLOCK_MONOTONIC)))
        count += 1
    told = "" if (peak := peak_b()) is None else f" memory_peak_b={peak}"
    for begun_ns, ended_ns in steps:
        sys.stdout.write(f"edgewatt: begin step t_ns={begun_ns}\nedgewatt: end step t_ns={ended_ns}\n")
    # After them all: a window around them would be the iteration.
    at = f"interval t_ns={steps[-1][1]}"
    sys.stdout.write(f"edgewatt: begin {at}\nedgewatt: end {at}{told}\n")
    sys.stdout.flush()


def peak_b() -> int | None:
    """The most memory that this process ever had (proc(5), VmHWM, in KiB); None where nobody tells."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123  (as in torch_steps.py)
            return next((int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:")), None)
    except OSError:
        return None


def values(detail: dict[str, Any]) -> Any:
    """Random values of an input; of whole numbers, which are labels, those of class 0."""
    shape = [int(size) for size in detail["shape"]]
    if not np.issubdtype(detail["dtype"], np.floating):
        return np.zeros(shape, detail["dtype"])
    return np.random.default_rng(0).random(shape).astype(detail["dtype"])


if __name__ == "__main__":
    main()
