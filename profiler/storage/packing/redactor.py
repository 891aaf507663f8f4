"""Replaces what is known to give something away by what stands for it: the same everywhere, and the same every time."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

from edgewatt.profiler.storage.packing.common import COMMON
from edgewatt.profiler.storage.packing.patterns import Hit, Kind, found_in, says_something

DIGITS: Final = 12
# Shorter ones are replaced where they are found, and not wherever the same letters stand.
SHORTEST: Final[Mapping[Kind, int]] = {"session": 8, "key": 4}
_SHORTEST: Final = 3
_LONG: Final = 8
# What a tool, a terminal or a text of 16 bits a character may put into the middle of a word.
_BREAK: Final = r"[\s\\\0]*"
_BREAKS: Final = re.compile(_BREAK[:-1])

# The manifest's and the tables' own keys whose value gives something away, whatever it is.
KEYED: Final[Mapping[str, Kind]] = {
    "device_id": "device",
    "session": "session",
    **dict.fromkeys(
        ("serial", "serialno", "serial_number", "uuid", "gpu_uuid", "boot_id", "machine_id", "imei", "android_id"), "id"
    ),
    **dict.fromkeys(("host", "hostname", "nodename"), "host"),
    **dict.fromkeys(("user", "username", "login"), "user"),
    **dict.fromkeys(("ssid", "wifi_ssid"), "ssid"),
    **dict.fromkeys(("bssid", "mac", "mac_address", "wifi_mac"), "mac"),
    **dict.fromkeys(("ip", "ip_address"), "ip"),
    **dict.fromkeys(("password", "secret", "token", "api_key"), "key"),
}


class Redactor:
    """Learns first (`learn`, `keyed`), then replaces; `counts` says how often each stand-in was put, by file."""

    def __init__(self, salt: str = "") -> None:
        self._salt = salt
        self._tokens: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self.counts: Counter[tuple[str, str]] = Counter()

    def token(self, value: str, kind: Kind) -> str:
        """What stands for `value`: `<kind>-<12 hex>` of the SHA-256 of the salt and the value in lower case."""
        normal = _normal(value)
        if normal not in self._tokens:
            digest = hashlib.sha256(f"{self._salt}\0{normal}".encode(errors="surrogateescape")).hexdigest()
            self._tokens[normal] = f"{kind}-{digest[:DIGITS]}"
        return self._tokens[normal]

    def known(self, value: str, kind: Kind, stand_in: str | None = None) -> None:
        """Replace `value` wherever it stands, if it says anything and is no common word."""
        normal = _normal(value)
        if stand_in is not None:
            self._tokens[normal] = stand_in
        self.token(value, kind)
        if len(normal) >= SHORTEST.get(kind, _SHORTEST) and says_something(value) and value.lower() not in COMMON:
            self._values.setdefault(normal, value)
            self.__dict__.pop("_plain", None)

    def learn(self, text: str) -> None:
        """Know what gives something away in `text` by its form."""
        for hit in _telling(found_in(text), self._tokens.values()):
            self.known(*hit)

    def learn_from(self, value: Any, key: str = "") -> None:
        """Know what gives something away in plain JSON: by the keys of KEYED, and by its form."""
        match value:
            case dict():
                for name, element in value.items():
                    self.learn(str(name))
                    self.learn_from(element, str(name))
            case list():
                for element in value:
                    self.learn_from(element, key)
            case str() | int() if not isinstance(value, bool) and (kind := KEYED.get(key.lower())) is not None:
                self.known(str(value), kind)
            case str():
                self.learn(value)

    def in_json(self, value: Any, key: str = "", where: str = "") -> Any:
        """Plain JSON with its texts and keys replaced; the values of KEYED entirely."""
        match value:
            case dict():
                return {self.text(str(k), where): self.in_json(v, str(k), where) for k, v in value.items()}
            case list():
                return [self.in_json(element, key, where) for element in value]
            case bool() | None | float():
                return value
            case str() | int() if (kind := KEYED.get(key.lower())) is not None and says_something(str(value)):
                return self.stand_in(str(value), kind, where)
            case str():
                return self.text(value, where)
        return value

    def stand_in(self, value: str, kind: Kind, where: str) -> str:
        """What stands for a value that gives something away, whatever it is."""
        if value in self._tokens.values():
            return value
        token = self.token(value, kind)
        self.counts[where, token] += 1
        return token

    def text(self, text: str, where: str = "") -> str:
        """`text` with everything that is known replaced, broken over lines or not, and what its form gives away."""

        def put(hit: re.Match[str]) -> str:
            normal = _normal(hit[0])
            return self.stand_in(self._values.get(normal) or forms[hit[0].lower()], "id", where)

        if self._values:
            plain, forms = self._plain
            text = plain.sub(put, text)
            bare = _BREAKS.sub("", text).lower()
            for normal in self._longest_first:
                if normal in bare:
                    text = _spaced(normal).sub(put, text)
        for hit in _telling(found_in(text), self._tokens.values()):
            whole = re.compile(_whole(re.escape(hit.value), hit.value))
            text = whole.sub(lambda _, hit=hit: self.stand_in(hit.value, hit.kind, where), text)  # type: ignore[misc]
        return text

    def leaks(self, text: str) -> list[str]:
        """The stand-ins of what is known and still in `text`, with whatever breaks it."""
        bare = _BREAKS.sub("", text).lower()
        found = [normal for normal in self._longest_first if normal in bare]
        return [self._tokens[normal] for normal in found if _spaced(normal).search(text)]

    @property
    def _longest_first(self) -> list[str]:
        return sorted(self._values, key=lambda normal: (-len(normal), normal))

    @cached_property
    def _plain(self) -> tuple[re.Pattern[str], dict[str, str]]:
        """What is known in one expression, as it is, as JSON writes it, and as an address does; and form -> value."""
        forms = {form: self._values[normal] for normal in self._longest_first for form in _forms(self._values[normal])}
        longest = sorted(forms, key=lambda form: (-len(form), form))
        pattern = re.compile("|".join(_whole(re.escape(form), form) for form in longest), re.IGNORECASE)
        return pattern, {form.lower(): value for form, value in forms.items()}


def _forms(value: str) -> Iterable[str]:
    return value, json.dumps(value)[1:-1], quote(value, safe=""), quote(value)


def _spaced(normal: str) -> re.Pattern[str]:
    return re.compile(_whole(_BREAK.join(map(re.escape, normal)), normal), re.IGNORECASE)


def _whole(pattern: str, value: str) -> str:
    """Not as a part of a longer number; of a longer word only what is long enough to be nothing else."""
    if len(value) >= _LONG and not value.isdigit():
        return pattern
    before = r"(?<![0-9A-Za-z])" if value[:1].isalnum() else ""
    return f"{before}{pattern}(?![0-9A-Za-z])" if value[-1:].isalnum() else f"{before}{pattern}"


def _normal(value: str) -> str:
    return _BREAKS.sub("", value).lower()


def _telling(hits: Iterable[Hit], tokens: Iterable[str]) -> list[Hit]:
    """Those that are no stand-ins themselves, and no names that every machine has."""
    put = set(tokens)
    return [
        hit
        for hit in hits
        if not any(token in hit.value for token in put)
        and not (hit.kind in {"user", "host", "ssid"} and hit.value.lower() in COMMON)
    ]
