import pytest
import torch
from torch import nn

from lightning_imb.mixing import EMBEDDING, Plan, apply
from lightning_imb.models.backbones import ResNetCifar, SmallCNN, TorchvisionBackbone
from lightning_imb.models.mixed_forward import check_layers, embed_mixed, layer_of
from lightning_imb.utils.errors import InputError


@pytest.fixture
def extractor():
    torch.manual_seed(0)
    return ResNetCifar(depth=8, width=4, in_channels=3).eval()


def plan(layer, **changes):
    return Plan(torch.tensor([1, 2, 0]), torch.tensor([0.6, 1.0, 0.8]), None, layer=layer, **changes)


def images():
    return torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_mixing_images_is_embedding_mixed_images(extractor):
    mixed, plain = embed_mixed(extractor, images(), plan("input"))
    assert torch.equal(mixed, extractor(apply(plan("input"), images())))
    assert plain is None


def test_mixing_embeddings_leaves_the_plain_ones_at_hand(extractor):
    mixed, plain = embed_mixed(extractor, images(), plan(EMBEDDING))
    assert torch.equal(plain, extractor(images()))
    assert torch.equal(mixed, apply(plan(EMBEDDING), plain))
    assert not plain.requires_grad
    assert mixed.requires_grad


def test_mixing_after_a_stage_is_mixing_what_it_returns(extractor):
    mixed, _ = embed_mixed(extractor, images(), plan("stage2"))
    maps = extractor.stage2(extractor.stage1(extractor.stem(images())))
    by_hand = extractor.pool(extractor.stage3(apply(plan("stage2"), maps)))
    torch.testing.assert_close(mixed, by_hand)


def test_the_next_forward_pass_is_not_mixed(extractor):
    before = extractor(images())
    embed_mixed(extractor, images(), plan("stage2"))
    assert torch.equal(extractor(images()), before)


def test_a_failure_leaves_no_mixing_behind(extractor):
    with pytest.raises(RuntimeError):
        embed_mixed(extractor, torch.zeros(3, 7, 8, 8), plan("stage1"))
    before = extractor(images())
    assert torch.equal(extractor(images()), before)
    assert not extractor.stage1._forward_hooks


def test_a_second_stream_ends_where_it_is_mixed(extractor):
    with_partners = Plan(torch.tensor([2, 3]), torch.tensor([0.7, 0.5]), None, layer="stage1")
    mixed, _ = embed_mixed(extractor, torch.randn(4, 3, 8, 8), with_partners)
    assert mixed.shape == (2, 16)


@pytest.mark.parametrize("name", ["", "stage9", "conv"])
def test_an_unknown_layer_is_answered_with_those_there_are(extractor, name):
    with pytest.raises(InputError, match="stage1"):
        layer_of(extractor, name)


def test_layers_inside_networks_of_others_are_named():
    with pytest.raises(InputError, match=r"network\.layer1"):
        layer_of(TorchvisionBackbone("resnet18", None, 3), "stage1")


def test_input_and_embedding_are_layers_of_every_network():
    check_layers(nn.Identity(), ["input", EMBEDDING], images())
    check_layers(SmallCNN(3, 4), ["stage1", "stage2", "stage3"], images())


class Odd(nn.Module):
    """Calls a layer twice, another never, and a third on something else than rows."""

    def __init__(self):
        super().__init__()
        self.twice, self.never, self.pooled = nn.ReLU(), nn.ModuleList([nn.ReLU()]), nn.Flatten(0)

    def forward(self, x):
        self.pooled(x)
        return self.twice(self.twice(x)).flatten(1)


@pytest.mark.parametrize("layer", ["twice", "never", "pooled"])
def test_a_layer_that_does_not_pass_rows_on_once_is_refused(layer):
    with pytest.raises(InputError, match=rf"mix\.layer={layer} .* another layer"):
        check_layers(Odd(), [layer], images())
