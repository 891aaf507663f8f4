"""Texts as tokens: by the tokenizer of a pretrained encoder, or by hashing words where there is none."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.errors import UsageError

Ints = NDArray[np.int64]
_WORD: Final = re.compile(r"\w+|[^\w\s]")
# Of hashed words: padding, the begin, the end of a text.
_PAD, _BEGIN, _END, _FIRST_WORD = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Tokens:
    """N texts of S tokens, padded: `ids`, `mask` (1: no padding), `kinds` (1: of the second text), (N, S) each.

    `starts` and `ends` are the characters of a token in the second text, from its first to one past its last; -1 for
    tokens that are not of it.
    """

    ids: Ints
    mask: Ints
    kinds: Ints
    starts: Ints
    ends: Ints


class Tokenise(Protocol):
    """Pairs of texts, the second of which may be blank, to tokens of one length; the second is cut where it has to."""

    def __call__(self, pairs: Sequence[tuple[str, str]], length: int) -> Tokens:
        """See the class."""
        ...


def hashed(vocabulary: int) -> Tokenise:
    """Words by their checksum: the same on every machine, and nothing has to be learnt or downloaded."""
    return partial(_all_hashed, vocabulary)


def _all_hashed(vocabulary: int, pairs: Sequence[tuple[str, str]], length: int) -> Tokens:
    rows = [_hashed(first, second, length, vocabulary) for first, second in pairs]
    ids, mask, kinds, starts, ends = np.array(rows, np.int64).transpose(1, 0, 2)
    return Tokens(ids, mask, kinds, starts, ends)


def _hashed(first: str, second: str, length: int, vocabulary: int) -> list[list[int]]:
    """A row each of ids, mask, kinds, starts and ends."""
    room = length - 2 - bool(second)
    words = [(m[0], -1, -1, 0) for m in _WORD.finditer(first)]
    others = [(m[0], m.start(), m.end(), 1) for m in _WORD.finditer(second)]
    words = words[: max(room - len(others), room // 2)]
    others = others[: room - len(words)]
    row = [(_BEGIN, 1, 0, -1, -1), *(_token(word, vocabulary) for word in words), (_END, 1, 0, -1, -1)]
    if second:
        row += [*(_token(word, vocabulary) for word in others), (_END, 1, 1, -1, -1)]
    row += [(_PAD, 0, 0, -1, -1)] * (length - len(row))
    return [list(column) for column in zip(*row, strict=True)]


def _token(word: tuple[str, int, int, int], vocabulary: int) -> tuple[int, int, int, int, int]:
    text, start, end, kind = word
    return _FIRST_WORD + crc32(text.lower().encode()) % (vocabulary - _FIRST_WORD), 1, kind, start, end


def of_folder(folder: Path) -> Tokenise:
    """The tokenizer of a Hugging Face model in a folder. Raises UsageError where there is none that can be read."""
    from transformers import AutoTokenizer  # noqa: PLC0415

    try:
        made = AutoTokenizer.from_pretrained(folder, local_files_only=True, use_fast=True)
    except Exception as error:  # noqa: BLE001  (of many kinds, from the depths of several libraries)
        raise UsageError(f"{folder}: its tokenizer cannot be read ({type(error).__name__}: {error})") from None
    if not made.is_fast:
        raise UsageError(f"{folder}: its tokenizer has no tokenizer.json, which says where a token is in its text")
    if made.pad_token is None:
        made.pad_token = made.eos_token
    if made.pad_token is None:
        raise UsageError(
            f"{folder}: its tokenizer has neither a pad_token nor an eos_token, with which texts are padded"
        )
    return partial(_tokens, made)


def _tokens(made: Any, pairs: Sequence[tuple[str, str]], length: int) -> Tokens:
    has_second = any(second for _, second in pairs)
    found = made(
        [first for first, _ in pairs],
        [second for _, second in pairs] if has_second else None,
        max_length=length,
        padding="max_length",
        truncation="longest_first",
        return_offsets_mapping=True,
    )
    of = np.array([[-1 if s is None else s for s in found.sequence_ids(k)] for k in range(len(pairs))], np.int64)
    offsets = np.array(found["offset_mapping"], np.int64)
    is_second = of == 1
    starts, ends = (np.where(is_second, offsets[:, :, side], -1) for side in (0, 1))
    ids, mask = (np.array(found[key], np.int64) for key in ("input_ids", "attention_mask"))
    return Tokens(ids, mask, np.asarray(is_second, np.int64), starts, ends)
