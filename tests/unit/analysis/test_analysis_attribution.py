import numpy as np
import pytest
import torch
from torch import nn

from lightning_imb.analysis.attribution import (
    evidence,
    explained_layers,
    explaining,
    grad_cam,
    input_x_gradient,
    integrated_gradients,
    occlusion,
    smoothed,
)
from lightning_imb.analysis.explainer import METHODS, Explainer
from lightning_imb.losses import CrossEntropyLoss
from lightning_imb.models.backbones import ResNetCifar, SmallCNN
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.models.embedding_transform import EmbeddingTransform
from lightning_imb.models.experts import ExpertHead, with_experts
from lightning_imb.models.heads import CosineHead, LinearHead
from lightning_imb.utils.errors import InputError

CLASSES = 3
CHANGES_WHAT_IT_READS = [
    "stage3.0",
    "stage3.1",
    "stage3.2",
]  # pooling, convolution and batch norm before a ReLU in place


def classifier(extractor, head=None):
    torch.manual_seed(1)
    return ImbalancedClassifier(
        extractor=extractor,
        head=LinearHead(extractor.embed_dim, CLASSES, "default") if head is None else head,
        loss=CrossEntropyLoss([5] * CLASSES),
        optimizer=None,
        scheduler=None,
        class_counts=[5] * CLASSES,
        monitor="val",
        log_per_class=False,
    ).eval()


def small(width=4, head=None):
    torch.manual_seed(0)
    network = classifier(SmallCNN(1, width), head)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):  # statistics as after training, so that ReLUs cut some units
            module.running_mean.normal_(0, 0.1)
    return network


@pytest.fixture
def images():
    return torch.rand(5, 1, 12, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def target():
    return torch.tensor([0, 1, 2, 0, 1])


def finite_differences(network, images, target, step=1e-3):
    """Gradient of the target's logit with respect to every pixel, one pixel after the other."""
    images, network = images.double(), network.double()
    found = torch.zeros_like(images)
    for at in np.ndindex(*images.shape):
        pixel = torch.zeros_like(images)
        pixel[at] = step
        with torch.no_grad():
            above, below = (network(images + sign * pixel)[at[0], target[at[0]]] for sign in (1, -1))
        found[at] = (above - below) / (2 * step)
    return found


@pytest.mark.parametrize("extractor", [SmallCNN(1, 4), ResNetCifar(8, 4, 1)], ids=["small_cnn", "resnet"])
def test_grad_cam_before_global_pooling_is_the_class_activation_map(extractor, images, target):
    network = classifier(extractor)
    maps = extractor.stage1(extractor.stem(images)) if hasattr(extractor, "stem") else extractor.stage1(images)
    maps = extractor.stage3(extractor.stage2(maps)).detach()
    weighted = torch.stack(
        [
            sum(network.head.weight[c, k] * units[k] for k in range(len(units)))
            for c, units in zip(target, maps, strict=True)
        ]
    )
    expected = weighted.relu() / maps[0, 0].numel()
    torch.testing.assert_close(grad_cam(network, [extractor.stage3], images, target), expected.detach())


@pytest.mark.parametrize("layer", ["stage1", "stage2", *CHANGES_WHAT_IT_READS])
def test_grad_cam_weighs_maps_by_their_mean_gradient(layer, images, target):
    network = small()
    module = network.extractor.get_submodule(layer)
    kept = {}

    def keep(_, __, output):
        kept["maps"] = output.detach().requires_grad_()
        return kept["maps"].clone()

    handle = module.register_forward_hook(keep)
    score = network(images).gather(1, target[:, None]).sum()
    handle.remove()
    (gradient,) = torch.autograd.grad(score, kept["maps"])
    expected = torch.zeros(len(images), *gradient.shape[2:])
    for i in range(len(images)):
        for k in range(gradient.shape[1]):
            expected[i] += gradient[i, k].mean() * kept["maps"][i, k].detach()
    torch.testing.assert_close(grad_cam(network, [module], images, target), expected.relu())


def test_grad_cam_sees_the_transform_of_the_embeddings_and_the_head(images, target):
    plain, cosine = small(), small(head=CosineHead(16, CLASSES, 10.0))
    cosine.extractor.load_state_dict(plain.extractor.state_dict())
    normalised = small()
    normalised.after = EmbeddingTransform(normalize=True, tukey=0.5)
    maps = [grad_cam(one, [one.extractor.stage3], images, target) for one in (plain, cosine, normalised)]
    assert not torch.allclose(maps[0], maps[1])
    assert not torch.allclose(maps[0], maps[2])


def test_auto_is_the_last_stage_of_every_expert(images, target):
    torch.manual_seed(0)
    extractor = with_experts(lambda: ResNetCifar(8, 4, 1), 3)
    heads = [LinearHead(16, CLASSES, "default") for _ in range(3)]
    network = classifier(extractor, ExpertHead(heads))
    layers = explained_layers(extractor, "auto", images)
    assert layers == ["branches.0.1", "branches.1.1", "branches.2.1"]
    shared = extractor.trunk(images)
    units = [branch[1](branch[0](shared)) for branch in extractor.branches]
    weighted = sum(
        torch.einsum("nk,nkhw->nhw", head.weight[target], maps) for head, maps in zip(heads, units, strict=True)
    )
    expected = weighted.relu() / (3 * units[0][0, 0].numel())  # logits are the mean over three experts
    found = grad_cam(network, [extractor.get_submodule(layer) for layer in layers], images, target)
    torch.testing.assert_close(found, expected.detach())


@pytest.mark.parametrize(
    ("layer", "message"),
    [("stage9", "has no layer 'stage9'"), ("pool", "choose a layer before the pooling")],
)
def test_a_layer_without_maps_is_refused(layer, message, images):
    with pytest.raises(InputError, match=message):
        explained_layers(SmallCNN(1, 4), layer, images)


def test_auto_layer_of_a_plain_network(images):
    assert explained_layers(SmallCNN(1, 4), "auto", images) == ["stage3"]
    assert explained_layers(SmallCNN(1, 4), "stage2", images) == ["stage2"]


def test_integrated_gradients_add_up_to_the_change_of_the_logit(images, target):
    network, start = small(), torch.full((1, 1, 12, 16), 0.3)
    found = integrated_gradients(network, images, target, 64, start)
    with torch.no_grad():
        change = (network(images) - network(start)).gather(1, target[:, None]).squeeze(1)
    torch.testing.assert_close(found.sum(dim=(1, 2, 3)), change, atol=2e-3, rtol=1e-2)


def test_integrated_gradients_start_from_zero(images, target):
    network = small()
    zero = torch.zeros(1, 1, 12, 16)
    torch.testing.assert_close(
        integrated_gradients(network, images, target, 8), integrated_gradients(network, images, target, 8, zero)
    )


def test_input_x_gradient(images, target):
    network = small()
    few = images[:2, :, :6, :6].contiguous()
    expected = few * finite_differences(network, few, target).float()
    torch.testing.assert_close(input_x_gradient(network.float(), few, target[:2]), expected, atol=1e-4, rtol=1e-3)


def test_occlusion_is_the_mean_fall_of_the_logit_over_the_squares_that_cover_a_pixel(images, target):
    network, cover = small(), torch.full((1, 1, 12, 16), 0.5)
    found = occlusion(network, images, target, 0.5, cover)  # squares of 6 x 8 that move by 3 x 4
    with torch.no_grad():
        full = network(images).gather(1, target[:, None]).squeeze(1)
        falls, covered = torch.zeros(5, 12, 16), torch.zeros(12, 16)
        for top in (0, 3, 6):
            for left in (0, 4, 8):
                changed = images.clone()
                changed[:, :, top : top + 6, left : left + 8] = 0.5
                fall = full - network(changed).gather(1, target[:, None]).squeeze(1)
                falls[:, top : top + 6, left : left + 8] += fall[:, None, None]
                covered[top : top + 6, left : left + 8] += 1
    torch.testing.assert_close(found[:, 0], falls / covered)


@pytest.mark.parametrize(("kind", "expected"), [("positive", [0.0, 3.0]), ("absolute", [1.0, 3.0])])
def test_evidence_is_of_the_sum_over_the_channels(kind, expected):
    attributions = torch.tensor([[[[2.0, 1.0]], [[-3.0, 2.0]]]])  # two channels, two pixels
    assert evidence(attributions, kind).tolist() == [[expected]]


def test_smoothing_spreads_a_point_by_a_share_of_the_sides():
    point = torch.zeros(2, 41, 81)
    point[0, 20, 40] = 1
    found = smoothed(point, 0.05)
    assert not found[1].any()  # images do not run into each other
    y, x = torch.arange(41.0) - 20, torch.arange(81.0) - 40
    expected = torch.exp(-((y[:, None] / 2.05) ** 2 + (x / 4.05) ** 2) / 2)
    torch.testing.assert_close(found[0], expected / expected.sum(), atol=1e-4, rtol=0)


def test_no_smoothing():
    maps = torch.rand(2, 5, 5)
    assert torch.equal(smoothed(maps, 0.0), maps)


@pytest.mark.parametrize("method", METHODS)
class TestEveryMethod:
    @pytest.fixture
    def network(self):
        return small()

    def explain(self, network, method, images, target):
        return Explainer(network, [network.extractor.stage3], 4, "positive", 0.05, 0.25).explain(method, images, target)

    def test_maps_are_float32_and_not_negative(self, method, network, images, target):
        found = self.explain(network, method, images, target)
        assert found.dtype == torch.float32
        assert len(found) == len(images)
        assert found.ndim == 3
        assert found.min() >= 0
        assert not found.requires_grad

    def test_images_do_not_depend_on_their_neighbours(self, method, network, images, target):
        together = self.explain(network, method, images, target)
        alone = [self.explain(network, method, images[i : i + 1], target[i : i + 1]) for i in range(len(images))]
        torch.testing.assert_close(together, torch.cat(alone))

    def test_the_network_stays_as_it_was(self, method, network, images, target):
        network.train()
        network.extractor.stage1.eval()
        network.head.weight.requires_grad_(False)
        before = {name: value.clone() for name, value in network.state_dict().items()}
        modes = [module.training for module in network.modules()]
        self.explain(network, method, images, target)
        assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
        assert [module.training for module in network.modules()] == modes
        assert all(parameter.grad is None for parameter in network.parameters())
        trained = [name for name, parameter in network.named_parameters() if not parameter.requires_grad]
        assert trained == ["head.weight"]

    def test_surroundings_do_not_matter(self, method, network, images, target):
        plain = self.explain(network, method, images, target)
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            torch.testing.assert_close(self.explain(network, method, images, target), plain)
        last = images.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(self.explain(network, method, last, target), plain)

    def test_another_class_has_another_map(self, method, network, images, target):
        other = (target + 1) % CLASSES
        assert not torch.equal(
            self.explain(network, method, images, target), self.explain(network, method, images, other)
        )


def test_the_network_is_put_back_after_an_error():
    network = small().train()
    with pytest.raises(RuntimeError), explaining(network):
        network(torch.zeros(1, 7, 12, 16))  # the network has one channel
    assert all(module.training for module in network.modules())
    assert all(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize(
    ("steps", "kind", "smooth", "window"),
    [(0, "positive", 0, 0.1), (4, "negative", 0, 0.1), (4, "positive", -1, 0.1), (4, "positive", 0, 1.5)],
)
def test_settings_out_of_range(steps, kind, smooth, window):
    with pytest.raises(InputError):
        Explainer(small(), [], steps, kind, smooth, window)
