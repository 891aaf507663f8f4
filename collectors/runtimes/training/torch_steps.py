"""Trains a small network for some seconds: `torch_steps.py BATCH SECONDS`, or the same text after `python3 -c`.

The network is the CNN of federated learning on MNIST (McMahan et al. 2017, remembered: two convolutions of 5x5 with 32
and 64 channels, 512 hidden, 10 classes; 1,663,370 parameters), by SGD on random inputs: what a step costs does not
depend on the pictures. On CUDA where there is one. Of the standard library and torch alone: a board needs nothing else.
"""

import sys
import time
from typing import Any

WARM_UP, LEAST = 3, 3


def main() -> None:
    """Warm up, train, then print when each step began and ended."""
    import torch  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    batch, seconds = int(sys.argv[1]), float(sys.argv[2])
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = cnn(torch.nn).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    loss_of = torch.nn.CrossEntropyLoss()
    x = torch.randn(batch, 1, 28, 28, device=device)
    y = torch.randint(0, 10, (batch,), device=device)
    steps = []
    end_s = 0.0
    count = 0
    while count < WARM_UP + LEAST or time.monotonic() < end_s:
        if count == WARM_UP:
            end_s = time.monotonic() + seconds
        begun_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        optimizer.zero_grad()
        loss_of(network(x), y).backward()
        optimizer.step()
        if device == "cuda":
            torch.cuda.synchronize()
        if count >= WARM_UP:
            steps.append((begun_ns, time.clock_gettime_ns(time.CLOCK_MONOTONIC)))
        count += 1
    of_gpu_b = int(torch.cuda.max_memory_reserved()) if device == "cuda" else 0
    told = "" if (peak := peak_b()) is None else f" memory_peak_b={peak + of_gpu_b}"
    for begun_ns, ended_ns in steps:
        sys.stdout.write(f"edgewatt: begin step t_ns={begun_ns}\nedgewatt: end step t_ns={ended_ns}\n")
    # After them all: a window around them would be the iteration.
    at = f"interval t_ns={steps[-1][1]}"
    sys.stdout.write(f"edgewatt: begin {at}\nedgewatt: end {at}{told}\n")
    sys.stdout.flush()


def peak_b() -> int | None:
    """The most memory that this process ever had (proc(5), VmHWM), without the GPU's; None where nobody tells."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123  (this text is executed where nothing else is)
            return next((int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM:")), None)
    except OSError:
        return None


def cnn(nn: Any) -> Any:
    """The network."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 512),
        nn.ReLU(),
        nn.Linear(512, 10),
    )


if __name__ == "__main__":
    main()
