import io

import pytest
import torch
from helpers import tiny
from helpers.posthoc import given, linear
from torch import nn

from lightning_imb.posthoc import (
    AdjustedHead,
    LogitAdjustment,
    NearestClassMean,
    NoAdjustment,
    TauNorm,
    Temperature,
    WeightRescaling,
    from_kept,
    to_kept,
)

METHODS = [TauNorm(), WeightRescaling(), NearestClassMean(), NearestClassMean("un"), LogitAdjustment(), Temperature()]
every_method = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)


def through_a_file(kept):
    """What reading the saved dictionary gives, by the reader that runs no code."""
    memory = io.BytesIO()
    torch.save(kept, memory)
    memory.seek(0)
    return torch.load(memory, weights_only=True)


@every_method
def test_a_kept_head_is_the_same_head(method):
    trained, z = linear(), torch.randn(30, 6)
    head = method.adjust(given(trained)).head
    assert isinstance(head, AdjustedHead)
    again = from_kept(through_a_file(to_kept(head)), trained)
    assert torch.equal(again(z), head(z))
    assert again.state_dict().keys() == head.state_dict().keys()


@every_method
def test_a_state_dict_carries_all_that_was_made(method):
    head = method.adjust(given()).head
    blank = method.adjust(given(linear(seed=7), train=lambda: tuple(reversed_rows()))).head
    z = torch.randn(30, 6)
    assert not torch.equal(blank(z), head(z))
    blank.load_state_dict(head.state_dict())
    assert torch.equal(blank(z), head(z))


def reversed_rows():
    z, target = given().train()
    return z.flip(1), target


@every_method
def test_nothing_of_it_can_be_trained_but_the_head_inside(method):
    head = method.adjust(given(val=(5, 5, 5, 5))).head
    inner = set(head.inner.parameters()) if hasattr(head, "inner") else set()
    assert set(head.parameters()) == inner


@every_method
def test_the_trained_head_is_left_as_it_is(method):
    trained = linear()
    before = {name: value.clone() for name, value in trained.state_dict().items()}
    method.adjust(given(trained))
    assert all(torch.equal(value, before[name]) for name, value in trained.state_dict().items())


@every_method
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_embeddings_of_half_precision_get_logits_of_full(method, dtype):
    model = tiny.classifier(counts=(40, 12, 3, 1))
    model.head = method.adjust(given()).head
    z = torch.randn(8, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model.answer(z.to(dtype))
    assert logits.dtype == torch.float32
    assert torch.equal(logits, model.head(z.to(dtype).float()))


def test_no_adjustment_returns_the_trained_head():
    head = nn.Identity()
    adjusted = NoAdjustment().adjust(given(head, val=None))
    assert adjusted.head is head
    assert adjusted.report == {"posthoc": "none", "searched_on": None}


def test_an_unknown_head_is_not_made_up():
    with pytest.raises(KeyError):
        from_kept({"class": "Linear", "values": {}}, linear())
