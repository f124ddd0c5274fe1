"""Which hand model InterHand2.6M's MANO records are read with."""

from __future__ import annotations

from collections.abc import Mapping

from handbench.errors import HandbenchError
from handbench.formats.interhand_layout import Files
from handbench.formats.interhand_write import MARK_SCHEMA
from handbench.formats.json_stream import read_small_json
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandModel
from handbench.types import Side


def choose_models(files: Files, spec: str) -> Mapping[Side, HandModel]:
    """Returns the models of both sides, or nothing where there are no records or no model is known.

    The official records are MANO's, fitted with mirrored left shape directions (issue 138). A made tree names
    its model in ``annotations/handbench.json``.

    Args:
        files: of the split.
        spec: ``procedural``, ``mano:DIR``, or empty: what the tree names.

    Raises:
        HandbenchError: when the model does not open, or is not the one that the tree names.
    """
    if not files.mano:
        return {}
    named = _named(files)
    if not spec:
        spec = "procedural" if named and named[0] == "procedural" else ""
    if not spec:
        return {}
    models = {side: load_hand_model(spec, side) for side in Side}
    if named and (models[Side.RIGHT].name, models[Side.RIGHT].sha256) != named:
        raise HandbenchError(
            f"{files.mark}: the MANO records belong to the {named[0]} hand {named[1][:12]}, "
            f"hand_model={spec} is {models[Side.RIGHT].sha256[:12]}",
            "make the tree again, or open it with the model that it names",
        )
    return models


def _named(files: Files) -> tuple[str, str] | None:
    if files.mark is None:
        return None
    content = read_small_json(files.mark, 1 << 16)
    if not isinstance(content, dict) or content.get("schema") != MARK_SCHEMA:
        raise HandbenchError(f"{files.mark}: expected schema {MARK_SCHEMA!r}", "update handbench")
    return str(content.get("hand_model")), str(content.get("sha256"))
