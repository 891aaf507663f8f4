"""The one place where TensorFlow is imported, and only when a network is to be made."""

import os
from importlib import import_module
from typing import Any

from edgewatt.profiler.errors import UsageError


def load_tensorflow() -> Any:
    """The module `tensorflow`, quiet. Raises UsageError in one line if it is not there or does not load."""
    # Its C++ side reads these once, at import: 3 leaves fatal errors; oneDNN's sums depend on the machine.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        return import_module("tensorflow")
    except ImportError as error:
        raise UsageError(
            f"networks are made with TensorFlow, which cannot be imported here ({error}); install it with "
            "`pip install 'edgewatt[zoo]'`"
        ) from None


def without_variables(function: Any) -> Any:
    """A concrete function with its variables folded into it as constants; it gives a list."""
    return import_module("tensorflow.python.framework.convert_to_constants").convert_variables_to_constants_v2(function)
