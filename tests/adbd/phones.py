"""All personalities by their name."""

from typing import Final

from tests.adbd.adreno import ADRENO
from tests.adbd.personality import Personality
from tests.adbd.pixel import PIXEL
from tests.adbd.samsung import SAMSUNG
from tests.adbd.xiaomi import XIAOMI_MA

PERSONALITIES: Final[dict[str, Personality]] = {each.name: each for each in (PIXEL, XIAOMI_MA, ADRENO, SAMSUNG)}
