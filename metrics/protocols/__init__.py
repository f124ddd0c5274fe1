"""The protocols: what is aligned, averaged and counted; one file each, third parties' by entry point."""

from __future__ import annotations

from handbench.metrics.protocols.base import Protocol
from handbench.registry import Registry

PROTOCOLS: Registry[type[Protocol]] = Registry("protocol", "handbench.protocols")
PROTOCOLS.register("ho3d_v2", "handbench.metrics.protocols.ho3d:Ho3dV2")
PROTOCOLS.register("ho3d_v3", "handbench.metrics.protocols.ho3d:Ho3dV3")
PROTOCOLS.register("interhand", "handbench.metrics.protocols.interhand:InterHand")
PROTOCOLS.register("interhand_intag", "handbench.metrics.protocols.interhand_intag:InterHandIntag")
PROTOCOLS.register("hic", "handbench.metrics.protocols.hic:Hic")
PROTOCOLS.register("aih", "handbench.metrics.protocols.aih:Aih")


def open_protocol(text: str) -> Protocol:
    """Makes a protocol of its id: a name, or a name with options, ``ho3d_v2/root=gt/tips=ho3d``.

    Raises:
        HandbenchError: for an unknown name, an unknown option (with the nearest known one), or a value that
            an option does not take.
    """
    from handbench.config import build
    from handbench.errors import HandbenchError
    from handbench.options import typed

    name, *words = text.strip("/").split("/")
    kind = PROTOCOLS.get(name)
    settings: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key or not value:
            raise HandbenchError(f"cannot read {word!r} of protocol {text!r}", "write NAME/option=value/...")
        settings[key] = value
    return kind(build(kind.options_type, typed(kind.options_type, settings)))
