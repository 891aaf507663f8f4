"""Operator tables that benchmark_model prints with --enable_op_profiling=true; columns are known by their headers.

Layout: tsl/util/stats_calculator.cc and tflite/profiling/profile_summary_formatter.cc. Two blocks (initialisation;
regular runs), each with a table per subgraph and perhaps one of a delegate's inside; of each table only "Run Order"
lists every node. Separated by tabs, by blanks where a text was copied, or by commas in CSV mode, which puts tabs for
the commas of a name. Times are in ms, memory in 1000 bytes.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from edgewatt.collectors.runtimes.benchmark_model.lines import number

INIT, RUN = "init", "run"
INSIDE_DELEGATE: Final = "delegate"
ROW_LIMIT: Final = 50_000
TABLE_LIMIT: Final = 64
# Into how many cells the separator may break the type of a node (assumed; `Convolution (NHWC, F32) IGEMM` has 4).
TYPE_CELLS: Final = 32

_BLOCK: Final = re.compile(r"(Profiling Info for Benchmark Init)|(?:Operator-wise )?Profiling Info")
_GRAPH: Final = re.compile(r"Primary graph|Subgraph \(index: ([0-9]{1,6})|(Delegate internal)")
_TITLE: Final = re.compile(r"={5,80} ([A-Z][a-z]+(?: [A-Za-z]+){0,5}) ={5,80}")
_NODES: Final = re.compile(r"Number of nodes executed: ([0-9]{1,9})|([0-9]{1,9}) nodes observed")
_HEADER_CELL: Final = re.compile(r"\[([^\[\]]{1,20})\]")
_NODE: Final = re.compile(r":([0-9]{1,9})$")
_CELL: Final = re.compile(r"[-+]?(?:[0-9]{1,18}(?:\.[0-9]{1,18})?(?:e[-+]?[0-9]{1,3})?|nan|inf)(%?)")
_RUN_ORDER: Final = "Run Order"
# From ms to s, from 1000 bytes to bytes.
_SHIFTS: Final = {"start": -3, "first": -3, "avg ms": -3, "mem kb": 3}
_FIRST, _LAST = "node type", "name"


@dataclass(frozen=True, slots=True)
class OpRow:
    """One node, in order of execution. `latency_s` is the mean over the runs, None if the tool gave no time.

    `name` is as printed, such as `[conv/Relu]:3`; `node` is its number there.
    """

    index: int
    op: str
    name: str
    latency_s: float | None
    first_s: float | None = None
    start_s: float | None = None
    memory_b: int | None = None
    times_called: int | None = None

    @property
    def tensors(self) -> str:
        """The names of the outputs, without brackets and the node's number."""
        return _NODE.sub("", self.name).removeprefix("[").removesuffix("]")

    @property
    def node(self) -> int | None:
        """The node's number in the graph, or in the delegate."""
        found = _NODE.search(self.name)
        return None if found is None else int(found[1])


@dataclass(frozen=True, slots=True)
class OpTable:
    """The nodes of one graph in one block. `phase` is INIT or RUN.

    `graph` is empty for the main graph, `subgraph N` for others, INSIDE_DELEGATE for what a delegate did inside.
    `nodes` is how many the tool says it saw.
    """

    phase: str
    graph: str
    rows: tuple[OpRow, ...]
    nodes: int | None = None

    @property
    def whole(self) -> bool:
        """Every node that the tool saw has its row."""
        return self.nodes == len(self.rows)


def run_rows(tables: Iterable[OpTable]) -> tuple[tuple[str, OpRow], ...]:
    """(graph, row) of the main graph in the regular runs, in order of execution.

    The time of other subgraphs, and of what a delegate did inside, is in the node that calls them: with their rows the
    sum would count it twice.
    """
    rows = [(table.graph, row) for table in tables if table.phase == RUN and not table.graph for row in table.rows]
    return tuple((graph, replace(row, index=index)) for index, (graph, row) in enumerate(rows))


def without_times(tables: Iterable[OpTable]) -> tuple[OpTable, ...]:
    """The same rows, for a tool that printed cycles where it says ms."""
    return tuple(
        replace(table, rows=tuple(replace(row, latency_s=None, first_s=None, start_s=None) for row in table.rows))
        for table in tables
    )


@dataclass(slots=True)
class _Open:
    phase: str
    graph: str
    rows: list[OpRow] = field(default_factory=list)
    nodes: int | None = None


class TableReader:
    """Collects tables from lines as they come; memory is bounded by TABLE_LIMIT and ROW_LIMIT."""

    def __init__(self) -> None:
        self._tables: list[_Open] = []
        self._phase, self._graph = RUN, ""
        self._columns: tuple[str, ...] = ()
        self._separator: str | None = None
        self._listing = False

    def hear(self, text: str, *, ended: bool) -> bool:
        """Note a line without its prefixes; False if it belongs to no table."""
        if not text:
            self._columns = ()
            return False
        if self._columns and self._listing and ended and self._row(text):
            return True
        return self._heading(text)

    @property
    def tables(self) -> tuple[OpTable, ...]:
        """What was collected up to now."""
        return tuple(OpTable(t.phase, t.graph, tuple(t.rows), t.nodes) for t in self._tables)

    def _heading(self, text: str) -> bool:
        if found := _TITLE.fullmatch(text):
            self._title(found[1])
        elif _columns_of(text) is not None:
            self._columns, self._separator = _columns_of(text) or ((), None)
        elif found := _BLOCK.match(text):
            self._phase, self._graph, self._listing = INIT if found[1] else RUN, "", False
        elif found := _GRAPH.match(text):
            self._graph = f"subgraph {int(found[1] or 0)}" if int(found[1] or 0) else ""
            self._graph = INSIDE_DELEGATE if found[2] else self._graph
        elif found := _NODES.fullmatch(text):
            if self._tables and self._tables[-1].nodes is None:
                self._tables[-1].nodes = int(found[1] or found[2])
        else:
            return False
        return True

    def _title(self, title: str) -> None:
        self._columns = ()
        self._listing = title == _RUN_ORDER and len(self._tables) < TABLE_LIMIT
        if self._listing:
            self._tables.append(_Open(self._phase, self._graph))

    def _row(self, text: str) -> bool:
        rows = self._tables[-1].rows
        row = parse_row(text, self._columns, self._separator, len(rows))
        if row is None:
            return False
        if len(rows) < ROW_LIMIT:
            rows.append(row)
        return True


def _columns_of(text: str) -> tuple[tuple[str, ...], str | None] | None:
    """The columns that a header names, and what separates the cells below it (None: any space)."""
    lower = text.lower()
    if lower.startswith(f"[{_FIRST}]"):
        names: Sequence[str] = _HEADER_CELL.findall(lower)
        separator = "\t" if "\t" in text else None
    elif lower.startswith(f"{_FIRST},"):
        names, separator = lower.split(","), ", " if ", " in text else ","
    else:
        return None
    return tuple(name.strip().replace("_", " ") for name in names), separator


def parse_row(text: str, columns: Sequence[str], separator: str | None, index: int) -> OpRow | None:
    """The row below a header with these columns, the node's type first and its name last; None if it is none."""
    if len(columns) < 3 or columns[-1] != _LAST:
        return None
    cells = text.split(separator) if separator else text.split()
    middle = columns[1:-1]
    for at in range(1, min(len(cells) - len(middle), TYPE_CELLS)):
        values = _values(middle, cells[at : at + len(middle)])
        if values is not None:
            glue = separator or " "
            name = glue.join(cells[at + len(middle) :]).strip()
            name = name.replace("\t", ",") if separator != "\t" else name
            return _made(index, glue.join(cells[:at]).strip(), name, values) if name else None
    return None


def _values(columns: Sequence[str], cells: Sequence[str]) -> dict[str, float | None] | None:
    """The numbers in the cells; None if one cannot be of its column, so that no cell is taken for another."""
    values: dict[str, float | None] = {}
    for column, cell in zip(columns, cells, strict=True):
        shown = cell.strip()
        found = _CELL.fullmatch(shown)
        if found is None or bool(found[1]) != column.endswith("%"):
            return None
        values[column] = number(shown, _SHIFTS.get(column, 0))
    return values


def _made(index: int, op: str, name: str, values: dict[str, float | None]) -> OpRow:
    memory, called = values.get("mem kb"), values.get("times called")
    return OpRow(
        index,
        op,
        name,
        values.get("avg ms"),
        values.get("first"),
        values.get("start"),
        None if memory is None else round(memory),
        None if called is None else int(called),
    )
