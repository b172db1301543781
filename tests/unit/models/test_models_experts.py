"""Experts: shared first layers, branches of their own, heads of their own, mean logits."""

import functools

import pytest
import torch

from lightning_imb.models.backbones import Extractor, ResNetCifar, SmallCNN, TorchvisionBackbone
from lightning_imb.models.experts import ExpertHead, with_experts
from lightning_imb.models.heads import CosineHead, LinearHead
from lightning_imb.utils.errors import InputError

NETWORKS = {
    "resnet": functools.partial(ResNetCifar, depth=8, width=4, in_channels=1),
    "small_cnn": functools.partial(SmallCNN, in_channels=1, width=4),
}
every_network = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS.keys())


@every_network
@pytest.mark.parametrize("training", [True, False])
def test_trunk_and_branch_make_the_network(make, training):
    torch.manual_seed(0)
    network = make()
    network(torch.randn(8, 1, 8, 8))  # running statistics that are no identity
    network.train(training)
    trunk, branch = network.trunk_and_branch()
    images = torch.randn(4, 1, 8, 8)
    assert torch.equal(branch(trunk(images)), network(images))
    parts = [id(p) for part in (trunk, branch) for p in part.parameters()]
    assert sorted(parts) == sorted(id(p) for p in network.parameters())


@every_network
def test_experts_share_the_trunk_and_nothing_else(make):
    torch.manual_seed(0)
    network = with_experts(make, 3)
    assert isinstance(network, Extractor)
    assert network.embed_dim == 3 * make().embed_dim
    size = [sum(p.numel() for p in part.parameters()) for part in make().trunk_and_branch()]
    assert sum(p.numel() for p in network.parameters()) == size[0] + 3 * size[1]
    images = torch.randn(4, 1, 8, 8)
    z = network(images)
    parts = z.chunk(3, dim=1)
    for part, branch in zip(parts, network.branches, strict=True):
        assert torch.equal(part, branch(network.trunk(images)))
    assert not torch.allclose(parts[0], parts[1], atol=0.1)  # each draws its own start
    assert not torch.allclose(parts[1], parts[2], atol=0.1)


@every_network
def test_one_expert_is_the_network_itself(make):
    torch.manual_seed(0)
    alone = make()
    torch.manual_seed(0)
    one = with_experts(make, 1)
    assert type(one) is type(alone)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), alone.parameters(), strict=True))


def test_the_whole_network_has_the_names_of_earlier_checkpoints():
    names = list(NETWORKS["resnet"]().state_dict())
    assert names[0] == "stem.0.weight"
    assert {name.split(".")[0] for name in names} == {"stem", "stage1", "stage2", "stage3"}


@pytest.mark.parametrize("experts", [0, -1, 1.5, True, "3"])
def test_an_impossible_number_is_named(experts):
    with pytest.raises(InputError, match=rf"model\.experts must be a whole number.*{experts}"):
        with_experts(NETWORKS["small_cnn"], experts)


def test_a_network_that_cannot_be_split_is_refused_with_the_cure():
    make = functools.partial(TorchvisionBackbone, "resnet18", weights=None, in_channels=1)
    with pytest.raises(InputError, match=r"model\.experts=2 .*TorchvisionBackbone.*use model\.experts=1"):
        with_experts(make, 2)


def heads(kind, number=3, width=4, classes=5):
    if kind == "linear":
        return [LinearHead(width, classes, "default") for _ in range(number)]
    return [CosineHead(width, classes, scale=30) for _ in range(number)]


@pytest.mark.parametrize("kind", ["linear", "cosine"])
def test_each_head_reads_its_part_and_the_mean_predicts(kind):
    parts = heads(kind)
    head, z = ExpertHead(parts), torch.randn(7, 12)
    each = head.experts(z)
    assert each.shape == (7, 3, 5)
    for number, part in enumerate(parts):
        assert torch.equal(each[:, number], part(z[:, 4 * number : 4 * number + 4]))
    expected = sum(each[:, number] for number in range(3)) / 3
    torch.testing.assert_close(head(z), expected)


def test_a_restart_draws_every_head_anew():
    head = ExpertHead(heads("linear"))
    before = [part.weight.clone() for part in head.heads]
    head.reset_parameters()
    assert not any(torch.equal(old, part.weight) for old, part in zip(before, head.heads, strict=True))


def test_a_checkpoint_brings_all_heads_back():
    first, second = ExpertHead(heads("cosine")), ExpertHead(heads("cosine"))
    second.load_state_dict(first.state_dict())
    z = torch.randn(2, 12)
    assert torch.equal(first(z), second(z))
