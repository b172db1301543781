import pytest
import torch
from torch import nn

from lightning_imb.models.backbones import ResNetCifar, SmallCNN, TorchvisionBackbone
from lightning_imb.models.probe import outrunning_convolution


@pytest.mark.parametrize(
    ("side", "stride", "found"), [(1, 1, None), (1, 2, "1"), (2, 2, None), (2, 3, "1"), (3, 4, "1"), (8, 2, None)]
)
def test_a_stride_longer_than_the_map(side, stride, found):
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, stride, padding=1))
    assert outrunning_convolution(net, (3, side, side)) == found


def test_networks_as_they_are_used():
    assert outrunning_convolution(ResNetCifar(depth=8, width=4, in_channels=3), (3, 32, 32)) is None
    assert outrunning_convolution(ResNetCifar(depth=8, width=4, in_channels=3), (3, 1, 1)) == "stage2.0.conv1"
    assert outrunning_convolution(SmallCNN(in_channels=1, width=4), (1, 8, 8)) is None
    shuffle = TorchvisionBackbone("shufflenet_v2_x0_5", weights=None, in_channels=3)
    assert outrunning_convolution(shuffle, (3, 8, 8)) is not None
    assert outrunning_convolution(shuffle, (3, 64, 64)) is None


def test_the_network_stays_as_it_is():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    outrunning_convolution(net, (3, 8, 8))
    assert net.training
    assert not net[0]._forward_hooks
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
