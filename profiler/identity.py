"""What makes two rows the same configuration, and two runs comparable: short hashes of sorted JSON."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG_KEYS = ("device_id", "model", "runtime", "target_asked", "precision", "threads", "batch", "frequency_hz")


def sha256_of_json(data: Mapping[str, Any]) -> str:
    """Hex SHA-256 of `data` as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def config_id(facts: Mapping[str, Any]) -> str:
    """First 12 hex digits of the SHA-256 of CONFIG_KEYS of `facts`: what was asked for, whatever came of it."""
    return sha256_of_json({key: facts[key] for key in CONFIG_KEYS})[:12]


def sha256_of_file(path: Path) -> str:
    """Hex SHA-256 of a file's content. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
