"""Copies memory on a GPU in pulses, and says when: `load_program.py '["GPU-...", [[busy_s, pause_s], ...]]'`.

Copying, since it draws much power but stays below the GPU's limit: products of matrices on an H100 drew 900 W for the
first 80 ms of a pulse and 700 W from then on, which no window explains (docs/validation).

A program of its own: CUDA keeps a GPU awake and takes memory for as long as its process lives. The last line is JSON:
`edges_ns` of each pulse on CLOCK_MONOTONIC, `copies` made in each, and of how many bytes: `size_b`.
"""

import json
import sys
import time
from typing import Any

# A copy shorter than this is mostly launch; edges are known as well as one copy is long.
LEAST_S = 0.0005
# Of memory, where even that is copied faster.
MOST_B = 1 << 31


def main() -> None:
    """Execute the train."""
    import torch  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    uuid, train = json.loads(sys.argv[1])
    if not torch.cuda.is_available():
        sys.exit("torch finds no CUDA device")
    torch.cuda.set_device(chosen(torch, uuid))
    size_b, source, target = memory(torch)
    edges, copies = [], []
    time.sleep(1.0)
    for busy_s, pause_s in train:
        begin = end = time.monotonic_ns()
        count = 0
        while end - begin < busy_s * 1e9:
            target.copy_(source)
            torch.cuda.synchronize()
            end = time.monotonic_ns()
            count += 1
        edges.append((begin, end))
        copies.append(count)
        time.sleep(pause_s)
    print(json.dumps({"edges_ns": edges, "copies": copies, "size_b": size_b}))


def chosen(torch: Any, uuid: str) -> int:
    """CUDA's number of the GPU: CUDA counts the fastest first, NVML by the bus."""
    there = range(torch.cuda.device_count())
    known = [str(getattr(torch.cuda.get_device_properties(k), "uuid", "")) for k in there]
    found = [k for k, text in enumerate(known) if text and uuid.lower().endswith(text.lower())]
    if found or len(known) == 1:
        return found[0] if found else 0
    sys.exit(f"which of {len(known)} CUDA devices is {uuid} this torch does not say")


def memory(torch: Any) -> tuple[int, Any, Any]:
    """Bytes that take at least LEAST_S to copy, and room for the copy."""
    size_b = 1 << 24
    while True:
        source = torch.randint(256, (size_b,), device="cuda", dtype=torch.uint8)
        target = torch.empty_like(source)
        for _ in range(3):
            target.copy_(source)
        torch.cuda.synchronize()
        began = time.monotonic()
        for _ in range(5):
            target.copy_(source)
        torch.cuda.synchronize()
        if (time.monotonic() - began) / 5 >= LEAST_S or size_b >= MOST_B:
            return size_b, source, target
        size_b *= 2


if __name__ == "__main__":
    main()
