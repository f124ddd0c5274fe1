"""Files of the board are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from handbench.errors import HandbenchError


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file under a temporary name beside it, then renames it; its folder is made.

    Raises:
        HandbenchError: when it cannot be written there.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        if path.parent.is_dir():
            temporary.unlink(missing_ok=True)
        raise HandbenchError(f"cannot write {path}: {error.strerror}", "choose another place") from None
