"""The page and its metrics over HTTP: few kinds of answers, few connections, nothing that another site may read."""

import json
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.reports.live import runs as run_pages
from edgewatt.reports.live.guard import Guard
from edgewatt.reports.live.latest import Latest
from edgewatt.reports.live.metrics import exposition
from edgewatt.reports.live.runs import Runs

CONNECTIONS_LIMIT: Final = 32
LISTENERS_LIMIT: Final = 8
# A client that sends or takes nothing for so long is hung up on.
SILENT_S: Final = 10.0
_HEARTBEAT_S: Final = 5.0
_TEXT: Final = "text/plain; charset=utf-8"
_HTML: Final = "text/html; charset=utf-8"
_FILES: Final = {
    "/": ("index.html", _HTML),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A report brings its scripts along. It is a stranger to the page that it was opened from: no cookie, no fetch.
_REPORT_POLICY: Final = (
    "sandbox allow-scripts allow-downloads allow-modals; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True)
class Site:
    """What is served: the newest view, the runs of a folder, and how a run becomes a report in HTML."""

    guard: Guard
    latest: Latest
    runs: Runs | None = None
    report: Callable[[Path], bytes] | None = None
    reporting: threading.Lock = field(default_factory=threading.Lock)
    listeners: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(LISTENERS_LIMIT))


class Server(ThreadingHTTPServer):
    """A server with a thread for each of a bounded number of connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 16
    allow_reuse_address = True

    def __init__(self, address: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._free = threading.Semaphore(CONNECTIONS_LIMIT)
        self.site: Site | None = None
        super().__init__((address, port), _Answering)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Hand it to a thread, if one is free."""
        if not self._free.acquire(blocking=False):
            request.settimeout(0.5)
            with suppress(OSError):
                request.sendall(b"HTTP/1.0 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and free the thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours, and the terminal belongs to whoever watches."""


class _Answering(BaseHTTPRequestHandler):
    timeout = SILENT_S
    server: Server

    def version_string(self) -> str:
        """No versions: nobody needs them."""
        return "edgewatt"

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the terminal belongs to whoever watches, and an address may hold the token."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Plain text, and nothing of what was asked in it."""
        self._send(int(code), _TEXT, f"{int(code)}\n".encode())

    def _answer(self, *, with_body: bool) -> None:
        site = self.server.site
        try:
            url = urlsplit(self.path)
        except ValueError:
            return self._send(400, _TEXT, b"this is no address\n", with_body=with_body)
        if site is None:
            return self._send(503, _TEXT, b"", with_body=with_body)
        hosts = self.headers.get_all("Host", [])
        refused = site.guard.refuses(self.headers, url.query)  # type: ignore[arg-type]
        if len(hosts) != 1 or refused is not None:
            status, why = (400, "expected one Host") if refused is None else (refused.status, refused.why)
            return self._send(status, _TEXT, f"{why}\n".encode(), with_body=with_body)
        if url.path == "/" and site.guard.asked_by_query(url.query):
            return self._send(303, _TEXT, b"", more={"Location": "/", "Set-Cookie": site.guard.set_cookie()})
        if url.path == "/events":
            return self._events(site) if with_body else self._send(200, "text/event-stream", b"", with_body=False)
        try:
            status, kind, body, more = _content(site, url.path, self.headers.get("Accept", ""))
        except EdgewattError as error:
            status, kind, body, more = 503, _TEXT, f"{error}\n".encode(errors="replace"), {}
        except Exception:  # noqa: BLE001  (a fault of ours must not look like a page)
            status, kind, body, more = 500, _TEXT, b"a fault of edgewatt, not of yours\n", {}
        self._send(status, kind, body, more, with_body=with_body)
        return None

    def _events(self, site: Site) -> None:
        """The view, each time there is a newer one; an event `end` at the end."""
        if not site.listeners.acquire(blocking=False):
            self._send(503, _TEXT, b"too many pages are open\n", {"Retry-After": "30"})
            return
        try:
            self._head(200, "text/event-stream; charset=utf-8", {})
            self.wfile.write(b"retry: 2000\n\n")
            with site.latest.listening() as after:
                number = after
                while not site.latest.ended:
                    newer = site.latest.wait(number, _HEARTBEAT_S)
                    if newer is None:
                        self.wfile.write(b": nothing newer\n\n")
                        continue
                    number, text = newer
                    self.wfile.write(b"data: " + text + b"\n\n")
            self.wfile.write(b"event: end\ndata: {}\n\n")
        except OSError:
            pass  # it was closed there
        finally:
            site.listeners.release()

    def _send(
        self, status: int, kind: str, body: bytes, more: Mapping[str, str] | None = None, *, with_body: bool = True
    ) -> None:
        self._head(status, kind, {"Content-Length": str(len(body)), **(more or {})})
        if with_body:
            self.wfile.write(body)

    def _head(self, status: int, kind: str, more: Mapping[str, str]) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Security-Policy": _POLICY, **_HEADERS, "Connection": "close", **more}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


_Content = tuple[int, str, bytes, Mapping[str, str]]


def _content(site: Site, path: str, accept: str) -> _Content:
    """Status, type, body and more headers of everything but the events. Raises EdgewattError."""
    if path in _FILES:
        name, kind = _FILES[path]
        return 200, kind, _file(name), {}
    if path == "/metrics":
        view = site.latest.view
        if view is None:
            return 503, _TEXT, b"nothing was seen yet\n", {"Retry-After": "1"}
        body, kind = exposition(view, accept)
        return 200, kind, body, {}
    if path == "/runs.json":
        return 200, "application/json", json.dumps(_runs_json(site.runs)).encode(), {}
    if path.startswith(run_pages.PATH) and site.runs is not None and site.report is not None:
        return _report(site, site.runs, site.report, path)
    return 404, _TEXT, b"there is nothing here; the page is at /\n", {}


def _report(site: Site, runs: Runs, report: Callable[[Path], bytes], path: str) -> _Content:
    run = runs.find(path)
    if run is None:
        return 404, _TEXT, b"no such run in the folder\n", {}
    if runs.leads_outside(run.path):
        return 403, _TEXT, b"a link in this run leads out of the folder\n", {}
    if not site.reporting.acquire(timeout=SILENT_S):
        return 503, _TEXT, b"another report is being made; try again\n", {"Retry-After": "5"}
    try:
        return 200, _HTML, report(run.path), {"Content-Security-Policy": _REPORT_POLICY}
    finally:
        site.reporting.release()


def _runs_json(runs: Runs | None) -> dict[str, Any]:
    if runs is None:
        return {"folder": False, "runs": [], "note": ""}
    found, note = runs.listed()
    return {"folder": True, "runs": [run.to_json() for run in found], "note": note}


@cache
def _file(name: str) -> bytes:
    return (files("edgewatt.reports.live") / "page" / name).read_bytes()


def listening(address: str, port: int) -> Server:
    """A server at this address. Raises UsageError if nobody can listen there."""
    try:
        return Server(address, port)
    except (OSError, OverflowError) as error:
        raise UsageError(f"cannot listen at {address} port {port}: {error}; name another port, or 0 for any") from None
