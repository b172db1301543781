import copy

import pytest
import torch
import torchvision

from lightning_imb.models.backbones import (
    Extractor,
    ResNetCifar,
    SmallCNN,
    TimmBackbone,
    TorchvisionBackbone,
    parameter_count,
)
from lightning_imb.models.heads import CosineHead, LinearHead
from lightning_imb.utils.errors import InputError


@pytest.mark.parametrize(("classes", "linear", "cosine"), [(10, 464_154, 464_144), (100, 470_004, 469_904)])
def test_resnet32_has_the_published_number_of_parameters(classes, linear, cosine):
    body = parameter_count(ResNetCifar(depth=32, width=16, in_channels=3))
    assert body + parameter_count(LinearHead(64, classes, init="default")) == linear
    assert body + parameter_count(CosineHead(64, classes, scale=30)) == cosine


@pytest.mark.parametrize(("depth", "convolutions"), [(20, 19), (32, 31), (44, 43), (56, 55), (110, 109)])
def test_depth_counts_convolutions_and_head(depth, convolutions):
    body = ResNetCifar(depth=depth, width=16, in_channels=3)
    assert sum(isinstance(m, torch.nn.Conv2d) for m in body.modules()) == convolutions


def test_resnet_shortcut_is_option_a():
    block = ResNetCifar(depth=8, width=16, in_channels=3).stage2[0]
    x = torch.randn(2, 16, 8, 8)
    shortcut = block._shortcut(x)
    assert shortcut.shape == (2, 32, 4, 4)
    assert torch.equal(shortcut[:, 8:24], x[:, :, ::2, ::2])
    assert shortcut[:, :8].abs().max() == shortcut[:, 24:].abs().max() == 0


def test_resnet_embedding_is_pooled_and_not_negative():
    z = ResNetCifar(depth=20, width=16, in_channels=3).eval()(torch.randn(2, 3, 32, 32))
    assert z.shape == (2, 64)
    assert z.min() >= 0


@pytest.mark.parametrize("depth", [7, 18, 33])
def test_impossible_depth_is_named(depth):
    with pytest.raises(InputError, match=rf"6n\+2.*not {depth}"):
        ResNetCifar(depth=depth, width=16, in_channels=3)


def test_small_cnn_takes_digits():
    network = SmallCNN(in_channels=1, width=8)
    assert network.eval()(torch.rand(3, 1, 8, 8)).shape == (3, network.embed_dim)
    assert isinstance(network, Extractor)


def smallest_of_each_family():
    """Name of the network with the fewest parameters of every torchvision architecture."""
    best = {}
    for name in torchvision.models.list_models(module=torchvision.models):
        size = min(w.meta["num_params"] for w in torchvision.models.get_model_weights(name))
        family = torchvision.models.get_model_builder(name).__module__
        best[family] = min(best.get(family, (size, name)), (size, name))
    return sorted(name for _, name in best.values())


@pytest.mark.parametrize("name", smallest_of_each_family())
def test_every_torchvision_architecture_becomes_an_extractor(name):
    side = {"inception_v3": 299, "maxvit_t": 224, "vit_b_16": 224}.get(name, 64)
    network = TorchvisionBackbone(name, weights=None, in_channels=3).train()
    with torch.no_grad():
        assert network(torch.rand(2, 3, side, side)).shape == (2, network.embed_dim)


def test_torchvision_takes_grey_images():
    network = TorchvisionBackbone("resnet18", weights=None, in_channels=1)
    assert network.eval()(torch.rand(2, 1, 32, 32)).shape == (2, 512)


def test_unknown_torchvision_name_lists_the_known():
    with pytest.raises(InputError, match=r"resnet19.*resnet18"):
        TorchvisionBackbone("resnet19", weights=None, in_channels=3)


@pytest.mark.parametrize(
    ("name", "size"), [("resnet10t", None), ("mobilenetv3_small_050", None), ("vit_tiny_patch16_224", 32)]
)
def test_timm_models_become_extractors(name, size):
    pytest.importorskip("timm")
    network = TimmBackbone(name, pretrained=False, in_channels=1, image_size=size)
    assert network.eval()(torch.rand(2, 1, 32, 32)).shape == (2, network.embed_dim)


def test_unknown_timm_name_is_an_input_error():
    pytest.importorskip("timm")
    with pytest.raises(InputError, match="no model 'resnet_one'"):
        TimmBackbone("resnet_one", pretrained=False, in_channels=3, image_size=None)


@pytest.mark.parametrize("frozen", [False, True])
def test_evaluation_folds_batch_norm_into_the_convolutions(frozen):
    torch.manual_seed(0)
    net = ResNetCifar(depth=8, width=4, in_channels=3).double()
    images = torch.randn(16, 3, 8, 8, dtype=torch.float64)
    for _ in range(3):
        net(images)  # running statistics that are no identity
    net.eval()
    expected = _layer_by_layer(net, images)
    got = net(images)
    assert torch.allclose(got, expected, rtol=1e-9, atol=1e-12)
    if frozen:  # gradients reach weights and scales as they would layer by layer
        names = [name for name, _ in net.named_parameters()]
        ours = torch.autograd.grad(got.square().sum(), list(net.parameters()))
        theirs = torch.autograd.grad(expected.square().sum(), list(net.parameters()))
        for name, a, b in zip(names, ours, theirs, strict=True):
            assert torch.allclose(a, b, rtol=1e-7, atol=1e-10), name


def _layer_by_layer(net, images):
    """He et al. 2016, section 4.2, with every layer called as the module it is."""
    convolution, norm, relu = net.stem
    x = relu(norm(convolution(images)))
    for stage in (net.stage1, net.stage2, net.stage3):
        for block in stage:
            out = block.bn2(block.conv2(block.bn1(block.conv1(x)).relu()))
            x = (out + block._shortcut(x)).relu()
    return x.mean(dim=(2, 3))


def test_training_normalises_by_the_batch_and_measures_it():
    torch.manual_seed(0)
    net = ResNetCifar(depth=8, width=4, in_channels=3).train()
    images = torch.randn(16, 3, 8, 8)
    other = copy.deepcopy(net)
    assert torch.equal(net(images), _layer_by_layer(other, images))
    assert torch.equal(net.stage3[0].bn2.running_var, other.stage3[0].bn2.running_var)
