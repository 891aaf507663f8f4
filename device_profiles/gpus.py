"""Which profile is for which GPU: by its architecture, and where that holds different chips by its name."""

from functools import cache
from typing import Final

from edgewatt.device_profiles.loader import DeviceProfile, load, names
from edgewatt.device_profiles.phones import resembles

GENERIC: Final = "nvidia_gpu"


def choose(architecture: str | None, name: str) -> DeviceProfile:
    """The profile whose [match] fits: `soc` the architecture, `model` the name. Of several the most specific."""
    called = {"soc": architecture or "", "model": name}
    fitting = [
        profile
        for profile in gpu_profiles()
        if profile.match
        and all(any(resembles(p, called.get(key, "")) for p in patterns) for key, patterns in profile.match.items())
    ]
    return max(
        fitting, key=lambda profile: (len(profile.match), len(profile.bases), profile.name), default=load(GENERIC)
    )


def seconds(profile: DeviceProfile, key: str) -> float | None:
    """A duration that the profile knows, None where nobody published it."""
    return profile.number(key) if key in profile.facts else None


@cache
def gpu_profiles() -> tuple[DeviceProfile, ...]:
    """The profiles of GPUs that edgewatt ships, by name."""
    return tuple(profile for profile in map(load, names()) if profile.kind == "gpu")
