"""What verification can say of an official AIH tree: files that lack their counterparts, unused recipes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from handbench.datasets import Finding
from handbench.formats.aih_plain import crop_files, render_files
from handbench.loaders.aih_plain_index import RenderGroup, SynGroup, stems
from handbench.types import Side

_KINDS = {
    "image": "picture of both hands", "target_image": "picture of the target alone", "amodal": "amodal mask",
    "visible": "mask rl_visible",
}  # fmt: skip


def audit_plain(groups: Sequence[RenderGroup | SynGroup]) -> Iterator[Finding]:
    """Gives one finding a folder and kind of file that is incomplete, with the first name that is missing."""
    for group in groups:
        if isinstance(group, RenderGroup):
            yield from _render(group)
        else:
            yield from _syn(group)


def _render(group: RenderGroup) -> Iterator[Finding]:
    files = {name: render_files(group.folder, group.side, "stem")[name] for name in _KINDS}
    there = {name: stems(path.parent, path.suffix) for name, path in files.items()}
    every = set.union(*there.values())
    for name, path in files.items():
        yield from _lacking(path, every - there[name], _KINDS[name])


def _syn(group: SynGroup) -> Iterator[Finding]:
    for side in Side:
        listed = {str(number) for number in group.numbers[side].tolist()}
        for name, path in crop_files(group.folder, side, 0).items():
            yield from _lacking(
                path,
                listed - stems(path.parent, path.suffix),
                _KINDS[name] if name == "amodal" else "picture",
            )
    if group.alone:
        what = f"{group.alone} of {len(group.table)} recipes have no partner"
        yield Finding("note", f"{group.branch} syn_cfgs", what, "they are left out, as by the authors")


def _lacking(path: Path, names: set[str], kind: str) -> Iterator[Finding]:
    if names:
        first = path.with_name(f"{min(names)}{path.suffix}")
        what = f"{len(names)} samples lack their {kind}"
        yield Finding("missing", str(first), what, "is the download complete?")
