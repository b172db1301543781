import functools
import logging
from contextlib import nullcontext

import pytest
import torch

from lightning_imb.models.backbones import SmallCNN
from lightning_imb.models.compiled import compile_mode, try_compile
from lightning_imb.utils.errors import InputError

IMAGES = torch.rand(4, 1, 8, 8)


@pytest.fixture
def extractor():
    torch.manual_seed(0)
    return SmallCNN(in_channels=1, width=4)


def test_settings():
    assert compile_mode(False) is None
    assert compile_mode(True) == "default"
    assert compile_mode("reduce-overhead") == "reduce-overhead"
    with pytest.raises(InputError, match=r"accelerator\.compile is true, false or one of .*'faster'"):
        compile_mode("faster")


def test_a_compiled_network_computes_the_same_and_keeps_its_names(extractor, monkeypatch):
    with_any_compiler = functools.partial(torch.compile, backend="eager")  # a real one takes a minute
    monkeypatch.setattr(torch, "compile", lambda call, mode: with_any_compiler(call))
    before = {k: v.clone() for k, v in extractor.state_dict().items()}
    expected = extractor.eval()(IMAGES)
    assert try_compile(extractor, "default", IMAGES, nullcontext)
    assert extractor._compiled_call_impl is not None
    assert extractor.state_dict().keys() == before.keys()
    assert all(torch.equal(v, before[k]) for k, v in extractor.state_dict().items())  # batch norm saw nothing
    assert torch.allclose(extractor(IMAGES), expected, atol=1e-6)
    assert all(p.grad is None for p in extractor.parameters())


def test_without_a_working_compiler_the_network_stays_plain_and_one_sentence_says_why(extractor, monkeypatch, caplog):
    def fails(call, mode):
        raise RuntimeError("Compiler: g++ is not found.\nand a long story")

    monkeypatch.setattr(torch, "compile", fails)
    with caplog.at_level(logging.WARNING):
        assert not try_compile(extractor, "default", IMAGES, nullcontext)
    assert extractor._compiled_call_impl is None
    (record,) = caplog.records
    assert record.getMessage() == (
        "the network runs uncompiled, for torch.compile failed here (Compiler: g++ is not found.)"
    )
    assert extractor(IMAGES).shape == (4, 16)
