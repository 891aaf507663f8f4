"""The boards as pytest fixtures; the package's docstring says how they are used."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.adbd.packages import Unavailable
from tests.sshd.server import Board, StartBoard, serving


@pytest.fixture
def start_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartBoard]:
    """Starts boards of this test's own, options as of `serving`; `ssh` leads to the last one's configuration."""
    with ExitStack() as stack:

        def start(**options: Any) -> Board:
            try:
                board = stack.enter_context(serving(tmp_path / f"board{len(list(tmp_path.iterdir()))}", **options))
            except Unavailable as reason:
                pytest.skip(str(reason))
            monkeypatch.setenv("PATH", f"{board.folder / 'bin'}:{os.environ['PATH']}")
            return board

        yield start


@pytest.fixture(scope="session")
def shared_board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """One for many tests."""
    with ExitStack() as stack:
        try:
            board = stack.enter_context(serving(tmp_path_factory.mktemp("sshd") / "board"))
        except Unavailable as reason:
            pytest.skip(str(reason))
        yield board


@pytest.fixture
def board(shared_board: Board, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """One whose user has bash, its home empty and its configuration untouched; its connections end after the test."""
    monkeypatch.setenv("PATH", f"{shared_board.folder / 'bin'}:{os.environ['PATH']}")
    yield shared_board
    shared_board.cut()
    shared_board.reset()
