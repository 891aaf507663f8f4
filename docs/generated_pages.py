"""Pages of the site that are made from the code: a page for each device profile, the command line, the Python API."""

import inspect
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import edgewatt
from edgewatt import cli, device_profiles

PROFILES = Path(device_profiles.__file__).parent
# Tables of published testbeds, which no device is.
NO_DEVICES = ("published",)


def write(folder: Path) -> None:
    """All pages into `folder`, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "profiles").mkdir(parents=True)
    shown = list(_profiles())
    for profile in shown:
        (folder / "profiles" / f"{profile['name']}.md").write_text(_profile(profile))
    pages = "\n".join(profile["name"] for profile in sorted(shown, key=lambda one: (one["kind"], one["title"])))
    (folder / "profiles" / "index.md").write_text(f"# A page per device profile\n\n```{{toctree}}\n{pages}\n```\n")
    (folder / "command-line.md").write_text(_command_line())
    (folder / "api.md").write_text(_api())


def _profiles() -> Iterator[dict[str, Any]]:
    for path in sorted(PROFILES.rglob("*.toml")):
        if path.parent.name not in NO_DEVICES:
            found = tomllib.loads(path.read_text())
            yield {"title": path.stem, "kind": "meter", **found, "name": path.stem}


def _profile(profile: Mapping[str, Any]) -> str:
    sources = profile.get("sources", {})
    lines = [f"# {profile['title']}", ""]
    about = [f"`{profile['name']}`, a {profile['kind']}"]
    if "base" in profile:
        about.append(f"what is not said here is as in [{profile['base']}]({profile['base']}.md)")
    if "date" in profile:
        about.append(f"its sources were read on {profile['date']}")
    lines += ["; ".join(about) + ".", ""]
    facts = profile.get("facts", {})
    if facts:
        lines += ["| fact | value | source |", "|---|---|---|"]
        lines += [f"| `{key}` | {_cell(fact)} | {_source(fact, sources)} |" for key, fact in facts.items()]
        lines.append("")
    rails = profile.get("rails", {})
    if isinstance(rails, Mapping) and rails:
        lines += ["## Rails", "", "| rail | what is said of it |", "|---|---|"]
        lines += [f"| `{_text(name)}` | {_text(_words(rail, sources))} |" for name, rail in rails.items()]
        lines.append("")
    return "\n".join(lines)


def _cell(fact: Any) -> str:
    return _text(fact.get("value", "") if isinstance(fact, Mapping) else fact)


def _source(fact: Any, sources: Mapping[str, str]) -> str:
    said = str(fact.get("source", "")) if isinstance(fact, Mapping) else ""
    return _text(sources.get(said, said))


def _words(rail: Any, sources: Mapping[str, str]) -> str:
    if not isinstance(rail, Mapping):
        return str(rail)
    return "; ".join(
        f"{key}: {sources.get(value, value) if isinstance(value, str) else value}" for key, value in rail.items()
    )


def _text(value: Any) -> str:
    """As a cell of a table, none of it taken for markup."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>()#|!$~" else letter for letter in str(value)).replace(
        "\n", " "
    )


def _command_line() -> str:
    lines = ["# Command line", "", "As each verb's `--help` has it.", ""]
    for verb in cli.VERBS:
        parser = cli._parser(verb)
        table = next(action for action in parser._actions if action.dest == "verb")
        lines += [f"## {verb}", "", "```text", table.choices[verb].format_help().rstrip(), "```", ""]
    return "\n".join(lines)


def _api() -> str:
    lines = [
        "# Python",
        "",
        "What `import edgewatt` offers; each is loaded when it is first used.",
        "",
        "```{eval-rst}",
    ]
    for name, module in sorted(edgewatt._PUBLIC.items()):
        thing = getattr(import_module(module), name)
        kind = "autoclass" if inspect.isclass(thing) else "autofunction"
        lines += [f".. {kind}:: {module}.{name}", *(["   :members:"] if inspect.isclass(thing) else []), ""]
    return "\n".join([*lines, "```", ""])
