"""What an operator of a network is to those who predict kernels: its kind and the numbers that decide its cost."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OperatorKernel:
    """An operator `op` of a graph as nn-Meter's `kernel` with its `config`; None and empty with `why` where it is none.

    `config` has nn-Meter's names: HW (height and width of its input), CIN, COUT, KERNEL_SIZE, STRIDES or POOL_STRIDES.
    """

    op: str
    kernel: str | None = None
    config: Mapping[str, int] | None = None
    why: str = ""
