"""The differentiable hand: ``smplx.MANO`` fed from a model's arrays, for training and for checks."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from handbench.hands.model import OPENPOSE21_FROM_MANO, HandModel
from handbench.skeleton import tip_vertices
from handbench.types import Side

if TYPE_CHECKING:
    import torch


class TorchHand(NamedTuple):
    """Posed hands as tensors.

    Attributes:
        vertices: (N, 778, 3) [m].
        joints16: (N, 16, 3) [m], MANO16.
        joints21: (N, 21, 3) [m], OPENPOSE21.
    """

    vertices: torch.Tensor
    joints16: torch.Tensor
    joints21: torch.Tensor


class TorchHandLayer:
    """Poses hands with ``smplx.MANO``; gradients flow to every parameter.

    Pose is axis-angle with ``flat_hand_mean=True`` and no PCA, as everywhere in handbench.

    Args:
        model: the hand model.
        dtype: ``torch.float32`` or ``torch.float64``; float32 by default.
        device: where the arrays live.
        tips: the fingertip set of :data:`handbench.skeleton.TIP_SETS`.
    """

    def __init__(
        self,
        model: HandModel,
        dtype: torch.dtype | None = None,
        device: str | torch.device = "cpu",
        tips: str = "smplx",
    ) -> None:
        import torch

        self.model = model
        self.module = _make_smplx(model, dtype or torch.float32).to(device)
        self._tips = torch.as_tensor(tip_vertices(tips, model.side), device=device)
        self._order = torch.as_tensor(OPENPOSE21_FROM_MANO, device=device)

    def __call__(self, pose: torch.Tensor, betas: torch.Tensor, transl: torch.Tensor) -> TorchHand:
        """Poses N hands.

        Args:
            pose: (N, 48) axis-angle [rad], root first.
            betas: (N, 10).
            transl: (N, 3) [m].
        """
        import torch

        out = self.module(
            global_orient=pose[:, :3], hand_pose=pose[:, 3:], betas=betas, transl=transl, return_verts=True
        )
        sources = torch.cat([out.joints, out.vertices[:, self._tips]], dim=1)
        return TorchHand(out.vertices, out.joints, sources[:, self._order])


def _make_smplx(model: HandModel, dtype: torch.dtype) -> Any:
    import smplx
    from smplx.utils import Struct

    data = Struct(
        v_template=model.v_template,
        shapedirs=model.shapedirs,
        posedirs=model.posedirs,
        J_regressor=model.J_regressor,
        weights=model.weights,
        f=model.faces.astype(np.int64),
        kintree_table=np.array([[2**32 - 1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14], range(16)]),
        hands_components=model.hands_components,
        hands_mean=model.hands_mean,
    )
    # smplx prints a warning about 300 betas for every MANO model.
    with contextlib.redirect_stdout(io.StringIO()):
        return smplx.MANO(
            "",
            data_struct=data,
            is_rhand=model.side is Side.RIGHT,
            use_pca=False,
            flat_hand_mean=True,
            dtype=dtype,
        )
