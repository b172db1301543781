"""What layers put out: read without a trace in the network."""

import pytest
import torch
from helpers.runs import assert_refused
from torch import nn

from lightning_imb.analysis.layers import chosen_layers, read_layers, read_maps, stages
from lightning_imb.models.backbones import ResNetCifar, SmallCNN

IMAGES = torch.randn(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return SmallCNN(in_channels=3, width=4)


def hooks(network):
    return sum(len(module._forward_hooks) for module in network.modules())


def test_layers_are_read_as_they_are_run(network):
    network.eval()
    found = read_layers(network, ["stage2", "pool", "stage1"], IMAGES)
    assert list(found) == ["stage2", "pool", "stage1"]
    with torch.no_grad():
        first = network.stage1(IMAGES)
        assert torch.equal(found["stage1"], first)
        assert torch.equal(found["stage2"], network.stage2(first))
        assert torch.equal(found["pool"], network(IMAGES))


def test_what_a_later_layer_overwrites_is_still_what_was_put_out(network):
    found = read_layers(network, ["stage1.1", "stage1.2"], IMAGES)
    assert (found["stage1.1"] < 0).any()  # batch norm; the ReLU after it works in place
    assert torch.equal(found["stage1.2"], found["stage1.1"].relu())


def test_no_hook_mode_or_statistic_stays_behind(network):
    network.train()
    network.stage3.eval()
    modes = [module.training for module in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    read_layers(network, ["stage2"], IMAGES)
    stages(network, IMAGES)
    with pytest.raises(RuntimeError):
        read_layers(network, ["stage2"], IMAGES[:, :1])  # fails inside the network
    assert hooks(network) == 0
    assert [module.training for module in network.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_float32_without_gradients_whatever_surrounds_it(network):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = read_layers(network, ["stage3"], IMAGES)["stage3"]
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert torch.equal(found, read_layers(network, ["stage3"], IMAGES)["stage3"])


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        (ResNetCifar(8, 4, 3), ["stage1", "stage2", "stage3"]),
        (SmallCNN(3, 4), ["stage1", "stage2", "stage3"]),
        (nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), ["0"]),
    ],
)
def test_stages_are_the_last_layers_at_each_size_of_the_maps(network, expected):
    assert stages(network, IMAGES) == expected
    assert chosen_layers(network, "auto", IMAGES) == expected[-1:]
    assert chosen_layers(network, "auto", IMAGES, auto="all") == expected


def test_layers_by_name(network):
    assert chosen_layers(network, "stage1", IMAGES) == ["stage1"]
    assert chosen_layers(network, ["stage2", "stage1.0", "stage2"], IMAGES) == ["stage2", "stage1.0"]


def test_layers_that_cannot_be_read_are_refused(network):
    assert_refused(lambda: chosen_layers(network, "stage9", IMAGES), "SmallCNN", "'stage9'", "stage3")
    assert_refused(lambda: chosen_layers(network, "", IMAGES), "no layer ''")
    assert_refused(lambda: chosen_layers(network, [], IMAGES), "empty", "auto")
    assert_refused(lambda: read_maps(network, ["pool"], IMAGES), "pool", "maps")
    folded = ResNetCifar(8, 4, 3)  # evaluates batch norm inside the convolution on a processor
    assert_refused(lambda: read_layers(folded, ["stage1.0.bn1"], IMAGES), "stage1.0.bn1", "evaluation")
    assert_refused(lambda: stages(nn.Flatten(), IMAGES), "Flatten", "maps")
