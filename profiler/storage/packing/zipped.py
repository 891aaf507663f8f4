"""A zip whose bytes depend on what is in it and on nothing else: sorted, stamped 1980, of nobody."""

import shutil
import zipfile
from pathlib import Path
from typing import Final

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o100644 << 16
_LEVEL: Final = 6
# Already compressed; a second time takes time and gains nothing.
_STORED: Final = ".parquet"
_CHUNK_B: Final = 1 << 20
_UNIX: Final = 3


def write_zip(folder: Path, output: Path, top: str) -> None:
    """All files below `folder` as `top/...` in the zip `output`. Raises OSError."""
    files = sorted((file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if file.is_file())
    with zipfile.ZipFile(output, "w") as packed:
        for name, file in files:
            info = zipfile.ZipInfo(f"{top}/{name}", _EPOCH)
            info.create_system, info.external_attr = _UNIX, _MODE
            info.compress_type = zipfile.ZIP_STORED if file.suffix == _STORED else zipfile.ZIP_DEFLATED
            info._compresslevel = _LEVEL  # type: ignore[attr-defined]  # noqa: SLF001  (public only from 3.13 on)
            info.file_size = file.stat().st_size
            with file.open("rb") as source, packed.open(info, "w") as target:
                shutil.copyfileobj(source, target, _CHUNK_B)
