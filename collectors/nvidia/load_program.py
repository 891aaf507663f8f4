"""Multiplies matrices on a GPU in pulses, and says when: `load_program.py '["GPU-...", [[busy_s, pause_s], ...]]'`.

A program of its own: CUDA keeps a GPU awake and takes memory for as long as its process lives. The last line is JSON:
`edges_ns` of each pulse on CLOCK_MONOTONIC, `products` multiplied in each, and their `size`.
"""

import json
import sys
import time
from typing import Any

# A product shorter than this is mostly launch; edges are known as well as one product is long.
LEAST_S = 0.0005


def main() -> None:
    """Execute the train."""
    import torch  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    uuid, train = json.loads(sys.argv[1])
    if not torch.cuda.is_available():
        sys.exit("torch finds no CUDA device")
    torch.cuda.set_device(chosen(torch, uuid))
    size, a, out = matrices(torch)
    edges, products = [], []
    time.sleep(1.0)
    for busy_s, pause_s in train:
        begin = end = time.monotonic_ns()
        count = 0
        while end - begin < busy_s * 1e9:
            torch.mm(a, a, out=out)
            torch.cuda.synchronize()
            end = time.monotonic_ns()
            count += 1
        edges.append((begin, end))
        products.append(count)
        time.sleep(pause_s)
    print(json.dumps({"edges_ns": edges, "products": products, "size": size}))


def chosen(torch: Any, uuid: str) -> int:
    """CUDA's number of the GPU: CUDA counts the fastest first, NVML by the bus."""
    there = range(torch.cuda.device_count())
    known = [str(getattr(torch.cuda.get_device_properties(k), "uuid", "")) for k in there]
    found = [k for k, text in enumerate(known) if text and uuid.lower().endswith(text.lower())]
    if found or len(known) == 1:
        return found[0] if found else 0
    sys.exit(f"which of {len(known)} CUDA devices is {uuid} this torch does not say")


def matrices(torch: Any) -> tuple[int, Any, Any]:
    """A square matrix whose product takes at least LEAST_S, and room for that."""
    size = 512
    while True:
        a = torch.randn(size, size, device="cuda", dtype=torch.float16)
        out = torch.empty_like(a)
        for _ in range(3):
            torch.mm(a, a, out=out)
        torch.cuda.synchronize()
        began = time.monotonic()
        for _ in range(5):
            torch.mm(a, a, out=out)
        torch.cuda.synchronize()
        if (time.monotonic() - began) / 5 >= LEAST_S or size >= 8192:
            return size, a, out
        size *= 2


if __name__ == "__main__":
    main()
