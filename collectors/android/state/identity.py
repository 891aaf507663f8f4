"""Which phone this is: what its system properties say of it, asked once."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from edgewatt.collectors.android.files.look import clean
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.state.sections import ask
from edgewatt.device_profiles.phones import PROPERTIES

_NAME_LIMIT: Final = 64

# Where makers put the name under which they sell a phone: Xiaomi, Huawei and Honor, OPPO and realme and OnePlus, vivo
# (remembered; a phone that has none is called by its brand and model).
_MARKETING: Final = (
    "ro.product.marketname",
    "ro.product.odm.marketname",
    "ro.product.vendor.marketname",
    "ro.config.marketing_name",
    "ro.vendor.oplus.market.name",
    "ro.oppo.market.name",
    "ro.vendor.product.display",
    "ro.vivo.market.name",
)
# Which chip: Android 12 and later (CDD, android.os.Build.SOC_MODEL), then Samsung, MediaTek, Qualcomm, anybody.
_CHIP: Final = (
    "ro.hardware.chipname",
    "ro.chipname",
    "ro.mediatek.platform",
    "ro.board.platform",
    "ro.hardware",
)
_SERIAL: Final = ("ro.serialno", "ro.boot.serialno")
# What a phone of edgewatt's virtual lab says of itself.
_SIMULATED: Final = "ro.edgewatt.simulated"
_OTHERS: Final = (
    _SIMULATED,
    "ro.product.brand",
    "ro.product.manufacturer",
    "ro.product.model",
    "ro.product.device",
    "ro.build.version.release",
    "ro.build.version.sdk",
    "ro.build.version.security_patch",
    "ro.build.fingerprint",
    "ro.build.type",
    "ro.soc.manufacturer",
    "ro.soc.model",
    "ro.product.cpu.abilist",
    "ro.product.cpu.abi",
    "ro.kernel.qemu",
    "ro.boot.qemu",
)
KEYS: Final = tuple(dict.fromkeys((*_OTHERS, *_MARKETING, *_CHIP, *_SERIAL, *chain(*PROPERTIES.values()))))

_PROPERTY: Final = re.compile(r"\[([A-Za-z0-9._-]+)\]: \[(.*)\]")
# A serial number that says nothing: emulators, development boards, and a phone that hides it.
_NO_SERIAL: Final = re.compile(r"(?i)unknown|none|null|0+|(?:01234567)?89abcdef")


@dataclass(frozen=True, slots=True)
class Identity:
    """A phone by name. All text is printable and at most 128 characters; None where the phone does not say.

    `device_id` is its serial number, else how adb calls it. `properties` are those of KEYS that it has, but for its
    serial number: what a device profile is chosen by.
    """

    name: str
    device_id: str
    soc: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    android: str | None = None
    build: str | None = None
    abis: tuple[str, ...] = ()
    simulated: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)


def identify(phone: Phone) -> Identity:
    """Who the phone is, in one round trip. Raises DeviceError only if it does not answer at all."""
    answers = ask(
        phone,
        {
            "properties": f'for k in {" ".join(KEYS)}; do echo "[$k]: [$(getprop $k)]"; done',
            "chip": 'while read -r k v; do case $k in Hardware*) echo "$v";; esac; done '
            f"<{shlex.quote(phone.proc)}/cpuinfo",
        },
    )
    return parse_identity(answers["properties"], phone.uri, hardware=answers["chip"])


def parse_identity(text: str, uri: str, *, hardware: str = "") -> Identity:
    """The identity behind `[key]: [value]` lines, as getprop prints them; `hardware` is /proc/cpuinfo's line."""
    known = _properties(text)
    model = known.get("ro.product.model")
    android = known.get("ro.build.version.release")
    maker = known.get("ro.product.manufacturer")
    parts = (
        _first(known, _MARKETING) or _brand_and_model(known.get("ro.product.brand") or maker, maker, model),
        f"Android {android}" if android else None,
    )
    abis = known.get("ro.product.cpu.abilist") or known.get("ro.product.cpu.abi") or ""
    return Identity(
        name=" · ".join(part for part in parts if part) or clean(f"Android phone {_address(uri)}"),
        device_id=_serial(known) or clean(_address(uri)) or "unknown",
        soc=_soc(known) or clean(hardware.lstrip(": ")) or None,
        manufacturer=maker,
        model=model,
        android=android,
        build=known.get("ro.build.fingerprint"),
        abis=tuple(abi for abi in abis.split(",") if abi),
        simulated=_SIMULATED in known,
        properties={key: value for key, value in known.items() if key not in _SERIAL},
    )


def _properties(text: str) -> dict[str, str]:
    found = {}
    for line in text.splitlines():
        hit = _PROPERTY.fullmatch(line.strip())
        if hit is not None and hit[1] in KEYS and (value := clean(hit[2])):
            found[hit[1]] = value
    return found


def _first(known: Mapping[str, str], keys: tuple[str, ...]) -> str | None:
    return next((clean(known[key], _NAME_LIMIT) for key in keys if key in known), None)


def _brand_and_model(brand: str | None, maker: str | None, model: str | None) -> str | None:
    if brand is None or model is None:
        return clean(model or brand or "", _NAME_LIMIT) or None
    if model.lower().startswith(brand.lower()):
        return clean(model, _NAME_LIMIT)
    if maker is not None and maker.lower() == brand.lower():
        brand = maker
    return clean(f"{brand.capitalize() if brand.islower() else brand} {model}", _NAME_LIMIT)


def _soc(known: Mapping[str, str]) -> str | None:
    parts = [known.get("ro.soc.manufacturer"), known.get("ro.soc.model")]
    named = " ".join(part for part in parts if part and part.lower() != "unknown")
    return clean(named) or _first(known, _CHIP)


def _serial(known: Mapping[str, str]) -> str | None:
    said = (known[key] for key in _SERIAL if key in known)
    return next((serial for serial in said if not _NO_SERIAL.fullmatch(serial)), None)


def _address(uri: str) -> str:
    """How adb calls it: the serial of `adb:SERIAL`, HOST:PORT of `adb+tcp://HOST:PORT`."""
    return uri.partition(":")[2].lstrip("/").partition("?")[0]
