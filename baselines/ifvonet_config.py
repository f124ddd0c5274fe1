"""The settings of IFVONet, HandOccNet and HandOcc(V): one record from which every network here is built.

Where the paper leaves something open, the default is that of docs/ifvonet.md, which also says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handbench.errors import HandbenchError

SIZE_STEP = 32
"""Pictures are a multiple of this: c5 has 1/32 of their side."""


@dataclass(frozen=True)
class IFVONetConfig:
    """Settings of a network.

    Sections are those of the IFVONet paper unless another one is named.

    Attributes:
        family: ``ifvonet``, or ``handoccnet`` (gate, FIT, SET, head).
        size: side of the crop [px] (IV-A).
        frames: pictures that are seen: the current one and earlier ones.
        prev_gap: frames of the video between two of them; not stated, 1 = adjacent.
        prev_crop: earlier frames are cut by the ``same`` affine or each about its ``own`` box; not stated.
        prev_frame: a prediction sees earlier frames of the ``video``, or in their place the current one,
            ``repeated``: the control for what it has from motion. Training always sees the video.
        sides: hands that are cut out; with ``both``, left ones are shown mirrored, as right hands.
        backbone: layout of ``resnet.LAYOUTS``; ResNet-50 (III-A).
        width: channels of the backbone's first stage.
        channels: of all feature maps after the pyramid (III-A).
        unused_smooth: HandOccNet's convolution without effect (backbone.py:58).
        global_input: what the branch of F_h and F_o sees: ``concat`` pictures in channels, the ``current``
            one, their ``mean``, or ``features``: no branch of its own, but a 1x1 convolution of the frames'
            maps (the tiny networks).
        share_frame_backbone: the frames' branch is siamese; else each frame has its own.
        frame_feat: F_t is the pyramid's map (``fpn``), or the primary part behind a gate (``gated``).
        siamese: HandOccNet runs on each frame with shared weights; a 1x1 convolution joins the results.
        heads: of all attention (HandOccNet's 4).
        mlp_ratio: of all pointwise MLPs (HandOccNet's 4).
        pdv: frames whose variation is perceived (III-B), 2 or 3 (table VI); 0 takes their maps as they are.
        pdv_three: with three frames: ``pairs`` (t, t-1) and (t, t-2), or ``joint``: t with both at once and a
            global branch of nine channels.
        pdv_share: queries, keys and values of all frames by the same projections.
        pdv_positions: learned position maps on queries and keys; the equations have none.
        pdv_residual: add F_t before f_p; the equations do not.
        sig_norm: of the pairwise sigmoid: ``bias`` -log N, ``none`` (literal), ``mean`` 1/N.
        attn_occ: score of F_o: ``sigmoid`` (III-C) or ``softmax`` (table V).
        attn_hand: score of F_h: ``bn`` (III-C), ``sigmoid_gate`` (FIT), ``softmax``, ``none``.
        attn_combine: ``add`` (III-C) or ``mul`` of both scores.
        softmax_product: two softmaxes multiplied are ``renormalised``, or left as they are (``literal``).
        sig_map: the sigmoid of F_o is ``pairwise`` (equation) or a gate ``per_query`` (HandOccNet).
        norm_map: what BN runs over: ``pairwise``, ``per_query``, ``volume``, ``nam``.
        norm_proj: S_norm has its ``own`` projections (text) or those of C_sig (``shared``, as printed).
        gor_depth: layers; the paper is silent, the equation is one.
        gor_tail: ``none``, or FIT's concatenation and convolutions (``fit_concat``, caption of figure 4).
        gor_residual: what is added to the MLP: the ``value`` v_h (III-C) or the ``attended`` values (FIT).
        gor_positions: learned position maps; the equations have none.
        use_set: SET after GOR; not mentioned.
        fusion: ``dynamic`` (III-D), ``concat`` + 1x1 (table IV GOR+PDV), ``add``, ``mul`` (VII), ``none``
            (IV: F_GOR alone; the frames' branch is not built).
        vof_map: the blend is ``spatial`` (summed over channels, one map) or a map a ``channel``.
        vof_mid: channels of f_gor and f_pdv; not stated.
        hourglass_depth: of the heat-map head (HandOccNet's 4).
        mano_head: ``handoccnet`` (shared layers) or ``paper`` (1 linear layer for pose, 4 for shape, III-E).
        mano_hidden: widths of HandOccNet's shared layers.
        pose_start: the pose starts at the hand model's ``mean``, or at ``zero`` 6D (HandOccNet), which is no
            rotation.
        pose_offset: the network's fingers are added to the model's ``hands_mean`` (published HandOccNet
            checkpoints: flat_hand_mean=False) or are what they are (``none``).
        init: of blocks and head: torch's ``default``, or ``small`` N(0, 0.001) (HandOccNet).
        supervise: predict ``both`` frames (all, with three), or the ``current`` one; losses sum over frames
            (III-F).
        loss: ``paper_l1`` (III-F, in mm and crop pixels) or ``handoccnet_mse``.
        loss_weights: of the terms of ``paper_l1``: vertices, joints, joints_2d, pose, shape (all 1, III-F).
        pose_target: what the pose loss compares: rotation ``matrix`` or ``axis_angle``.
        hand_model: ``procedural`` or ``mano:DIR``.
        tips: fingertip set of the joints.
    """

    family: Literal["ifvonet", "handoccnet"] = "ifvonet"
    size: int = 256
    frames: int = 2
    prev_gap: int = 1
    prev_crop: Literal["same", "own"] = "same"
    prev_frame: Literal["video", "repeated"] = "video"
    sides: Literal["right", "both"] = "both"
    backbone: Literal["resnet18", "resnet50", "resnet101"] = "resnet50"
    width: int = 64
    channels: int = 256
    unused_smooth: bool = False
    global_input: Literal["concat", "current", "mean", "features"] = "concat"
    share_frame_backbone: bool = True
    frame_feat: Literal["fpn", "gated"] = "fpn"
    siamese: bool = False
    heads: int = 4
    mlp_ratio: int = 4
    pdv: Literal[0, 2, 3] = 2
    pdv_three: Literal["pairs", "joint"] = "pairs"
    pdv_share: bool = True
    pdv_positions: bool = False
    pdv_residual: bool = False
    sig_norm: Literal["bias", "none", "mean"] = "bias"
    attn_occ: Literal["sigmoid", "softmax"] = "sigmoid"
    attn_hand: Literal["bn", "sigmoid_gate", "softmax", "none"] = "bn"
    attn_combine: Literal["add", "mul"] = "add"
    softmax_product: Literal["renormalised", "literal"] = "renormalised"
    sig_map: Literal["pairwise", "per_query"] = "pairwise"
    norm_map: Literal["pairwise", "per_query", "volume", "nam"] = "pairwise"
    norm_proj: Literal["own", "shared"] = "own"
    gor_depth: int = 1
    gor_tail: Literal["none", "fit_concat"] = "none"
    gor_residual: Literal["value", "attended"] = "value"
    gor_positions: bool = False
    use_set: bool = False
    fusion: Literal["dynamic", "concat", "add", "mul", "none"] = "dynamic"
    vof_map: Literal["spatial", "channel"] = "spatial"
    vof_mid: int = 128
    hourglass_depth: int = 4
    mano_head: Literal["handoccnet", "paper"] = "handoccnet"
    mano_hidden: tuple[int, int] = (1024, 512)
    pose_start: Literal["mean", "zero"] = "mean"
    pose_offset: Literal["none", "hands_mean"] = "none"
    init: Literal["default", "small"] = "default"
    supervise: Literal["both", "current"] = "both"
    loss: Literal["paper_l1", "handoccnet_mse"] = "paper_l1"
    loss_weights: tuple[float, float, float, float, float] = (1.0, 1.0, 1.0, 1.0, 1.0)
    pose_target: Literal["matrix", "axis_angle"] = "matrix"
    hand_model: str = "procedural"
    tips: Literal["smplx", "manopth", "interhand", "ho3d"] = "ho3d"

    def __post_init__(self) -> None:
        numbers = ("frames", "prev_gap", "width", "channels", "heads", "mlp_ratio", "gor_depth", "vof_mid")
        for name in numbers:
            if getattr(self, name) < 1:
                raise HandbenchError(f"{name}={getattr(self, name)}", "give a whole number of 1 or more")
        if any(weight < 0 for weight in self.loss_weights):
            raise HandbenchError(f"loss_weights={self.loss_weights}", "give five numbers of 0 or more")
        if self.size < 2 * SIZE_STEP or self.size % SIZE_STEP:
            raise HandbenchError(f"size={self.size}", f"give a multiple of {SIZE_STEP}, 64 or more")
        if self.channels % self.heads:
            raise HandbenchError(
                f"channels={self.channels}, heads={self.heads}", "channels divide into heads"
            )
        if self.resolution % (1 << self.hourglass_depth) or self.hourglass_depth < 1:
            raise HandbenchError(
                f"hourglass_depth={self.hourglass_depth} halves {self.resolution} places too often",
                "choose a smaller depth",
            )
        self._check_frames()

    def _check_frames(self) -> None:
        """Refuses numbers of frames that contradict each other."""
        if self.frames > 3:
            raise HandbenchError(f"frames={self.frames}", "networks see 1 to 3 frames")
        if self.family == "handoccnet":
            if self.siamese and self.frames < 2:
                raise HandbenchError("siamese=true with frames=1", "set frames=2")
            return
        if self.frames < 2:
            raise HandbenchError("ifvonet sees 2 or 3 frames, got frames=1", "use handoccnet for one")
        if self.pdv not in (0, self.frames):
            raise HandbenchError(
                f"pdv={self.pdv} with frames={self.frames}", "set both to the same, or pdv=0"
            )
        if self.fusion == "none" and (self.pdv or self.global_input == "features"):
            raise HandbenchError(
                "fusion='none' leaves the frames' branch out, which pdv or global_input='features' need",
                "set pdv=0 and global_input='concat', or another fusion",
            )

    @property
    def resolution(self) -> int:
        """Side of the feature maps after the pyramid (32 at 256 px)."""
        return self.size // 8

    @property
    def global_frames(self) -> int:
        """Pictures that the global branch sees side by side."""
        if self.global_input != "concat":
            return 1
        # Three frames as pairs: the global branch stays that of (t, t-1) (docs/ifvonet.md).
        return (
            self.frames if self.family == "handoccnet" or self.pdv_three == "joint" else min(self.frames, 2)
        )

    @property
    def predicted(self) -> int:
        """Frames that a prediction is made for."""
        return self.frames if self.supervise == "both" else 1


SOFT = (
    "prev_gap", "prev_crop", "prev_frame", "sides", "pose_start", "pose_offset", "init", "loss",
    "loss_weights", "pose_target", "hand_model", "tips",
)  # fmt: skip
"""Settings that change no layer: those of a file of weights hold unless others are asked for."""
