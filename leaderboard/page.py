"""Writes the leaderboard's page: one HTML file with its data, style and script, which needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pandas

from handbench.leaderboard.files import write_whole
from handbench.leaderboard.page_data import page_data
from handbench.leaderboard.results import Result
from handbench.version import __version__

_SCRIPTS = ("dom.js", "plots.js", "tables.js", "details.js", "page.js")


def write_page(rows: pandas.DataFrame, results: Sequence[Result], path: Path) -> None:
    """Writes the page.

    Names, sources and remarks are text to the page and never markup, and its content security policy runs
    the page's own script alone and allows no request at all.

    Args:
        rows: with the columns of ``schema.COLUMNS``.
        results: of measured rows, for their curves and provenance; rows without one show without.
        path: of the HTML file; its folder is made where there is none.

    Raises:
        HandbenchError: when it cannot be written there.
    """
    write_whole(path, render_page(page_data(rows, results)).encode())


def render_page(data: dict[str, Any]) -> str:
    """Returns the page of what :func:`page_data` gives."""
    import jinja2
    from markupsafe import Markup

    style = "\n" + _template("page.css")
    script = "\n" + "\n".join(_template(name) for name in _SCRIPTS)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_template("page.html.j2")).render(
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        data=Markup(script_json(data)),
        version=__version__,
        rows=data["rows"],
        models=len({entry["model"] for table in data["tables"] for entry in table["entries"]}),
        newest=data["newest"],
    )


def script_json(value: Any) -> str:
    """Returns JSON that is safe inside a script element: no ``<``, ``>`` or ``&`` is left in it.

    So neither ``</script>`` nor ``<!--`` can end or change the element, whatever a name holds.
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _policy(style: str, script: str) -> str:
    """Returns a content security policy that names this style and this script by hash, and nothing else."""
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _template(name: str) -> str:
    return resources.files("handbench.leaderboard").joinpath("templates", name).read_text(encoding="utf-8")
