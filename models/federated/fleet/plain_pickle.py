"""Pickles of plain values: dictionaries, lists, texts and numbers. Anything else is refused before it is made.

A pickle is a program. Of its operations only those are known here that make such values, so that nothing is imported or
called, whatever is in it. It is read by Python's own reader in Python: that in C takes memory for a number in the file.
"""

import io
import pickle
import struct
from collections.abc import Callable
from typing import Any, ClassVar, Final, NoReturn

from edgewatt.profiler.errors import UsageError

_PLAIN: Final = (
    "PROTO FRAME STOP MARK POP POP_MARK DUP NONE NEWFALSE NEWTRUE INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT "
    "BINFLOAT UNICODE BINUNICODE BINUNICODE8 SHORT_BINUNICODE STRING BINSTRING SHORT_BINSTRING EMPTY_DICT DICT SETITEM "
    "SETITEMS EMPTY_LIST LIST APPEND APPENDS GET BINGET LONG_BINGET PUT BINPUT LONG_BINPUT MEMOIZE"
)
_EXPECTED: Final = "expected a pickle of dictionaries, lists, texts and numbers alone"
_BROKEN: Final = (
    pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError, AttributeError, ArithmeticError, struct.error,
    RecursionError, MemoryError,
)  # fmt: skip
_Python: Final[Any] = pickle._Unpickler  # noqa: SLF001  (documented nowhere, there since Python 3.0)


class _NotPlainError(Exception):
    """An operation that is not for plain values."""


def _refuser(name: str) -> Callable[[Any], NoReturn]:
    def refuse(_reader: Any) -> NoReturn:
        raise _NotPlainError(name)

    return refuse


class _Plain(_Python):  # type: ignore[misc]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **{code: _refuser(f"operation {code:#04x}") for code in range(256)},
        **{
            getattr(pickle, name)[0]: _refuser(name)
            for name in pickle.__all__
            if isinstance(getattr(pickle, name), bytes) and len(getattr(pickle, name)) == 1
        },
        **{getattr(pickle, name)[0]: _Python.dispatch[getattr(pickle, name)[0]] for name in _PLAIN.split()},
    }

    def find_class(self, module: str, name: str) -> NoReturn:
        raise _NotPlainError(f"{module}.{name}")


def plain_pickle(raw: bytes, where: str) -> Any:
    """The value that is pickled in `raw`; `where` is what errors call it. Raises UsageError for what is not plain."""
    try:
        return _Plain(io.BytesIO(raw), encoding="latin-1").load()
    except _NotPlainError as error:
        raise UsageError(
            f"{where}: its pickle has {error}, which makes more than plain values; {_EXPECTED}. It was not executed"
        ) from None
    except _BROKEN as error:
        raise UsageError(f"{where}: no pickle, or a broken one ({type(error).__name__}); {_EXPECTED}") from None
