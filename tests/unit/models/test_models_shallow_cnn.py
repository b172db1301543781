import itertools

import pytest
import torch
from helpers.conf import composed
from hydra.utils import instantiate
from torch import nn

from lightning_imb.models.backbones import Extractor, ShallowCNN, parameter_count
from lightning_imb.models.experts import with_experts
from lightning_imb.models.heads import RegressionHead
from lightning_imb.utils.errors import InputError


def network(image_size=28, **changes):
    torch.manual_seed(0)
    settings = {"in_channels": 1, "channels": [10, 20], "kernel": 5, "width": 50, "bias": True, "batch_norm": False}
    return ShallowCNN(image_size=image_size, **(settings | changes))


def test_the_published_layers():
    net = network()
    assert isinstance(net, Extractor)
    kinds = [type(layer).__name__ for layer in net.modules() if not list(layer.children())]
    assert kinds == [*["Conv2d", "MaxPool2d", "ReLU"] * 2, "Flatten", "Linear", "ReLU"]
    assert net.embed[1].in_features == 320
    assert (net.embed_dim, net(torch.rand(3, 1, 28, 28)).shape) == (50, (3, 50))
    weights = (10 * 25 + 10) + (20 * 10 * 25 + 20) + (320 * 50 + 50)
    assert parameter_count(net) == weights
    assert parameter_count(RegressionHead(net.embed_dim, bias=True)) == 51


def test_layers_have_names_and_the_embedding_is_not_negative():
    net, images = network(), torch.randn(4, 1, 28, 28)
    by_hand = images
    for stage in (net.stage1, net.stage2):
        by_hand = torch.relu(nn.functional.max_pool2d(stage[0](by_hand), 2))
    assert [tuple(net.stage1(images).shape[1:]), tuple(by_hand.shape[1:])] == [(10, 12, 12), (20, 4, 4)]
    assert torch.equal(net(images), torch.relu(net.embed[1](by_hand.flatten(1))))
    assert net(images).min() >= 0


@pytest.mark.parametrize(("size", "features"), [([28, 20], 20 * 4 * 2), ([1, 784], 20 * 193), ([100, 1], 20 * 22)])
def test_other_shapes(size, features):
    net = network(size)
    assert net.embed[1].in_features == features
    assert net(torch.rand(2, 1, *size)).shape == (2, 50)


def test_a_vector_gets_the_twin_in_one_dimension():
    net, images = network([1, 40]), torch.randn(3, 1, 1, 40)
    convolution = nn.Conv1d(1, 10, 5)
    convolution.weight, convolution.bias = nn.Parameter(net.stage1[0].weight[:, :, 0]), net.stage1[0].bias
    wanted = torch.relu(nn.functional.max_pool1d(convolution(images[:, :, 0]), 2))
    assert torch.allclose(net.stage1(images)[:, :, 0], wanted, atol=1e-6)


@pytest.mark.parametrize("size", [28, [1, 100]])
def test_without_biases_the_output_grows_in_proportion_to_the_image(size):
    net, head = network(size, bias=False).double(), RegressionHead(50, bias=False).double()
    images = torch.randn(5, 1, *([size] * 2 if isinstance(size, int) else size), dtype=torch.float64)
    for a in (0.01, 3.0, 100.0):
        assert torch.allclose(head(net(a * images)), a * head(net(images)), rtol=1e-12, atol=0)
    assert not torch.allclose(head(net(-images)), -head(net(images)))  # positive factors only


@pytest.mark.parametrize(("bias", "head_bias", "norm"), itertools.product([True, False], repeat=3))
def test_with_biases_or_a_norm_it_does_not(bias, head_bias, norm):
    net, head = network(bias=bias, batch_norm=norm).eval(), RegressionHead(50, bias=head_bias)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.bias)
    images = torch.randn(5, 1, 28, 28)
    homogeneous = torch.allclose(head(net(2 * images)), 2 * head(net(images)), rtol=1e-4)
    assert homogeneous == (not (bias or head_bias or norm))


def test_batch_norm_follows_every_convolution():
    net = network(batch_norm=True, channels=[4, 8, 16], kernel=3)
    assert [type(net.get_submodule(f"stage{i}")[1]) for i in (1, 2, 3)] == [nn.BatchNorm2d] * 3
    z = net.train()(torch.rand(8, 1, 28, 28))
    z.sum().backward()
    assert z.shape == (8, 50)
    assert all(weight.grad is not None for weight in net.parameters())


def test_experts_share_the_first_stage():
    trunk, branch = network().trunk_and_branch()
    net, images = network(), torch.rand(2, 1, 28, 28)
    assert torch.equal(branch(trunk(images)), net(images))
    assert with_experts(network, 3)(images).shape == (2, 150)


@pytest.mark.parametrize("size", [15, 8, [28, 15], [1, 15]])
def test_images_too_small_for_the_convolutions(size):
    with pytest.raises(InputError, match=r"too small for 2 convolutions of side 5 .* at least 16 .*image_size"):
        network(size)


def test_the_smallest_images():
    assert network(16)(torch.rand(1, 1, 16, 16)).shape == (1, 50)
    assert network(10, kernel=3)(torch.rand(1, 1, 10, 10)).shape == (1, 50)
    with pytest.raises(InputError, match="at least 10"):
        network(9, kernel=3)


def test_images_of_unknown_size():
    with pytest.raises(InputError, match=r"dataset.image_size is null: set it .* dataset.image_size=28"):
        network(None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"channels": []}, "model.extractor.channels is empty"),
        ({"channels": [10, 0]}, "channels is 10, 0;"),
        ({"kernel": 0}, "model.extractor.kernel is 0;"),
        ({"width": 2.5}, "model.extractor.width is 2.5;"),
        ({"image_size": [28, 28, 1]}, r"one side or \[height, width\]"),
        ({"image_size": [28, -1]}, "dataset.image_size is 28, -1;"),
    ],
)
def test_unusable_settings(changes, message):
    with pytest.raises(InputError, match=message):
        network(**changes)


@pytest.mark.parametrize("bias", [True, False])
def test_one_setting_switches_the_biases_of_extractor_and_head(bias):
    cfg = composed("model=shallow_cnn", "dataset.image_size=28", f"model.extractor.bias={bias}")
    net = instantiate(cfg.model.extractor, _convert_="all")
    assert cfg.model.extractor.bias is bias
    assert {name.rpartition(".")[2] for name, _ in net.named_parameters()} == (
        {"weight", "bias"} if bias else {"weight"}
    )
