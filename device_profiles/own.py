"""The user's own profile of one phone, as edgewatt writes it: what was measured, on top of a shipped profile."""

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from edgewatt.device_profiles.loader import DeviceProfile, Fact, load, own_folder, parse, shipped
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.durable import replace_file
from edgewatt.profiler.storage.toml_text import value_text

_PLAIN: Final = re.compile(r"[^a-z0-9_-]+")
_NAME_LIMIT: Final = 64
_toml: Final = partial(value_text, plain=True)
_HEAD: Final = "# Written by `edgewatt calibrate sensor`. Written again, it keeps facts by hand and loses comments.\n"


def own_path(device_id: str) -> Path:
    """Where the profile of the phone with this serial number lies. Raises UsageError for what is none."""
    name = _PLAIN.sub("-", device_id.lower()).strip("-")[:_NAME_LIMIT]
    if not name or "*" in device_id or len(device_id) > _NAME_LIMIT:
        raise UsageError(f"a phone called {device_id!r} cannot have a profile of its own: that is no serial number")
    return own_folder() / f"{name}.toml"


def remember(device_id: str, title: str, base: str, facts: Mapping[str, Fact]) -> Path:
    """Put measured facts into the own profile of a phone, beside those that are there; where it is.

    `base` is the shipped profile that it is on top of, if it is new. Raises UsageError if it cannot be written, or what
    is there is no profile of this phone.
    """
    path = own_path(device_id)
    # What the base says is not copied: it may be said better one day.
    old: Mapping[str, Fact] = _own_facts(path, device_id) if path.exists() else {}
    if path.exists():
        base = load(path).base or base
    serial = device_id.lower()
    text = _text(path.stem, title, base, serial, {**old, **facts})
    written = parse(text.encode(), str(path))
    if any(written.facts.get(key) != fact for key, fact in facts.items()):
        raise UsageError(f"device profile {path}: what was measured cannot be written as it is")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())
    except OSError as error:
        raise UsageError(f"device profile {path}: cannot be written ({error.strerror or error})") from None
    return path


def _own_facts(path: Path, device_id: str) -> dict[str, Fact]:
    """What the file itself says, without what its base does. Raises UsageError if it is another phone's."""
    there = load(path)
    if there.kind != "phone" or device_id.lower() not in there.match.get("serial", ()):
        raise UsageError(f"device profile {path} is not of the phone {device_id!r} alone; move it away, and try again")
    return _beyond_base(there)


def _beyond_base(profile: DeviceProfile) -> dict[str, Fact]:
    under = {} if profile.base is None else shipped(profile.base).facts
    return {key: fact for key, fact in profile.facts.items() if under.get(key) != fact}


def _text(name: str, title: str, base: str, serial: str, facts: Mapping[str, Fact]) -> str:
    lines = [_HEAD, f"name = {_toml(name)}", 'kind = "phone"', f"title = {_toml(title)}", f"base = {_toml(base)}", ""]
    lines += ["[match]", f"serial = [{_toml(serial)}]", 'source = "its serial number"']
    for key, fact in facts.items():
        lines += ["", f"[facts.{key}]", f"value = {_toml(fact.value)}", f"source = {_toml(fact.source)}"]
        lines += [f"{k} = {_toml(v)}" for k in ("u", "basis", "date") if (v := getattr(fact, k)) is not None]
    return "\n".join([*lines, ""])
