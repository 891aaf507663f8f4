"""shell_v2: any bytes, split anywhere, give the same pieces and never an error."""

from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.transports import shell_v2
from edgewatt.collectors.transports.shell_v2 import EXIT, STDERR, STDOUT, Decoder, packet


def joined(pieces: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Pieces of the same kind that follow each other, as one."""
    return [
        (kind, b"".join(piece for _, piece in group)) for kind, group in groupby(pieces, key=lambda piece: piece[0])
    ]


def decoded(*parts: bytes) -> list[tuple[int, bytes]]:
    decoder = Decoder()
    return [piece for part in parts for piece in decoder.feed(part)]


def test_a_packet_is_an_id_a_length_and_its_bytes() -> None:
    assert packet(shell_v2.STDIN, b"ls\n") == b"\x00\x03\x00\x00\x00ls\n"
    assert packet(shell_v2.CLOSE_STDIN) == b"\x04\x00\x00\x00\x00"


def test_what_adbd_sends_for_a_command() -> None:
    recorded = b"\x01\x03\x00\x00\x00hi\n\x02\x04\x00\x00\x00err\n\x03\x01\x00\x00\x00\x07"
    assert decoded(recorded) == [(STDOUT, b"hi\n"), (STDERR, b"err\n"), (EXIT, b"\x07")]


def test_nothing_is_held_back_of_a_packet_that_is_not_whole() -> None:
    decoder = Decoder()
    assert list(decoder.feed(b"\x01\xff\xff\xff\xffabc")) == [(STDOUT, b"abc")]
    assert list(decoder.feed(b"d" * 1000)) == [(STDOUT, b"d" * 1000)]


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=40)), max_size=8), st.data())
def test_packets_come_back_however_they_are_split(sent: list[tuple[int, bytes]], data: st.DataObject) -> None:
    wire = b"".join(packet(kind, payload) for kind, payload in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=10)))
    parts = [wire[a:b] for a, b in zip([0, *cuts], [*cuts, len(wire)], strict=True)]
    assert joined(decoded(*parts)) == joined([piece for piece in sent if piece[1]])


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_give_pieces_that_are_never_empty(parts: list[bytes]) -> None:
    pieces = decoded(*parts)
    assert all(piece for _, piece in pieces)
    assert joined(pieces) == joined(decoded(b"".join(parts)))
