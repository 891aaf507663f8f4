"""The page of all device profiles: `python -m edgewatt.device_profiles.page > docs/device-profiles.md`."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from edgewatt.device_profiles.loader import DeviceProfile, names, shipped
from edgewatt.device_profiles.vocabulary import DESCRIBED, READ

# Those that describe no device but what several have in common.
FAMILIES: Final = frozenset(
    {"android_phone", "google_pixel", "samsung_galaxy", "xiaomi", "jetson_board", "linux_hwmon", "linux_rapl"}
    | {"nvidia_ampere", "nvidia_gpu", "nvidia_hopper", "nvidia_kepler", "nvidia_turing", "nvidia_volta"}
)
_KINDS: Final[Mapping[str, str]] = {
    "phone": "Phones and tablets",
    "board": "Boards",
    "host": "Computers",
    "gpu": "GPUs",
    "meter": "Meters",
}
# How a fact is known, in the words of its source; the first that is there counts.
HOW: Final = re.compile(r"documented|second-hand|remembered|assumed|recorded|recording")
_CLUSTERS: Final = ("little", "mid", "big", "prime")
_OTHER_CLUSTERS: Final = ("cpu_little_", "cpu_mid_", "cpu_prime_")

_HEAD: Final = """\
# Device profiles

What is known of a device before it is measured: the unit and the sign of a phone's gauge, what hangs on its power
rails and which of them add up, how often a GPU's sensor has a new value, what chip it is. Each fact has its source and
the day on which that was read. A run takes the profile that fits its device by itself, and says which in `run.json`
(`profile`); `-d "adb:?profile=FILE"` takes another.

A fact is no measurement. Its source begins with how it is known: *documented* (by whoever made it), *second-hand*
(somebody else says so, and who), *remembered* (nobody looked it up), *assumed*, or *recorded* (it was seen on one).
What nobody knows is not there: no key is filled in to look complete.

## Check one, write one

    edgewatt doctor --profile my.toml            # names the key, what it is, what was expected, what was meant
    edgewatt doctor --profile-schema > s.json    # JSON Schema, draft 2020-12, for an editor
    edgewatt doctor -d "adb:?profile=my.toml"    # try it on the phone

A file of your own lies in `~/.config/edgewatt/profiles/`, and comes before those below; `calibrate sensor` writes there
what it measured of a phone's gauge.

    name = "my_phone"
    kind = "phone"                    # phone, board, gpu, meter, host
    title = "what people call it"
    base = "samsung_galaxy"           # what is not said here is as it says; a model is on top of its family
    date = "2026-11-26"               # when the sources below were read

    [sources]                         # a source by a word, so that it is written once
    sheet = "documented: the maker's data sheet, revision 3"

    [match]                           # which phones it is for; all keys have to fit, by one of their patterns
    manufacturer = ["samsung"]        # also brand, model, device, soc: as getprop has them, in lower case; serial
    model = ["sm-a155*"]
    source = "sheet"

    [facts]
    battery_nominal_coulomb = { value = 18000, source = "sheet" }
    battery_current_unit = { value = "mA", source = "second-hand: readings of one" }

    [rails.cpu]                       # see the first lines of device_profiles/loader.py
    ...

Numbers are in SI units, and a key ends in its unit (`_w`, `_v`, `_a`, `_hz`, `_s`, `_coulomb`, ...). Each unit has
limits that no device exceeds: a value in mW, mV, kHz or mAh that lies outside of them is named, and never converted.
One that lies inside, such as 15 mW written as 15, cannot be told.

The schema lies beside this page too: device-profile.schema.json. A profile that is shipped goes into
`device_profiles/` (phones: `android/`, boards: `jetson/`, GPUs: `nvidia/`), and this page is written anew by
`python -m edgewatt.device_profiles.page`.

A meter that is read line by line, by questions or from a file has a format of its own: docs/meters.md.

## No meter at hand: power_profile.xml

Every Android phone holds what its maker states of its units, in mA: for each clock of each cluster of processors, for
Wi-Fi, the modem and the screen.

    adb pull /system/framework/framework-res.apk      # where that is Android's own: adb shell ls /vendor/overlay
    edgewatt doctor --profile framework-res.apk       # what of it can be used; or a power_profile.xml, plain or packed

In Python:

    from edgewatt.device_profiles.power_profile import load_power_profile
    for row in load_power_profile("framework-res.apk").rows():
        print(row.unit, row.frequency_hz, row.busy_w)    # cpu0 300000000.0 0.0072

Watts are those currents times 3.8 V, and a radio's times the voltage that it states (Green FL, arXiv 2303.14604). They
are *published*, not measured: makers copy the file of another phone, or ship Android's empty one, which is refused.

## What the keys mean

Those that something reads:
"""

_DESCRIBED: Final = """\
Those that describe a device. The clusters of its processors are called by how fast they are: one is big, two are little
and big, three have a mid between them, four a prime above them; the keys of all are as those of `big`.
"""


def page() -> str:
    """The page as Markdown."""
    return "\n".join(_lines())


def devices() -> list[DeviceProfile]:
    """The profiles of one device each, without those of families."""
    return [profile for name in names() if (profile := shipped(name)).name not in FAMILIES]


def _lines() -> Iterator[str]:
    yield _HEAD
    yield from _keys(READ)
    yield _DESCRIBED
    yield from _keys({key: meaning for key, meaning in DESCRIBED.items() if not key.startswith(_OTHER_CLUSTERS)})
    yield f"## The {len(devices())} devices, and the {len(FAMILIES)} families\n"
    yield "Beside each, how what is known of it is known, what its family says included.\n"
    for kind, title in _KINDS.items():
        profiles = [profile for name in names() if (profile := shipped(name)).kind == kind]
        yield from (f"### {title}\n", "| profile | what | on top of | known of it | how |", "|---|---|---|---|---|")
        yield from map(_row, sorted(profiles, key=lambda profile: (profile.name not in FAMILIES, profile.name)))
        yield ""


def _keys(keys: Mapping[str, str]) -> Iterator[str]:
    yield from ("| key | what |", "|---|---|")
    yield from (f"| `{key}` | {meaning} |" for key, meaning in keys.items())
    yield ""


def _row(profile: DeviceProfile) -> str:
    what = f"*family:* {profile.title}" if profile.name in FAMILIES else profile.title
    base = f"`{profile.base}`" if profile.base else ""
    found = Counter(word.group() for fact in profile.facts.values() if (word := HOW.search(fact.source)))
    how = ", ".join(f"{n} {word}" for word, n in found.items())
    return f"| `{profile.name}` | {what} | {base} | {'; '.join(_known(profile))} | {how} |"


def _known(profile: DeviceProfile) -> Iterator[str]:
    said = {key: fact.value for key, fact in profile.facts.items()}
    yield from (str(said[key]) for key in ("soc",) if key in said)
    clusters = [cluster for name in _CLUSTERS if (cluster := _cluster(said, name))]
    if clusters:
        yield " + ".join(clusters)
    yield from (str(said[key]) for key in ("gpu", "npu", "dsp") if key in said)
    if "battery_nominal_coulomb" in said:
        yield f"{profile.number('battery_nominal_coulomb') / 3.6:.0f} mAh"
    if "battery_current_unit" in said:
        yield f"gauge in {said['battery_current_unit']}"
    if "power_limit_w" in said and profile.kind == "gpu":
        yield f"{said['power_limit_w']} W"
    if "update_period_s" in said:
        yield f"a new value every {profile.number('update_period_s') * 1e3:g} ms"
    if profile.rails:
        yield f"rails it may have: {len(profile.rails)}"


def _cluster(said: Mapping[str, object], name: str) -> str:
    """Such as 4 x 1.8 GHz; blank for a cluster of which nothing is known."""
    cores, hertz = (said.get(f"cpu_{name}_{key}") for key in ("cores_n", "highest_clock_hz"))
    if not isinstance(cores, int):
        return ""
    return f"{cores} x {hertz / 1e9:g} GHz" if isinstance(hertz, int | float) else f"{cores} cores"


if __name__ == "__main__":
    print(page(), end="")
