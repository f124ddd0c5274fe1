"""Tables as Markdown: names are text, never markup."""

from __future__ import annotations

import re
from collections.abc import Sequence

_MARKS = re.compile(r"([\\|`*_\[\]<>&])")


def cell(text: str) -> str:
    """Returns text that Markdown shows as it is: marks are escaped, line breaks are spaces."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def markdown_table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Returns a pipe table whose columns are padded; cells are Markdown already, the first column is left."""
    wide = [max(3, *(len(row[i]) for row in [head, *body])) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(cells, wide, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(wide)]
    return "\n".join([line(head), f"| {' | '.join(rule)} |", *map(line, body)])
