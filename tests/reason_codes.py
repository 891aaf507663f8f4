"""Which reason codes the tree emits: what its modules put where reasons go, found by reading them."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
CODE: Final = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
# Names under which reasons are kept or handed on, and functions that return them.
KEEPS: Final = re.compile(r"(.*_)?reasons?|remarks|slept|replaced|flags|partly")
GIVES: Final = re.compile(
    r"_?(reasons?(_of)?|remarks|count|why_not|how_far_delegated|uneven|of_idle|events|on_one_clock|summary|times_of|"
    r"stepped_between|undecided_gauge|of_repeat|config_reasons|read_marks|quality)"
)
# Within those, where they are collected.
COLLECTS: Final = frozenset({"found", "counts", "missing"})
# Texts in such places that are no codes.
NOT_CODES: Final = frozenset({"median", "mean", "reasons"})
# Expressions whose texts are those of what they are made of; of conditions that is what they choose from.
_MADE_OF: Final = (ast.IfExp, ast.BoolOp, ast.Tuple, ast.List, ast.Starred, ast.Dict, ast.BinOp, ast.Subscript)
_LOOPS: Final = (ast.ListComp, ast.GeneratorExp)


@cache
def tree(path: Path) -> ast.Module:
    """A module as Python reads it."""
    return ast.parse(path.read_text())


def files() -> list[Path]:
    """Every module that may emit a code; the table itself does not."""
    rooms = (ROOT / "profiler", ROOT / "collectors")
    return [file for room in rooms for file in sorted(room.rglob("*.py")) if "quality" not in file.parts]


def constants(path: Path) -> Mapping[str, str]:
    """The texts that a module has names for, its own and those that it imports from others of ours."""
    found: dict[str, str] = {}
    for node in tree(path).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("edgewatt."):
            source = ROOT / f"{(node.module or '').removeprefix('edgewatt.').replace('.', '/')}.py"
            theirs = own_constants(source) if source.is_file() else {}
            found |= {alias.asname or alias.name: theirs[alias.name] for alias in node.names if alias.name in theirs}
    return found | own_constants(path)


@cache
def own_constants(path: Path) -> dict[str, str]:
    """`NAME = "text"` and `A, B = "one", "two"`, with or without an annotation."""
    found: dict[str, str] = {}
    for node in tree(path).body:
        match node:
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                pairs = zip(names, values, strict=False)
            case ast.Assign(targets=[name], value=value) | ast.AnnAssign(target=name, value=ast.expr() as value):
                pairs = zip([name], [value], strict=True)
            case _:
                continue
        for name, value in pairs:
            if isinstance(name, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
                found[name.id] = value.value
    return found


def texts(node: ast.AST, named: Mapping[str, str]) -> Iterator[str]:
    """Every text that an expression may give: its own, those behind names, and how formatted ones begin."""
    match node:
        case ast.JoinedStr(values=[ast.FormattedValue(value=first), *_]) | ast.JoinedStr(values=[first, *_]):
            yield from texts(first, named)
        case ast.Constant(value=str(text)):
            yield text
        case ast.Name(id=name) if name in named:
            yield named[name]
        case ast.Call(func=ast.Name(id="tuple" | "list"), args=arguments):
            for argument in arguments:
                yield from texts(argument, named)
        case ast.AST() if isinstance(node, (*_MADE_OF, *_LOOPS)):
            test = getattr(node, "test", None)
            for child in ast.iter_child_nodes(node):
                if child is not test and not isinstance(child, ast.comprehension):
                    yield from texts(child, named)


def places(node: ast.AST) -> list[ast.expr]:
    """The expressions that a piece of a module puts where reasons go."""
    match node:
        case ast.Call(func=ast.Attribute(attr="append" | "extend", value=kept), args=given) if _keeps(kept):
            return given
        case ast.keyword(arg=str(name), value=given) if KEEPS.fullmatch(name):
            return [given]
        case ast.Assign(targets=[ast.Subscript(value=kept, slice=key)]) if _keeps(kept):
            return [key]
        case ast.Assign(targets=[kept], value=given) | ast.AugAssign(target=kept, value=given) if _keeps(kept):
            return [given]
        case ast.FunctionDef(name=name) if GIVES.fullmatch(name):
            return [expression for inner in ast.walk(node) for expression in _returned(inner)]
    return []


def _returned(node: ast.AST) -> list[ast.expr]:
    """Within a function that gives reasons: what it returns, and what it collects."""
    match node:
        case ast.Return(value=ast.expr() as given):
            return [given]
        case ast.Call(func=ast.Attribute(attr="append"), args=given):
            return given
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=given) | ast.AugAssign(target=ast.Name(id=name), value=given)
        ):
            return [given] if name in COLLECTS else []
    return []


def _keeps(node: ast.AST) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return KEEPS.fullmatch(name) is not None


def _speaks_of_reasons(path: Path) -> bool:
    """Reading a module as Python does takes ten times as long as reading its text."""
    text = path.read_text()
    return "reason" in text or "remarks" in text


def codes_in(path: Path) -> set[str]:
    """The codes that a module emits."""
    named = constants(path)
    given = [text for node in ast.walk(tree(path)) for place in places(node) for text in texts(place, named)]
    found = {text.partition(":")[0].strip() for text in given}
    return {code for code in found if CODE.fullmatch(code) and code not in NOT_CODES}


def codes() -> dict[str, set[str]]:
    """Every code that is emitted somewhere, with the modules that do."""
    found: dict[str, set[str]] = {}
    for path in filter(_speaks_of_reasons, files()):
        for code in codes_in(path):
            found.setdefault(code, set()).add(path.relative_to(ROOT).as_posix())
    return found
