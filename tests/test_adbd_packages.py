"""Where the peer's packages come from, and why it is skipped where they cannot be had."""

from pathlib import Path

import pytest

from tests.adbd import packages, running
from tests.adbd.packages import Unavailable, sources
from tests.adbd.running import StartPhone

pytest_plugins = ["tests.adbd.fixtures"]

DEB822 = """\
Types: deb
# a comment
URIs: https://mirror.invalid/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/some.gpg

Types: deb
URIs: https://mirror.invalid/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: https://other.invalid/tool
Suites: nodistro
Components: main
"""


def apt(folder: Path, **files: str) -> Path:
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        kind = name.rpartition("_")[2]
        (folder / "sources.list.d" / f"{name}.{kind}").write_text(text)
    return folder


def test_the_machines_own_archive_is_asked_for_trixie(tmp_path: Path) -> None:
    assert sources(apt(tmp_path, debian_sources=DEB822)) == (
        "Types: deb\nURIs: https://mirror.invalid/debian\nSuites: trixie\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/some.gpg\n"
    )


def test_a_key_within_the_entry_is_kept(tmp_path: Path) -> None:
    key = "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n -----END PGP PUBLIC KEY BLOCK-----"
    entry = f"Types: deb deb-src\nURIs: https://mirror.invalid/debian\nSuites: sid\nComponents: main\n{key}\n"
    assert "\n .\n mDME\n" in sources(apt(tmp_path, debian_sources=entry))


def test_entries_of_one_line(tmp_path: Path) -> None:
    text = (
        "# deb https://old.invalid/debian bullseye main\n"
        "deb [arch=amd64 signed-by=/k.gpg] https://mirror.invalid/debian stable main contrib\n"
        "deb-src https://source.invalid/debian stable main\n"
        "deb https://other.invalid/tool focal main\n"
    )
    said = sources(apt(tmp_path, debian_list=text))
    assert said.count("Types: deb") == 1
    assert "URIs: https://mirror.invalid/debian\nSuites: trixie" in said
    assert "Signed-By: /k.gpg" in said


@pytest.mark.parametrize("text", ["", DEB822.split("\n\n")[2], DEB822.replace("Types: deb", "Enabled: no\nTypes: deb")])
def test_without_debian_it_is_unavailable(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unavailable, match="no entry for Debian"):
        sources(apt(tmp_path, debian_sources=text))


def test_without_apt_it_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="apt-get is not installed"):
        packages.unpacked(tmp_path)


def test_what_is_unavailable_skips_with_its_reason(fresh_phone: StartPhone, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable() -> Path:
        raise Unavailable("this machine has no apt at all")

    monkeypatch.setattr(running, "unpacked", unavailable)
    with pytest.raises(pytest.skip.Exception, match="this machine has no apt at all"):
        fresh_phone("pixel")
