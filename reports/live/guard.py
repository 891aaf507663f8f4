"""Who may ask the page: by its name, by its token, and never from another site."""

import hmac
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import parse_qs, urlsplit

COOKIE: Final = "edgewatt_watch"
BEARER: Final = "Bearer "
HEADER_LIMIT: Final = 4096


@dataclass(frozen=True, slots=True)
class Refused:
    """The status of HTTP and why."""

    status: int
    why: str


@dataclass(frozen=True, slots=True)
class Guard:
    """What a request must show. Without a token only somebody on this machine can reach the address.

    The name in `Host` must be an address or a name of this machine: a page elsewhere whose name was made to point here
    (DNS rebinding) asks for its own name.
    """

    address: str
    port: int
    token: str | None = None

    @property
    def is_loopback(self) -> bool:
        """True if nobody from outside this machine reaches it."""
        return ipaddress.ip_address(self.address).is_loopback

    @property
    def cookie(self) -> str:
        """The name of the cookie; another one for each port, since cookies know no ports."""
        return f"{COOKIE}_{self.port}"

    @property
    def url(self) -> str:
        """Where the page is: by this machine's name where it listens at all of its addresses."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        host = socket.gethostname() if ipaddress.ip_address(self.address).is_unspecified else host
        return f"http://{host}:{self.port}/"

    def refuses(self, headers: Mapping[str, str], query: str) -> Refused | None:
        """Why a request is refused; None if it may ask."""
        if not self._is_ours(headers.get("Host", "")):
            return Refused(421, f"Host is not an address of this machine; open {self.url}")
        origin = headers.get("Origin")
        if origin is not None and _netloc(origin) != headers.get("Host", "").lower():
            return Refused(403, "asked from another site")
        if headers.get("Sec-Fetch-Site") == "cross-site" and headers.get("Sec-Fetch-Mode") != "navigate":
            return Refused(403, "asked from another site")
        if self.token is not None and not any(self._is_token(shown) for shown in self._shown(headers, query)):
            return Refused(401, "a token is needed: the address with ?token=, or Authorization: Bearer")
        return None

    def asked_by_query(self, query: str) -> bool:
        """True if the token came in the address, from where it is taken into a cookie."""
        return self.token is not None and any(self._is_token(text) for text in _of_query(query))

    def set_cookie(self) -> str:
        """The header that keeps the token in the browser: no script reads it, no other site sends it."""
        return f"{self.cookie}={self.token}; HttpOnly; SameSite=Strict; Path=/"

    def _is_ours(self, host: str) -> bool:
        name = _without_port(host)
        if name is None:
            return False
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            ours = {"localhost"} if self.is_loopback else {"localhost", socket.gethostname().lower()}
            return name in ours
        return address.is_loopback or not self.is_loopback

    def _shown(self, headers: Mapping[str, str], query: str) -> list[str]:
        authorization = headers.get("Authorization", "")
        shown = [authorization.removeprefix(BEARER)] if authorization.startswith(BEARER) else []
        try:
            cookies = SimpleCookie(headers.get("Cookie", "")[:HEADER_LIMIT])
        except CookieError:
            cookies = SimpleCookie()
        if self.cookie in cookies:
            shown.append(cookies[self.cookie].value)
        return [*shown, *_of_query(query)]

    def _is_token(self, shown: str) -> bool:
        """Compared in a time that does not tell how much of it was right."""
        return self.token is not None and hmac.compare_digest(shown.encode(errors="replace"), self.token.encode())


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _of_query(query: str) -> list[str]:
    try:
        return parse_qs(query[:HEADER_LIMIT], max_num_fields=8).get("token", [])[:2]
    except ValueError:
        return []


def _without_port(host: str) -> str | None:
    """The name or address of a Host header, in lower case; None for none."""
    text = host.strip().lower()
    if text.startswith("["):
        inside, closed, port = text[1:].partition("]")
        return inside if closed and (not port or port[:1] == ":") else None
    name, _, port = text.partition(":")
    return name.removesuffix(".") if name and (not port or port.isdigit()) else None
