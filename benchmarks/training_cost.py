"""What the training-cost meter adds to a step: the same loop with and without it, turn by turn.

    python -m benchmarks.training_cost [--turns 5] [--steps 20] [--batch 32]

It prints a line for docs/performance.md. The steps in which FLOPs are counted are left out: they are one per shape.
"""

import argparse
import statistics
import time
from typing import Any

import torch

import edgewatt


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20, help="of a turn (default: 20)")
    parser.add_argument("--batch", type=int, default=32)
    args = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    layer = torch.nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True)
    model = torch.nn.TransformerEncoder(layer, 12).to(device)
    optimizer = torch.optim.AdamW(model.parameters())
    batch = torch.randn(args.batch, 64, 256, device=device)
    _loop(model, optimizer, batch, 3)
    ratios, hooks = [], []
    for _ in range(args.turns):
        bare_s = _loop(model, optimizer, batch, args.steps)
        with edgewatt.training(model, optimizer) as cost:
            _loop(model, optimizer, batch, 1)
            ratios.append(_loop(model, optimizer, batch, args.steps) / bare_s)
        hooks.append(cost.overhead or 0.0)
    named = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} threads"
    print(
        f"| a metered step of a 12-layer encoder, batch {args.batch}, {named}, torch {torch.__version__} | "
        f"{statistics.median(ratios):.3f} x bare ({min(ratios):.3f} to {max(ratios):.3f}); "
        f"hooks {statistics.median(hooks):.2%} |"
    )


def _loop(model: Any, optimizer: Any, batch: Any, steps: int) -> float:
    """Seconds of a step."""
    _await(batch)
    began_s = time.monotonic()
    for _ in range(steps):
        optimizer.zero_grad()
        model(batch).square().mean().backward()
        optimizer.step()
    _await(batch)
    return (time.monotonic() - began_s) / steps


def _await(batch: Any) -> None:
    if batch.is_cuda:
        torch.cuda.synchronize()


if __name__ == "__main__":
    main()
