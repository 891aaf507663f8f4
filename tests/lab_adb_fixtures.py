"""Connections that end with the test, as a pytest plugin."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.lab_adb import NEW, Client, Dial, connect


@pytest.fixture
def dial() -> Iterator[Dial]:
    """Makes connections to a port: `dial(port, version, timeout_s)`."""
    with ExitStack() as stack:

        def connected(port: int, version: int = NEW, timeout_s: float = 10.0) -> Client:
            client = connect(port, version, timeout_s)
            stack.callback(client.close)
            return client

        yield connected
