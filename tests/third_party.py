"""A third party's package, made of a document's code, as pip would install it."""

from __future__ import annotations

import re
from pathlib import Path


def install(folder: Path, text: str, name: str, group: str) -> str:
    """Makes ``my_package`` with the module ``name`` and its entry point of a group; returns the code.

    Args:
        folder: goes on the path.
        text: Markdown: the first Python block is the module, ``name = "..."`` the entry point.
        name: of module and entry point.
        group: of entry points.
    """
    code, entry = re.search(r"```python\n(.*?)```", text, re.DOTALL), re.search(rf'{name} = "(.*?)"', text)
    assert code is not None and entry is not None
    package, info = folder / "my_package", folder / "my_package-1.0.dist-info"
    package.mkdir(parents=True)
    info.mkdir()
    (package / "__init__.py").touch()
    (package / f"{name}.py").write_text(code[1])
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my_package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{name} = {entry[1]}\n")
    return code[1]
