"""The clock of every virtual phone's GPU (steps as of a Pixel's Mali-G78, second-hand)."""

from typing import Final

GPU_HZ: Final = (151e6, 202e6, 251e6, 302e6, 400e6, 471e6, 572e6, 701e6, 762e6, 848e6)
