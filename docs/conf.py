"""The documentation site, by Sphinx: `make docs`, where warnings are errors."""

import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "edgewatt"
author = "The edgewatt authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = "edgewatt"
html_show_copyright = False
exclude_patterns = ["_build", "__pycache__"]
# A docstring's `word` is code, and types are told by the signature.
default_role = "code"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
nitpicky = False


def setup(app: Any) -> None:
    """Write the generated pages before anything is read."""
    from generated_pages import write  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415

    app.connect("builder-inited", lambda _: write(HERE / "generated"))
