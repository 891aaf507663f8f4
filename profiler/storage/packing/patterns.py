"""What gives away people, places and keys in text that tools print: by its form, or by the word before it.

Forms: IEEE 802 addresses, RFC 4291 and dotted IPv4, RFC 7468 (PEM), RFC 9562 (UUID), homes as Linux, macOS and Windows
name them; the beginnings of tokens are those that their issuers document (GitHub, Hugging Face, AWS, Google, Slack,
GitLab, PyPI; remembered). A value may be broken over lines where its form still tells it.
"""

import ipaddress
import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

from edgewatt.profiler.storage.packing.common import NOTHING

Kind = Literal["device", "id", "session", "host", "user", "ssid", "mac", "ip", "key", "account", "config"]

# A line may be broken here, as tools do at 80 columns.
_B: Final = r"(?:\\?\r?\n[ \t]*)?"
_H: Final = r"[0-9A-Fa-f]"
_PAIR: Final = f"{_H}{_B}{_H}"
_MAC: Final = re.compile(rf"(?<![0-9A-Fa-f:.-]){_PAIR}(?:{_B}:{_B}{_PAIR}){{5}}(?![0-9A-Fa-f:])")
_MAC_DASHED: Final = re.compile(rf"(?<![0-9A-Za-z-]){_H}{{2}}(?:-{_H}{{2}}){{5}}(?![0-9A-Za-z-])")
_IPV4: Final = re.compile(rf"(?<![0-9A-Za-z.])[0-9]{{1,3}}(?:{_B}\.{_B}[0-9]{{1,3}}){{3}}(?![0-9A-Za-z]|\.[0-9])")
_IPV6: Final = re.compile(r"(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z:])")
_UUID: Final = re.compile(
    rf"(?<![0-9A-Za-z-])(?:GPU-|MIG-)?{_H}{{8}}-{_H}{{4}}-{_H}{{4}}-{_H}{{4}}-{_H}{{12}}(?![0-9A-Za-z])"
)
_PEM: Final = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}KEY-----.{0,65536}?(?:-----END [A-Z0-9 ]{0,40}KEY-----|\Z)", re.DOTALL
)
_SSH_KEY: Final = re.compile(
    r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-[a-z0-9]+) +[A-Za-z0-9+/=]{20,}|QAAAA[A-Za-z0-9+/=]{300,}"
)
_TOKEN: Final = re.compile(
    r"(?<![0-9A-Za-z_-])(?:gh[opsur]_|github_pat_|hf_|sk-|xox[abprs]-|AKIA|ASIA|AIza|glpat-|pypi-|eyJ[0-9A-Za-z_-]{8,}\.)"
    r"[0-9A-Za-z_.-]{12,}"
)
_ACCOUNT: Final = re.compile(
    r"(?<![0-9A-Za-z._%+@-])([A-Za-z][0-9A-Za-z._%+-]{0,63})@([A-Za-z][0-9A-Za-z.-]{0,253}[0-9A-Za-z])"
)
_HOME: Final = re.compile(r"(?:/home/|/Users/|/var/home/|[A-Za-z]:\\{1,4}Users\\{1,4})([^\s/\\\"'<>|:*?\0]{1,64})")
_BY_ID: Final = re.compile(r"/by-id/([^\s/\"',;]{1,128})")
_UNAME: Final = re.compile(r"\bLinux ([0-9A-Za-z][0-9A-Za-z.-]{0,63}) [0-9]+\.[0-9]+\.[0-9]")
_ADDRESSES: Final[tuple[tuple[re.Pattern[str], tuple[Kind, ...]], ...]] = (
    (re.compile(r"\badb:([0-9A-Za-z][0-9A-Za-z._-]{3,63})"), ("id",)),
    (re.compile(r"\badb (?:-H \S+ )?-s ([0-9A-Za-z][0-9A-Za-z._:-]{3,63})"), ("id",)),
    (
        re.compile(r"\b(?:adb\+tcp|tcp|http|https)://(?:[^\s/@]*@)?([0-9A-Za-z][0-9A-Za-z.-]{0,253})(?=[:/?\s]|$)"),
        ("host",),
    ),
    (re.compile(r"\bssh://(?:([^\s/@:]{1,64})@)?([0-9A-Za-z][0-9A-Za-z.-]{0,253})"), ("user", "host")),
    (re.compile(r"\bmonsoon:([0-9]{3,20}|[0-9A-Za-z]*[0-9][0-9A-Za-z]{3,})\b"), ("id",)),
)
_IDS: Final = (
    r"(?:[a-z.]*\.)?serial(?:no|[ _.-]?(?:no|number))?",
    r"imei[0-9]?|meid|iccid|imsi|msisdn|(?:android|gsf|machine|boot|board)[ _-]?id|(?:gpu[ _])?uuid",
)
_KEYS: Final = (
    r"[0-9a-z_.-]*(?:password|passwd|passphrase|secret|(?:api|access|private)[_-]?key|(?:auth|access|api)[_-]?token)",
    r"token|psk|pwd",
)
_KEYED: Final[tuple[tuple[str, Kind], ...]] = (
    ("|".join(_IDS), "id"),
    (r"host[ _]?name|nodename|net\.hostname|computer[ _]?name|device[ _]name|bluetooth[ _]name", "host"),
    (r"user[ _]?name|login|logname", "user"),
    (r"e?ssid|(?:wifi|network)[ _]?name", "ssid"),
    ("|".join(_KEYS), "key"),
)
_VALUE: Final = (
    r"[\"'\]]?\s{0,4}[:=]\s{0,4}[\[]?(?:\"([^\"\n]{1,200})\"|'([^'\n]{1,200})'|([^\s\"',;\[\](){}<>]{1,200}))"
)
_BY_WORD: Final[tuple[tuple[re.Pattern[str], Kind], ...]] = tuple(
    (re.compile(rf"(?<![0-9a-z_])(?:{words}){_VALUE}", re.IGNORECASE), kind) for words, kind in _KEYED
)
_BEARER: Final = re.compile(r"\b(?:Bearer|Basic) ([0-9A-Za-z+/=._~-]{8,})")


class Hit(NamedTuple):
    """Something that was found, and what it is."""

    value: str
    kind: Kind


def found_in(text: str) -> Iterator[Hit]:
    """What gives something away in `text`; a value broken over lines is given without the break."""
    for pattern, kind in ((_PEM, "key"), (_SSH_KEY, "key"), (_TOKEN, "key"), (_UUID, "id"), (_MAC_DASHED, "mac")):
        yield from (Hit(hit[0], kind) for hit in pattern.finditer(text))  # type: ignore[arg-type]
    yield from (Hit(hit[1], "key") for hit in _BEARER.finditer(text))
    yield from (Hit(_joined(hit[0]), "mac") for hit in _MAC.finditer(text) if set(_joined(hit[0])) - set("0:fF"))
    yield from (Hit(value, "ip") for hit in _IPV4.finditer(text) if _is_somewhere(value := _joined(hit[0])))
    yield from (Hit(hit[0], "ip") for hit in _IPV6.finditer(text) if _is_ipv6(hit[0]))
    for hit in _ACCOUNT.finditer(text):
        if set(hit[2].lower()) - set("0123456789abcdef"):  # i2c@c240000 is a node of a device tree
            yield Hit(hit[0], "account")
    yield from (Hit(hit[1], "user") for hit in _HOME.finditer(text))
    yield from (Hit(hit[1], "id") for hit in _BY_ID.finditer(text))
    yield from (Hit(hit[1], "host") for hit in _UNAME.finditer(text) if hit[1] != "version")
    for pattern, kinds in _ADDRESSES:
        for hit in pattern.finditer(text):
            yield from (
                Hit(value, kind) for value, kind in zip(hit.groups(), kinds, strict=True) if says_something(value)
            )
    for pattern, kind in _BY_WORD:
        for hit in pattern.finditer(text):
            value = next(group for group in hit.groups() if group is not None).strip()
            if says_something(value):
                yield Hit(value, kind)


def says_something(value: str | None) -> bool:
    """False of what stands for nothing, for this very machine, or for a yes or a no."""
    return value is not None and len(value) > 1 and value.lower() not in NOTHING and not _is_plain_number(value)


def _is_plain_number(value: str) -> bool:
    return len(value) < 4 and value.isdigit()


def _joined(text: str) -> str:
    return re.sub(r"[\s\\]", "", text)


def _is_somewhere(text: str) -> bool:
    """True of an IPv4 address of a machine; not of this very one, of all, or of a mask."""
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast or text.startswith("255."))


def _is_ipv6(text: str) -> bool:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    # a::b is a name of C++ as well.
    return not (address.is_loopback or address.is_unspecified) and text.count(":") > 2 and any(map(str.isdigit, text))
