"""Who may ask the page."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.reports.live.guard import Guard

HERE = Guard("127.0.0.1", 8080)
TOKEN = "t0ken-" * 8
OUT = Guard("0.0.0.0", 8080, TOKEN)


def status(guard: Guard, query: str = "", **headers: str) -> int | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    refused = guard.refuses(named, query)
    return None if refused is None else refused.status


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost:8080", "LOCALHOST", "[::1]:8080", "127.0.0.2:1", "localhost."]
)
def test_this_machine_may_ask(host: str) -> None:
    assert status(HERE, Host=host) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "",
        "192.168.1.5:8080",
        "localhost.evil.example",
        "[::1",
        "[evil]",
        "a:b:c",
    ],
)
def test_a_name_that_was_made_to_point_here_may_not(host: str) -> None:
    assert status(HERE, Host=host) == 421


@given(st.text(max_size=40))
def test_any_host_is_refused_or_ours(host: str) -> None:
    assert status(HERE, Host=host) in (421, None)


def test_another_site_may_not() -> None:
    host = {"Host": "127.0.0.1:8080"}
    assert status(HERE, **host, Origin="http://evil.example") == 403
    assert status(HERE, **host, Origin="null") == 403
    assert status(HERE, **host, Origin="http://[::1") == 403
    assert status(HERE, **host, Origin="http://127.0.0.1:8080") is None
    assert status(HERE, **host, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors") == 403
    assert status(HERE, **host, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate") is None
    assert status(HERE, **host, Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="cors") is None


def test_elsewhere_a_token_is_needed() -> None:
    host = {"Host": "192.168.1.5:8080"}
    assert status(OUT, **host) == 401
    assert status(OUT, **host, Authorization="Bearer wrong") == 401
    assert status(OUT, **host, Authorization=f"Basic {TOKEN}") == 401
    assert status(OUT, **host, Cookie=f"edgewatt_watch_8080={TOKEN[:-1]}") == 401
    assert status(OUT, **host, Cookie=f"edgewatt_watch_8081={TOKEN}") == 401
    assert status(OUT, "token=", **host) == 401
    assert status(OUT, f"token={TOKEN}", **host) is None
    assert status(OUT, **host, Authorization=f"Bearer {TOKEN}") is None
    assert status(OUT, **host, Cookie=f"x=1; {OUT.set_cookie().partition(';')[0]}") is None
    assert status(OUT, Host="evil.example", Authorization=f"Bearer {TOKEN}") == 421


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_no_rubbish_is_a_token(authorization: str, cookie: str, query: str) -> None:
    assert status(OUT, query, Host="10.0.0.1", Authorization=authorization, Cookie=cookie) == 401


def test_the_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def noted(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", noted)
    assert status(OUT, Host="10.0.0.1", Authorization="Bearer x") == 401
    assert compared == [(b"x", TOKEN.encode())]


def test_a_browser_keeps_the_token_where_no_script_reads_it() -> None:
    assert OUT.asked_by_query(f"token={TOKEN}")
    assert not OUT.asked_by_query("token=x")
    assert not HERE.asked_by_query("token=x")
    for word in ("HttpOnly", "SameSite=Strict", "Path=/"):
        assert word in OUT.set_cookie()


def test_addresses() -> None:
    assert Guard("::1", 80).url == "http://[::1]:80/"
    assert Guard("::1", 80).is_loopback
    assert not OUT.is_loopback
