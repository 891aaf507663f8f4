"""The phones as pytest fixtures; the package's docstring says how they are used."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.adbd.bridge import Answer, Bridge, StartBridge, bridging
from tests.adbd.packages import Unavailable
from tests.adbd.running import PeerPhone, StartPhone, start
from tests.adbd.server import AdbServer, serving


def _start(name: str, **options: object) -> PeerPhone:
    try:
        return start(name, **options)  # type: ignore[arg-type]
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def shared_phones() -> Iterator[Callable[[str], PeerPhone]]:
    """One phone per personality, started when it is first asked for; its files change again if they were held."""
    phones: dict[str, PeerPhone] = {}
    with ExitStack() as stack:

        def shared(name: str) -> PeerPhone:
            if name in phones:
                phones[name].go_on()
            else:
                phones[name] = _start(name)
                stack.callback(phones[name].close)
            return phones[name]

        yield shared


def _shared(name: str) -> Callable[[Callable[[str], PeerPhone]], Iterator[PeerPhone]]:
    @pytest.fixture(name=name)
    def phone(shared_phones: Callable[[str], PeerPhone]) -> Iterator[PeerPhone]:
        found = shared_phones(name)
        yield found
        found.reset()
        found.hold()  # what nobody looks at costs nothing

    return phone


pixel = _shared("pixel")
xiaomi_ma = _shared("xiaomi_ma")
adreno = _shared("adreno")
samsung = _shared("samsung")


@pytest.fixture
def fresh_phone() -> Iterator[StartPhone]:
    """Starts phones of this test's own: `fresh_phone("pixel", tmp_size_b=2 << 20)`."""
    with ExitStack() as stack:

        def fresh(name: str, **options: object) -> PeerPhone:
            phone = _start(name, **options)
            stack.callback(phone.close)
            return phone

        yield fresh


@pytest.fixture(scope="session")
def adb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdbServer]:
    """An adb server of the session's own; `adb_server.connect(phone)` gives the serial."""
    home: Path = tmp_path_factory.mktemp("adb-home")
    try:
        with serving(home) as server:
            yield server
    except Unavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def bridge(adb_server: AdbServer) -> Iterator[StartBridge]:
    """Starts what wants a key in front of a phone: `bridge(pixel, "accept")`, or "refuse", or "wait"."""
    with ExitStack() as stack:

        def start_bridge(phone: PeerPhone, answer: Answer = "accept") -> Bridge:
            try:
                return stack.enter_context(bridging(adb_server, phone, answer))
            except Unavailable as reason:
                pytest.skip(str(reason))

        yield start_bridge
