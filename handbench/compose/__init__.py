"""Cut-outs and a row of the recipe table to a sample: AIH_Syn, composed here and nowhere else."""

from handbench.compose.composer import Composed, Masks, compose, compose_masks
from handbench.compose.cutout import Cutout, cutout_of
from handbench.compose.paste import ALONE, Paste, paste_fields, paste_of

__all__ = [
    "ALONE",
    "Composed",
    "Cutout",
    "Masks",
    "Paste",
    "compose",
    "compose_masks",
    "cutout_of",
    "paste_fields",
    "paste_of",
]
