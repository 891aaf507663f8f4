"""Eight boards, two of them with another release too.

Rails, drivers, addresses, totals and shapes of lines: recordings and readers of others (the facts of part E). Shunts
are worked out from the steps that recordings show (8 mA: 5 mOhm; AGX Orin 20 mA: 2 mOhm; Thor 32 mA: 1.25 mOhm; TX2 4
mA: 10 mOhm); AGX Xavier's are documented (NVIDIA's design guide). Where neither exists they are assumed, as are all
watts, Thor's addresses, and which modes there are (remembered).
"""

from collections.abc import Mapping
from typing import Final

from edgewatt.virtual_lab.jetson.board import Board
from edgewatt.virtual_lab.jetson.boards_r32 import AGX_XAVIER, NANO, TX2, XAVIER_NX
from edgewatt.virtual_lab.jetson.boards_r36 import AGX_ORIN, AGX_ORIN_R35, ORIN_NANO, ORIN_NX, THOR, THOR_R39

BOARDS: Final[Mapping[str, Board]] = {
    one.name: one
    for one in (TX2, NANO, XAVIER_NX, AGX_XAVIER, ORIN_NANO, ORIN_NX, AGX_ORIN, AGX_ORIN_R35, THOR, THOR_R39)
}
