"""What phase 3 trains: the head, its scales, a part of the extractor, under a bound, behind a transform."""

import functools

import pytest
import torch
from helpers import tiny
from torch import nn

from lightning_imb.models.contrastive import ContrastiveHead
from lightning_imb.models.embedding_transform import EmbeddingTransform
from lightning_imb.models.heads import CosineHead, LinearHead
from lightning_imb.models.max_norm import MaxNorm
from lightning_imb.models.retraining import dress, require_linear, undress
from lightning_imb.models.scaled_head import ScaledHead
from lightning_imb.utils.errors import InputError

SGD = functools.partial(torch.optim.SGD, lr=0.1)


def entered(**changes):
    model = tiny.classifier()
    model.enter(tiny.retraining(reset_head=False, **changes))
    return model.train()


def trained_names(model):
    return {name for name, p in model.named_parameters() if p.requires_grad}


def batch_norms(model):
    return [m.training for m in model.extractor.modules() if isinstance(m, nn.BatchNorm2d)]


def test_scales_start_as_the_head_of_phase_1():
    model = tiny.classifier()
    z = torch.randn(5, 16)
    before = model.head(z)
    model.enter(tiny.retraining(reset_head=False, trains="scales"))
    assert torch.equal(model.head(z), before)
    assert trained_names(model) == {"head.scales"}


def test_scaled_logits_are_the_formula():
    torch.manual_seed(0)
    head = ScaledHead(LinearHead(4, 3, "default"), 3)
    nn.init.uniform_(head.scales)
    z = torch.randn(6, 4)
    wanted = torch.stack([head.scales[c] * (z @ head.head.weight[c] + head.head.bias[c]) for c in range(3)], dim=1)
    torch.testing.assert_close(head(z), wanted)
    weight, bias = head.linear()
    torch.testing.assert_close(z @ weight.T + bias, wanted)


def test_a_scaled_cosine_head_is_no_linear_head():
    with pytest.raises(InputError, match="linear"):
        ScaledHead(CosineHead(4, 3, 30.0), 3).linear()


def test_head_and_scales_have_rates_of_their_own():
    model = entered(trains="head_and_scales", head_lr_factor=0.2, optimizer=SGD)
    assert trained_names(model) == {"head.scales", "head.head.weight", "head.head.bias"}
    groups = model.configure_optimizers()["optimizer"].param_groups
    assert [[p.shape for p in group["params"]] for group in groups] == [[(3,)], [(3, 16), (3,)]]
    assert [group["lr"] for group in groups] == pytest.approx([0.1, 0.02])


def test_the_schedule_keeps_the_ratio_of_the_rates():
    settings = {"trains": "head_and_scales", "head_lr_factor": 0.2, "optimizer": SGD}
    halved = entered(**settings, scheduler=lambda o: torch.optim.lr_scheduler.LambdaLR(o, lambda epoch: 0.5))
    groups = halved.configure_optimizers()["optimizer"].param_groups
    assert [group["lr"] for group in groups] == pytest.approx([0.05, 0.01])


def test_an_unfrozen_stage_is_trained_and_the_rest_is_not():
    names = trained_names(entered(unfreeze=("stage3",)))
    assert names == {n for n in names if n.startswith(("head.", "extractor.stage3."))}
    assert any(n.startswith("extractor.stage3.") for n in names)


@pytest.mark.parametrize("unfreeze", [(), ("stage3",)])
def test_frozen_batch_norm_keeps_its_statistics(unfreeze):
    model = entered(unfreeze=unfreeze)
    assert not any(batch_norms(model))
    before = model.extractor.stage3[2].running_mean.clone()
    model.embed(torch.randn(8, 1, 8, 8))
    assert torch.equal(model.extractor.stage3[2].running_mean, before)


def test_updated_batch_norm_goes_on_averaging_without_gradients():
    model = entered(bn_mode="update")
    assert all(batch_norms(model))
    before = model.extractor.stage3[2].running_mean.clone()
    z = model.embed(torch.randn(8, 1, 8, 8))
    assert not torch.equal(model.extractor.stage3[2].running_mean, before)
    assert not z.requires_grad


def test_evaluation_mode_is_evaluation_mode():
    model = entered(bn_mode="update", unfreeze=("stage3",)).eval()
    assert not any(module.training for module in model.modules())


def test_max_norm_written_out():
    head = LinearHead(2, 3, "default")
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[3.0, 4.0], [1.0, 0.0], [0.0, 2.0]]))  # lengths 5, 1, 2
    bound = MaxNorm(head, 0.5)
    assert bound.bound == pytest.approx(3.0)
    optimizer = SGD(head.parameters())
    bound.attach(optimizer)
    torch.testing.assert_close(head.weight.detach(), torch.tensor([[1.8, 2.4], [1.0, 0.0], [0.0, 2.0]]))
    head.weight.grad, head.bias.grad = torch.full((3, 2), -100.0), torch.zeros(3)
    optimizer.step()
    assert (head.weight.norm(dim=1) <= 3.0 + 1e-6).all()


def test_a_head_of_zeros_has_no_length_to_bound():
    head = LinearHead(2, 3, "default")
    nn.init.zeros_(head.weight)
    MaxNorm(head, 0.1).apply()
    assert torch.equal(head.weight, torch.zeros(3, 2))


def test_the_bound_comes_from_the_lengths_before_training():
    model = entered(max_norm=1.0)
    lengths = model.head.weight.detach().norm(dim=1)
    assert model.max_norm.bound == pytest.approx(lengths.max().item())


def test_bounds_are_for_linear_heads():
    linear = LinearHead(2, 3, "default")
    for head in (linear, ScaledHead(linear, 3), ContrastiveHead(linear, 2), ScaledHead(ContrastiveHead(linear, 2), 3)):
        assert require_linear(head, "x") is linear
    for head in (CosineHead(2, 3, 30.0), ContrastiveHead(CosineHead(2, 3, 30.0), 2)):
        with pytest.raises(InputError, match=r"retrain\.max_norm.*not of CosineHead"):
            require_linear(head, "retrain.max_norm")


def test_dressing_is_undone():
    head = LinearHead(2, 3, "default")
    assert dress(head, "head", 3) is head
    assert undress(dress(head, "scales", 3)) is head


def test_tukey_and_length_written_out():
    z = torch.tensor([[3.0, 0.0, 4.0], [-1.0, 0.0, 0.0]])
    found = EmbeddingTransform(normalize=True, tukey=0.5)(z)
    torch.testing.assert_close(found, torch.tensor([[0.6**0.5, 0.0, 0.8**0.5], [-1.0, 0.0, 0.0]]))
    assert torch.equal(EmbeddingTransform(normalize=False, tukey=1.0)(z), z)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("tukey", [0.5, 0.001])
def test_the_slope_of_a_power_is_finite_at_zero(tukey, dtype):
    z = torch.tensor([[0.25, 0.0, -4.0, -0.0]], dtype=dtype, requires_grad=True)
    EmbeddingTransform(normalize=False, tukey=tukey)(z).sum().backward()
    wanted = torch.tensor([[tukey * 0.25 ** (tukey - 1), 0, tukey * 4 ** (tukey - 1), 0]], dtype=dtype)
    torch.testing.assert_close(z.grad, wanted)


@pytest.mark.parametrize("changes", [{"tukey": 0.0}, {"tukey": 2.0}, {"normalize": "yes"}])
def test_a_transform_that_cannot_be_is_refused(changes):
    with pytest.raises(InputError, match=r"retrain\."):
        EmbeddingTransform(**({"normalize": False, "tukey": 1.0} | changes))


def test_images_are_embedded_as_the_retrained_head_reads_them():
    plain, model = tiny.classifier(), tiny.classifier()
    model.enter(tiny.retraining(tukey=0.5, normalize=True))
    images = torch.rand(4, 1, 8, 8)
    z = plain.eval().embed(images)
    torch.testing.assert_close(model.eval().embed(images), torch.nn.functional.normalize(z, dim=1).sqrt())
