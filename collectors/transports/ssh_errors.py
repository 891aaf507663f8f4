"""What goes wrong on the way to a board, each in one line that says what to do.

LinkLost where trying again may help (a network, a board that restarts), plain DeviceError where somebody has to act
first. The texts are those of OpenSSH 7.6 to 10 (ssh.c, sshconnect2.c, packet.c, clientloop.c, mux.c; remembered, and
most of them seen with 9.2 in tests).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.transports.adb_errors import said
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.collectors.transports.ssh_address import Address
from edgewatt.profiler.errors import DeviceError


@dataclass(frozen=True, slots=True)
class _Rule:
    """What ssh says, what it means, and what to do; `{typed}` is the command that connects by hand."""

    text: re.Pattern[str]
    meaning: str
    fix: str
    may_pass: bool = False


def _rule(text: str, meaning: str, fix: str, *, may_pass: bool = False) -> _Rule:
    return _Rule(re.compile(text, re.IGNORECASE), meaning, fix, may_pass)


# The first that one of the lines matches; what comes with others of them is further down.
_RULES: Final = (
    _rule(
        r"REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key is not the one that is known",
        "if the board was installed anew, `ssh-keygen -R {known}` and then `{typed}` once by hand; else somebody "
        "answers in its place",
    ),
    _rule(
        r"Host key verification failed|No \S+ host key is known for|host key is not cached",
        "its host key is not known yet",
        "connect once by hand, `{typed}`, compare the fingerprint and answer yes",
    ),
    _rule(
        r"Too many authentication failures",
        "it refused after too many keys",
        "name the right one in ~/.ssh/config (IdentityFile, IdentitiesOnly yes)",
    ),
    _rule(
        r"Permission denied(?: \(|,)",
        "it does not let this user in without a question",
        "put a key there, `ssh-copy-id {copied}`, and into the agent if it has a passphrase (`ssh-add`); `{typed}` "
        "must work without being asked anything",
    ),
    _rule(
        r"agent refused operation|agent has no identities",
        "the agent does not sign with the key",
        "unlock or touch it, or `ssh-add` again",
    ),
    _rule(
        r"Temporary failure in name resolution",
        "no name server answers",
        "is the network up? Or give its address",
        may_pass=True,
    ),
    _rule(
        r"Could not resolve hostname|Name or service not known",
        "no host of this name is known",
        "expected a name, an address, or a Host of ~/.ssh/config",
    ),
    _rule(
        r"Connection refused",
        "no SSH server listens there",
        "is it the right port, and sshd started on the board (`sudo systemctl enable --now ssh`)?",
        may_pass=True,
    ),
    _rule(
        r"timed out|No route to host|Network is unreachable|Host is down",
        "it does not answer",
        "is it on, and in this network?",
        may_pass=True,
    ),
    _rule(
        r"no matching (?:host key type|key exchange method|cipher|MAC) found",
        "it and this computer's ssh know no common method",
        "allow an older one for it in ~/.ssh/config, such as HostKeyAlgorithms +ssh-rsa",
    ),
    _rule(
        r"Bad (?:owner or permissions|configuration option)|terminating, \d+ bad configuration|percent_expand",
        "this computer's ssh refuses its own configuration",
        "mend ~/.ssh/config until `{typed}` works",
    ),
    _rule(
        r"session request failed|open failed: administratively prohibited|Session open refused",
        "it opens no further session",
        "raise MaxSessions in the board's sshd_config, or end others",
    ),
    _rule(
        r"account is currently not available|nologin|shell request failed",
        "this user has no shell there",
        "name another user",
    ),
    _rule(
        r"Connection (?:to \S+ )?(?:was )?(?:closed|reset)|kex_exchange_identification|Broken pipe"
        r"|closed by remote host|not responding|Connection to \S+ port",
        "the connection ended",
        "is the board still on, and its network?",
        may_pass=True,
    ),
)


def failed(address: Address, text: str, *, begun: bool = False) -> DeviceError:
    """Why ssh ended, by what it printed (any text); `begun` if there was a connection before."""
    lines = list(_lines(text))
    for rule in _RULES:
        seen = next((one for one in lines if rule.text.search(one)), None)
        if seen is not None:
            return _error(address, rule, seen)
    reason = f" (it said {said(lines[-1])!r})" if lines else ""
    if begun:
        return LinkLost(f"{address.text}: the connection ended{reason}; is the board still on, and its network?")
    return LinkLost(f"{address.text}: ssh did not connect{reason}; `{address.typed}` must work by hand first")


def no_answer(address: Address, timeout_s: float, text: str = "") -> LinkLost:
    """It neither connected nor failed."""
    lines = list(_lines(text))
    reason = f" (it said {said(lines[-1])!r})" if lines else ""
    return LinkLost(
        f"{address.text}: it did not answer within {timeout_s:g} s{reason}; is it on, and in this network? "
        f"`{address.typed}` must work by hand"
    )


def no_program(error: OSError) -> DeviceError:
    """There is no ssh here."""
    return DeviceError(
        f"cannot start ssh on this computer: {(error.strerror or str(error)).lower()}; install OpenSSH's client "
        "(Debian: openssh-client)"
    )


def not_copied(what: str, text: bytes) -> DeviceError:
    """A push or a pull failed on the board."""
    reason = said(text)
    fix = ""
    if "No space left" in reason or "quota" in reason:
        fix = "; free some of its storage"
    elif "Permission denied" in reason or "Read-only" in reason:
        fix = "; this user may not do that, /tmp is a place where it may"
    return DeviceError(f"cannot {what}: {reason or 'the board gave no reason'}{fix}")


def _error(address: Address, rule: _Rule, seen: str) -> DeviceError:
    port = address.port
    known = address.host if port in (None, 22) else f"'[{address.host}]:{port}'"
    copied = f"{'' if port is None else f'-p {port} '}{address.destination}"
    fix = rule.fix.format(typed=address.typed, known=known, copied=copied)
    kind = LinkLost if rule.may_pass else DeviceError
    return kind(f"{address.text}: {rule.meaning} ({said(seen)}); {fix}")


def _lines(text: str) -> Iterator[str]:
    """What was said, without the frames around warnings."""
    return (line.strip() for line in text[-8192:].splitlines() if line.strip(" @\t\r"))
