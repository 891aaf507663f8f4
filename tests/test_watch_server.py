"""The page over real sockets, with clients that we did not write: what is answered, and what is refused."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.reports.live import server as serving
from edgewatt.reports.live.guard import Guard
from edgewatt.reports.live.latest import Latest
from edgewatt.reports.live.runs import Runs
from edgewatt.reports.live.server import Server, Site, listening
from tests.sample_runs import HOSTILE, make_run
from tests.watching_views import device_view, line, view_of

pytestmark = pytest.mark.peer
TOKEN = "a-token-of-somebody"


@contextmanager
def served(runs: Path | None = None, token: str | None = None, view: object = None) -> Iterator[tuple[Server, Latest]]:
    latest = Latest()
    latest.publish(view or view_of())  # type: ignore[arg-type]
    with listening("127.0.0.1", 0) as server:
        port = server.server_address[1]
        found = None if runs is None else Runs(runs)
        server.site = Site(Guard("127.0.0.1", port, token), latest, found, lambda path: f"<p>{path.name}".encode())
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server, latest
        latest.end()
        server.shutdown()
        thread.join()


def asked(server: Server, path: str, method: str = "GET", **headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def test_the_page_and_its_parts() -> None:
    with served() as (server, _):
        for path, kind in (("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript")):
            status, headers, body = asked(server, path)
            assert (status, headers["Content-Type"].partition(";")[0]) == (200, kind)
            assert len(body) == int(headers["Content-Length"]) > 500
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert "unsafe" not in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert not [name for name in headers if name.startswith("Access-Control")]
        assert asked(server, "/", "HEAD")[2] == b""
        assert asked(server, "/", "POST")[0] == 501
        assert asked(server, "/nothing")[0] == 404
        assert asked(server, "/../../etc/passwd")[0] == 404
        assert asked(server, "/", Host="evil.example")[0] == 421
        assert asked(server, "/", Origin="http://evil.example")[0] == 403


def test_a_token_is_asked_for_and_kept() -> None:
    with served(token=TOKEN) as (server, _):
        for path in ("/", "/events", "/metrics", "/runs.json", "/page.js", "/runs/a"):
            assert asked(server, path)[0] == 401
        status, headers, _ = asked(server, f"/?token={TOKEN}")
        assert (status, headers["Location"]) == (303, "/")
        cookie = headers["Set-Cookie"].partition(";")[0]
        assert asked(server, "/", Cookie=cookie)[0] == 200
        assert asked(server, "/runs.json", Authorization=f"Bearer {TOKEN}")[0] == 200


def test_events_come_until_the_end() -> None:
    with served(view=view_of(device_view(HOSTILE, lines=(line(HOSTILE),)))) as (server, latest):
        connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=60)
        connection.request("GET", "/events")
        answer = connection.getresponse()
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        first = [answer.readline() for _ in range(3)][-1]
        assert json.loads(first.removeprefix(b"data: "))["devices"][0]["name"].startswith("SIMULATED ")
        latest.publish(view_of())
        answer.readline()
        second = json.loads(answer.readline().removeprefix(b"data: "))
        assert second["devices"][0]["name"] == "SIMULATED virtual phone"
        latest.end()
        assert b"event: end" in answer.read()
        connection.close()


def test_who_begins_to_listen_waits_for_a_view_with_series() -> None:
    latest = Latest()
    bare = line(series=np.empty(0), low=np.empty(0), high=np.empty(0))
    latest.publish(view_of(device_view("bare", lines=(bare,))))
    with latest.listening() as after:
        assert latest.listeners == 1
        assert latest.wait(after, 0.0) is None
        latest.publish(view_of())
        number, text = latest.wait(after, 0.0) or (0, b"")
        assert b"virtual phone" in text
        assert latest.wait(number, 0.0) is None
    assert latest.listeners == 0


def test_runs_and_their_reports(tmp_path: Path) -> None:
    make_run(tmp_path / "a <b>")
    make_run(tmp_path / "leaks")
    (tmp_path / "leaks" / "raw").symlink_to("/etc")
    with served(tmp_path) as (server, _):
        listed = {run["name"]: run["href"] for run in json.loads(asked(server, "/runs.json")[2])["runs"]}
        status, headers, body = asked(server, listed["a <b>"])
        assert (status, body) == (200, b"<p>a <b>")
        assert headers["Content-Security-Policy"].startswith("sandbox allow-scripts")
        assert "allow-same-origin" not in headers["Content-Security-Policy"]
        assert asked(server, listed["leaks"])[0] == 403
        assert asked(server, "/runs/%2e%2e")[0] == 404


def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "CONNECTIONS_LIMIT", 2)
    with served() as (server, _):
        held = [socket.create_connection(server.server_address[:2], timeout=60) for _ in range(2)]
        assert asked(server, "/")[0] == 503
        for one in held:
            one.close()


def test_rubbish_is_answered_or_hung_up_on_and_the_next_is_served() -> None:
    with served() as (server, _):
        for rubbish in (
            b"\x00\xff\n\n",
            b"GET\n\n",
            b"GET / HTTP/9\r\n\r\n",
            b"GET http://[::1 HTTP/1.0\r\nHost: x\r\n\r\n",
        ):
            with socket.create_connection(server.server_address[:2], timeout=60) as one:
                one.sendall(rubbish)
                one.shutdown(socket.SHUT_WR)
                while one.recv(4096):
                    continue
        with socket.create_connection(server.server_address[:2], timeout=60) as one:
            one.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\nHost: localhost\r\n\r\n")
            assert one.recv(4096).startswith(b"HTTP/1.0 400")
        assert asked(server, "/")[0] == 200


def test_a_port_that_is_taken_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="name another port"):
        listening("127.0.0.1", taken.getsockname()[1])
