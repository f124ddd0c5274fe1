"""SHPE's settings that make no sense, and the protocol that is taken for it."""

from __future__ import annotations

import pytest

from handbench.baselines.shpe_trainable import make_shpe
from handbench.errors import HandbenchError
from handbench.evaluate import default_protocol


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("size=100", "multiple of 32"),
        ("width=0", "1 or more"),
        ("blocks=[1,0,2]", "1 or more"),
        ("sigma=0", "above 0"),
        ("loss_weights=[1,-1,1]", "three numbers"),
        ("loss=l1", "'loss' is 'l1'"),
        ("small", "has no variant 'small'"),
        ("mask-inptu", "did you mean 'mask-input'"),
        ("mask-input,mask_noise=2", "a share is 0 to 1"),
        ("sigam=1", "did you mean 'sigma'"),
    ],
)
def test_wrong_settings(variant: str, message: str) -> None:
    with pytest.raises(HandbenchError, match=message):
        make_shpe("shpe", variant)


def test_a_protocol_is_chosen_that_gives_a_unit() -> None:
    chosen = [default_protocol(name, "scale_free") for name in ("interhand", "hic", "ho3d_v2")]
    assert [getattr(one.options, "scale", "") for one in chosen] == ["gt-bone", "gt-size", ""]
    assert default_protocol("interhand").options.scale == "none"
