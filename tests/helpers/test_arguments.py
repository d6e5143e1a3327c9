"""helpers.arguments: one sentence for every way in which shapes can disagree."""

import pytest
import torch

from helpers.arguments import require_able, require_tensors

SPEC = {"inputs": "B T Din", "weight": "3·D Din", "hidden": "[B D]"}
GOOD = {"inputs": (2, 5, 4), "weight": (9, 4), "hidden": (2, 3)}
LAYER = {"inputs": "B T Din", "weight_ih": "3·D Din", "weight_hh": "3·D D"}
GOOD_LAYER = {"inputs": (2, 5, 4), "weight_ih": (9, 4), "weight_hh": (9, 3)}
HEADS = {"query": "… Tq D", "key": "… Tk D", "one": "… 1"}
GOOD_HEADS = {"query": (2, 3, 7, 4), "key": (2, 3, 5, 4), "one": (2, 3, 1)}
BAD = [
    (SPEC, {"inputs": (5, 4)}, "inputs has 2 instead of 3 axes; add the missing one, as inputs[None] does"),
    (SPEC, {"hidden": (1, 2, 3)}, "hidden has 3 instead of 2 axes; drop one, as hidden.squeeze(0) does"),
    (SPEC, {"inputs": (2, 0, 4)}, "inputs is empty, and of nothing there is no result; leave the empty part out"),
    (SPEC, {"weight": (9, 5)}, "Din is 4 in inputs and 5 in weight; make them agree"),
    (SPEC, {"weight": (4, 9)}, "weight has 4 for 3·D, no multiple of 3; try weight.T"),
    (SPEC, {"weight": (8, 4)}, "weight has 8 for 3·D, no multiple of 3; use the state of this layer"),
    (SPEC, {"hidden": (2, 9)}, "D is 3 in weight and 9 in hidden; use the state of this layer"),
    (SPEC, {"hidden": (3, 2)}, "B is 2 in inputs and 3 in hidden; try hidden.T"),
    (
        LAYER,
        {"weight_ih": (4, 9), "weight_hh": (3, 9)},
        "weight_ih has 4 for 3·D, no multiple of 3; try weight_ih.T and weight_hh.T",
    ),
    (HEADS, {"key": (2, 1, 5, 4)}, "… is (2, 3) in query and (2, 1) in key; make them agree"),
    (HEADS, {"key": (4,)}, "key has 1 instead of 3 axes; add the missing one, as key[None] does"),
    (HEADS, {"key": (5, 4)}, "… is (2, 3) in query and () in key; make them agree"),
    (HEADS, {"one": (2, 3, 2)}, "one has 2 for 1; make them agree"),
]


def given(shapes):
    return {name: torch.zeros(shape) for name, shape in shapes.items()}


def test_what_fits_passes():
    require_tensors("f", SPEC, given(GOOD))
    require_tensors("f", SPEC, given(GOOD) | {"hidden": None})
    require_tensors("f", HEADS, given(GOOD_HEADS))
    require_tensors("f", HEADS, given({"query": (7, 4), "key": (5, 4), "one": (1,)}))


@pytest.mark.parametrize(("spec", "changed", "said"), BAD, ids=[said for *_, said in BAD])
def test_the_first_disagreement_is_named_with_what_to_do(spec, changed, said):
    good = {"hidden": GOOD, "weight_hh": GOOD_LAYER, "one": GOOD_HEADS}[list(spec)[-1]]
    with pytest.raises(ValueError, match="^f needs ") as raised:
        require_tensors("f", spec, given(good | changed), {"D": "use the state of this layer"})
    assert str(raised.value).endswith(f": {said}.")
    name, shape = next(iter(changed.items()))
    assert f"{name} {shape}" in str(raised.value)
    assert f"{name} ({spec[name].strip('[]').replace(' ', ', ')})" in str(raised.value)


def test_what_must_be_there_cannot_be_none():
    with pytest.raises(
        TypeError, match=r"f: weight is a NoneType, no torch tensor; give one, by torch\.tensor\(…\) say\."
    ):
        require_tensors("f", SPEC, given(GOOD) | {"weight": None})


def test_the_first_reason_that_holds_is_given():
    require_able("f", "fast", "'slow'", {"too wide": False, None: True})
    with pytest.raises(ValueError, match=r"^f's method 'fast' cannot do this here: too long; use 'slow'\.$"):
        require_able("f", "fast", "'slow'", {"too wide": False, None: True, "too long": True, "too late": True})
