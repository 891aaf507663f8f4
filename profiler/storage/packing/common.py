"""Words that give nobody away, whatever they stand for: machines and networks are called by them as well."""

from typing import Final, get_args

from edgewatt.profiler.channel import Boundary
from edgewatt.profiler.tables import GAPS, ITERATIONS, OPERATORS, REPEATS, RESULTS, WINDOWS
from edgewatt.profiler.units import Quantity

_USUAL: Final = """
host phone board jetson monsoon nvml virtual replay services meter battery main usb aux cpu gpu npu tpu dsp memory
linux ubuntu debian pixel nvidia orin xavier nano raspberry raspberrypi pi android test build runner user users home
work data local model models runs edgewatt python profile record process idle measure warmup sync truth admin guest
root shell system server desktop laptop localhost device
"""

# What a value is where there is none, where it is everybody's, or where it is a yes or a no.
NOTHING: Final = frozenset(
    """
    none null true false unknown unset yes no on off enabled disabled default auto any all empty n/a na nan localhost
    localhost.localdomain android shell root system
    """.split()  # noqa: SIM905  (a list of words is read as words)
) | {"<unknown ssid>"}

COMMON: Final = frozenset(_USUAL.split()) | {
    part
    for name in (
        *(column for table in (WINDOWS, ITERATIONS, OPERATORS, GAPS, REPEATS, RESULTS) for column in table.names),
        *(quantity.value for quantity in Quantity),
        *get_args(Boundary),
    )
    for part in (name, *name.split("_"))
}
