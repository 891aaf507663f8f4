"""What a board's sensors show at an instant, as the texts of its files."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from edgewatt.virtual_lab.jetson.board import GATED, Board, Chip, Rail
from edgewatt.virtual_lab.jetson.living import Living
from edgewatt.virtual_lab.jetson.tree import CPUS, chip_folder, emc_files, gpu_folder, zone_folders
from edgewatt.virtual_lab.power.timeline import Timeline

# The INA3221's registers (kernel driver): 8 mV of the bus, 40 uV of the shunt; a conversion takes 1.1 ms, and three
# channels with two each make up the cycle. How long NVIDIA's 4.9 converts is not known: taken as the same.
BUS_MV: Final = 8
SHUNT_UV: Final = 40.0
CONVERSION_NS: Final = 1_100_000
CYCLE_NS: Final = 6 * CONVERSION_NS
# Twenty of the longest time constants after a change nothing moves any more that a step of a sensor would show.
SETTLING_NS: Final = 200_000_000
# The INA238's steps are much finer (data sheet, remembered: 3.125 mV, and a current that is set up to 0.03 mA or so).
_FINE_MA: Final = 1.0
# Assumed: shunts and amplifiers as good as 1 %, an offset and noise of a fraction of a step.
GAIN_SD: Final = 0.01
_OFFSET_UV_SD: Final = 5.0
_NOISE_UV_SD: Final = 8.0


class Monitors:
    """The power monitors of one board; `gains` by label is what was drawn, and told to nobody."""

    def __init__(self, board: Board, living: Living, seed: int, *, exact: bool = False) -> None:
        self._board, self._living = board, living
        self._settled: dict[str, tuple[int, float]] = {}
        rng = np.random.default_rng(seed)
        spread, offset_uv = (0.0, 0.0) if exact else (GAIN_SD, _OFFSET_UV_SD)
        self.gains = {label: 1 + spread * rng.standard_normal() for label in board.rails}
        self._offset_uv = {label: offset_uv * rng.standard_normal() for label in board.rails}
        self._noise_uv, self._rng = (0.0 if exact else _NOISE_UV_SD), rng

    def texts(self, t_ns: int) -> Iterator[tuple[str, str]]:
        """All files of power at the last conversions before an instant of the true clock."""
        for chip in self._board.chips:
            at = chip_folder(self._board, chip)
            if chip.kind == "ina238":
                yield from self._fine(at, chip, t_ns)
            elif self._board.old:
                yield from self._old(at, chip, t_ns)
            else:
                yield from self._hwmon(at, chip, t_ns)

    def read(self, rail: Rail | None, channel: int, t_ns: int) -> tuple[int, int]:
        """Millivolts and milliamperes that a channel of an INA3221 shows."""
        if rail is None:
            return 0, 0
        end_ns = max(t_ns - 2 * channel * CONVERSION_NS, self._living.origin_ns + CONVERSION_NS)
        shunt_uv = 1e3 * rail.shunt_mohm * self._amperes(rail, end_ns)
        shunt_uv += self._offset_uv[rail.label] + self._noise_uv * self._rng.standard_normal()
        steps = max(round(shunt_uv / SHUNT_UV), 0)
        return round(1e3 * rail.volts / BUS_MV) * BUS_MV, int(steps * SHUNT_UV / rail.shunt_mohm)

    def _amperes(self, rail: Rail, end_ns: int) -> float:
        changed_ns, settled_a = self._settled.get(rail.label, (-1, 0.0))
        if changed_ns == self._living.changed_ns:
            return settled_a
        energy_j = float(self._living.timeline.energy_j(end_ns - CONVERSION_NS, end_ns, rail.label))
        amperes = self.gains[rail.label] * energy_j / (CONVERSION_NS * 1e-9) / rail.volts
        if end_ns - self._living.changed_ns > SETTLING_NS:
            self._settled[rail.label] = self._living.changed_ns, amperes
        return amperes

    def _old(self, at: str, chip: Chip, t_ns: int) -> Iterator[tuple[str, str]]:
        for number, rail in enumerate(chip.rails):
            mv, ma = self.read(rail, number, t_ns)
            yield f"{at}/in_voltage{number}_input", f"{mv}\n"
            yield f"{at}/in_current{number}_input", f"{ma}\n"
            yield f"{at}/in_power{number}_input", f"{mv * ma // 1000}\n"

    def _hwmon(self, at: str, chip: Chip, t_ns: int) -> Iterator[tuple[str, str]]:
        total_uv = total_ma = 0
        for number, rail in enumerate(chip.rails):
            mv, ma = self.read(rail, number, t_ns)
            shunt_uv = 0 if rail is None else round(ma * rail.shunt_mohm)
            total_uv, total_ma = total_uv + shunt_uv, total_ma + ma
            yield f"{at}/in{number + 1}_input", f"{mv}\n"
            yield f"{at}/curr{number + 1}_input", f"{ma}\n"
            yield f"{at}/in{number + 4}_input", f"{shunt_uv}\n"
        yield f"{at}/in7_input", f"{total_uv}\n"
        yield f"{at}/curr4_input", f"{total_ma}\n"

    def _fine(self, at: str, chip: Chip, t_ns: int) -> Iterator[tuple[str, str]]:
        (rail,) = chip.rails
        if rail is None:
            return
        end_ns = max(t_ns, self._living.origin_ns + CONVERSION_NS)
        ma = round(1e3 * self._amperes(rail, end_ns) / _FINE_MA) * _FINE_MA
        yield f"{at}/in1_input", f"{1e3 * rail.volts:.0f}\n"
        yield f"{at}/curr1_input", f"{ma:.0f}\n"
        yield f"{at}/power1_input", f"{1e3 * rail.volts * ma:.0f}\n"


def slow_texts(board: Board, timeline: Timeline, t_ns: int, *, user: bool) -> Iterator[tuple[str, str]]:
    """What is there ten times a second: clocks, loads, temperatures, processors' times."""
    use = {name: float(timeline.use(t_ns, name)) for name in board.parts}
    gpu, on = gpu_folder(board), board.cpus - board.offline
    mhz = board.gpu.mhz[0] if use["gpu"] == 0 else board.gpu.mhz[-1]
    yield f"{gpu}/load", f"{round(1000 * use['gpu'])}\n"
    yield f"{gpu}/devfreq/{board.gpu.node}/cur_freq", f"{mhz * 10**6}\n"
    cpu_mhz = board.cpu_mhz[min(int(use["cpu"] * len(board.cpu_mhz)), len(board.cpu_mhz) - 1)]
    for number in range(on):
        yield f"{CPUS}/cpu{number}/cpufreq/scaling_cur_freq", f"{cpu_mhz * 1000}\n"
    yield "proc/stat", _stat(on, float(timeline.busy_s(t_ns, "cpu")), (t_ns - timeline.origin_ns) * 1e-9)
    for at, shown in zone_folders(board):
        if shown == GATED:
            continue
        celsius = shown if isinstance(shown, float) else float(timeline.temperature_c(t_ns, str(shown)))
        yield f"{at}/temp", f"{round(celsius * 1000 / 31.25) * 31.25:.0f}\n"
    if not user:
        rate, activity = emc_files(board)
        emc_mhz = board.emc_mhz[1] if use["memory"] > 0 else board.emc_mhz[0]
        yield rate, f"{emc_mhz * 10**6}\n"
        yield activity, f"{round(emc_mhz * 1000 * min(use['memory'], 1.0))}\n"


def _stat(on: int, busy_s: float, elapsed_s: float) -> str:
    """All processors share the work; ticks of 10 ms since some boot."""
    user, idle = 5000 + int(100 * busy_s), 90000 + int(100 * max(elapsed_s - busy_s, 0))
    each = f"{user} 0 0 {idle} 0 0 0 0 0 0"
    whole = f"cpu  {user * on} 0 0 {idle * on} 0 0 0 0 0 0"
    return "\n".join([whole, *(f"cpu{number} {each}" for number in range(on)), "ctxt 1", "btime 1760000000", ""])
