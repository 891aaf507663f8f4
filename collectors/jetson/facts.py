"""What a measurement on a Jetson depends on, from its files, and from two programs of the board where they answer."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from edgewatt.collectors.android.files.look import clean, folder, whole
from edgewatt.collectors.host.facts import APPLICATION_KEY
from edgewatt.collectors.jetson import clocks, heat
from edgewatt.collectors.jetson.look import BoardLook

_SIMULATED: Final = "edgewatt,simulated"
_TREES: Final = ("{sysfs}/firmware/devicetree/base", "{proc}/device-tree")
_RELEASE: Final = "{root}/etc/nv_tegra_release"
# `pmode:0002 fmode:...`, the mode that nvpmodel set last (remembered); its names are in its configuration.
_STATUS, _MODES = "{root}/var/lib/nvpmodel/status", "{root}/etc/nvpmodel.conf"
_CPU: Final = "{sysfs}/devices/system/cpu/cpufreq/policy*"
CANDIDATES: Final = (
    *(f"{tree}/{file}" for tree in _TREES for file in ("model", "compatible", "serial-number")),
    _RELEASE,
    _STATUS,
    _MODES,
)
# Programs that say more, as arguments; the second is for root alone. What they print goes to `told`.
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "nvpmodel": ("nvpmodel", "-q"),
    "jetson_clocks": ("jetson_clocks", "--show"),
}
_TEXT_LIMIT: Final = 1 << 14
# L4T to JetPack: jetson_stats' table (second-hand).
JETPACK: Final[Mapping[str, str]] = {
    "32.1": "4.2",
    "32.4.3": "4.4",
    "32.6.1": "4.6",
    "32.7.1": "4.6.1",
    "32.7.6": "4.6.6",
    "35.1": "5.0.2",
    "35.2.1": "5.1",
    "35.3.1": "5.1.1",
    "35.4.1": "5.1.2",
    "35.6.4": "5.1.6",
    "36.2": "6.0 DP",
    "36.3": "6.0",
    "36.4": "6.1",
    "36.4.3": "6.2",
    "36.4.4": "6.2.1",
    "36.4.7": "6.2.1",
    "36.5": "6.2.2",
    "38.4": "7.1",
    "39.0": "7.2 EA",
    "39.2": "7.2",
}


def board_names(look: BoardLook) -> list[str]:
    """What the device tree calls the board, from the particular to the general: compatible, then its model."""
    found = [
        name for file in ("compatible", "model") for tree in _TREES for name in look.strings(look.at(f"{tree}/{file}"))
    ]
    return list(dict.fromkeys(found))


def is_simulated(look: BoardLook) -> bool:
    """Whether it is a board of edgewatt's virtual lab, which says so in its device tree."""
    return _SIMULATED in board_names(look)


def model_of(look: BoardLook) -> str | None:
    """The board's name for people; None if its device tree cannot be read."""
    return next((name for tree in _TREES for name in look.strings(look.at(f"{tree}/model"))), None)


def soc_of(look: BoardLook) -> str | None:
    """Its processor, such as tegra234."""
    hits = (re.search(r"tegra[0-9]{3}", name) for name in board_names(look))
    return next((hit[0] for hit in hits if hit), None)


def parse_release(text: str) -> str | None:
    """`36.4.4` of `# R36 (release), REVISION: 4.4, ...`; None if it says none."""
    hit = re.search(
        r"#\s*R([0-9]{1,3})\s*\(release\),\s*REVISION:\s*([0-9]{1,3}(?:\.[0-9]{1,3}){0,2})", text[:_TEXT_LIMIT]
    )
    return None if hit is None else f"{hit[1]}.{hit[2]}"


def l4t_of(look: BoardLook) -> str | None:
    """The release of L4T on the board; None if it has none."""
    return parse_release(look.text(look.at(_RELEASE)) or "")


def jetpack_of(l4t: str | None) -> str | None:
    """The JetPack of a release of L4T; None where nobody told us."""
    short = (l4t or "").removesuffix(".0")
    return JETPACK.get(l4t or "") or JETPACK.get(short)


def parse_nvpmodel(text: str) -> dict[str, Any]:
    """The mode that `nvpmodel -q` names, and its number; empty if it names none."""
    name = re.search(r"NV Power Mode:[ \t]*([^\n]{1,64})", text[:_TEXT_LIMIT])
    number = re.search(r"^\s*([0-9]{1,4})\s*$", text[:_TEXT_LIMIT], re.MULTILINE)
    if name is None:
        return {}
    return {"nvpmodel": clean(name[1]), "nvpmodel_id": int(number[1]) if number else None}


def told(outputs: Mapping[str, str]) -> dict[str, Any]:
    """The facts in what COMMANDS printed, by their keys; a program that could not run is left out."""
    shown = clean(outputs.get("jetson_clocks", ""), 4096)
    return {**parse_nvpmodel(outputs.get("nvpmodel", "")), **({"jetson_clocks_show": shown} if shown else {})}


def facts_of(look: BoardLook) -> dict[str, Any]:
    """The conditions of a board as plain JSON; a key that cannot be read is None."""
    l4t = l4t_of(look)
    held = _held(look)
    return {
        "model": model_of(look),
        "soc": soc_of(look),
        "l4t": l4t,
        "jetpack": jetpack_of(l4t),
        "profile": look.profile.name,
        **_mode(look),
        "jetson_clocks": held,
        "jetson_clocks_basis": None if held is None else "inferred: on where each least clock is the highest",
        "gpu_governor": {name: look.fact(f"{place}/governor") for place, name in clocks.gpus(look)} or None,
        "gpu_frequency_min_hz": _hertz(look, "min_freq"),
        "gpu_frequency_max_hz": _hertz(look, "max_freq"),
        "emc_cap_hz": whole(look.text(look.at("{sysfs}/kernel/nvpmodel_emc_cap/emc_iso_cap")) or ""),
        "throttled_by": [kind for kind, path in heat.alerts(look) if (whole(look.text(path) or "") or 0) > 0],
    }


def _mode(look: BoardLook) -> dict[str, Any]:
    hit = re.search(r"pmode:([0-9]{1,4})", look.text(look.at(_STATUS)) or "")
    if hit is None:
        return {"nvpmodel": None, "nvpmodel_id": None}
    number = int(hit[1])
    pattern = rf"<\s*POWER_MODEL\s+ID={number}\s+NAME=([^\s>]{{1,64}})\s*>"
    name = re.search(pattern, (look.text(look.at(_MODES)) or "")[: 4 * _TEXT_LIMIT])
    return {"nvpmodel": clean(name[1]) if name else None, "nvpmodel_id": number}


def _held(look: BoardLook) -> str | None:
    """Whether every clock is held at its highest, as jetson_clocks does it; None if no cap can be read."""
    pairs = [
        *((f"{folder(p)}/scaling_min_freq", p) for p in look.matching(f"{_CPU}/scaling_max_freq")),
        *((f"{place}/min_freq", f"{place}/max_freq") for place, _ in clocks.gpus(look)),
    ]
    values = [(whole(look.text(low) or ""), whole(look.text(high) or "")) for low, high in pairs]
    known = [(low, high) for low, high in values if low is not None and high is not None]
    return None if not known else "on" if all(low >= high for low, high in known) else "off"


def _hertz(look: BoardLook, file: str) -> dict[str, int | None] | None:
    return {name: whole(look.text(f"{place}/{file}") or "") for place, name in clocks.gpus(look)} or None


def device_id_of(look: BoardLook, otherwise: tuple[str, str]) -> tuple[str, str]:
    """16 hex digits that stay with this board, and what they come from: HMAC-SHA-256 of its serial number.

    Two boards with one image share a machine-id, but not their serial numbers. `otherwise` is for a board without one.
    """
    serial = next((name for tree in _TREES for name in look.strings(look.at(f"{tree}/serial-number"))), "")
    if not serial.strip("0 "):
        return otherwise
    return hmac.new(APPLICATION_KEY, serial.encode(), hashlib.sha256).hexdigest()[:16], "devicetree serial-number"
