"""Whatever of conf/loss is made for numeric targets must behave like such a loss: found by listing the folder."""

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor, nn

import lightning_imb.conf
from lightning_imb.losses.regression import RegressionLoss, TargetWeights
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.target_bins import TargetSample, equal_bins

FOLDER = Path(str(lightning_imb.conf.__file__)).parent / "loss"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml") if ".losses.regression." in path.read_text())
BINS = equal_bins(1, 10, 9)
VALUES = np.random.default_rng(0).normal(5.5, 1.0, 300)
INVERSE = TargetWeights("inverse", None, "none", 1, 1.0, "plain", "zero", None)
EPOCHS = 10

pytestmark = pytest.mark.parametrize("name", NAMES)


def config(name: str) -> dict[str, Any]:
    values = OmegaConf.to_container(OmegaConf.load(FOLDER / f"{name}.yaml"), resolve=True)
    assert isinstance(values, dict)
    return values


def build(name: str, values: Any = VALUES) -> RegressionLoss:
    loss = instantiate(config(name), _convert_="all")(TargetSample(np.asarray(values, dtype=np.float64), BINS))
    assert isinstance(loss, RegressionLoss)
    return loss


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = 5.5 + torch.randn(32, generator=generator)
    return 3 * torch.randn(32, generator=generator) + target, target


def test_value_is_a_finite_scalar_with_a_finite_gradient(name: str) -> None:
    predictions, target = batch()
    predictions.requires_grad_()
    value = build(name)(predictions, target)
    value.backward()
    assert value.shape == ()
    assert torch.isfinite(value)
    assert predictions.grad is not None
    assert torch.isfinite(predictions.grad).all()
    assert predictions.grad.abs().sum() > 0


def test_value_is_the_mean_over_the_samples(name: str) -> None:
    loss = build(name)
    losses = loss.per_sample(*batch())
    assert losses.shape == (32,)
    assert loss(*batch()).item() == pytest.approx(losses.mean().item(), rel=1e-6)


@pytest.mark.parametrize("size", [50.0, 1e4])
def test_extreme_predictions_have_a_finite_value_and_gradient(name: str, size: float) -> None:
    target = batch()[1]
    predictions = torch.linspace(-size, size, 32).requires_grad_()
    value = build(name)(predictions, target)
    value.backward()
    assert torch.isfinite(value)
    assert predictions.grad is not None
    assert torch.isfinite(predictions.grad).all()


def test_no_error_has_a_finite_gradient(name: str) -> None:
    target = batch()[1]
    predictions = target.clone().requires_grad_()
    build(name)(predictions, target).backward()
    assert predictions.grad is not None
    assert torch.isfinite(predictions.grad).all()


def test_a_step_along_the_gradient_lowers_the_loss_by_as_much(name: str) -> None:
    predictions, target = (tensor.double() for tensor in batch())
    loss = build(name)
    predictions.requires_grad_()
    value = loss(predictions, target)
    (gradient,) = torch.autograd.grad(value, predictions)
    lower = loss(predictions - 1e-4 * gradient / gradient.norm(), target)
    assert (value - lower).item() == pytest.approx(1e-4 * gradient.norm().item(), rel=1e-2)


def test_order_of_the_batch_is_irrelevant(name: str) -> None:
    predictions, target = batch()
    order = torch.randperm(32, generator=torch.Generator().manual_seed(1))
    loss = build(name)
    assert loss(predictions[order], target[order]).item() == pytest.approx(loss(predictions, target).item(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(name: str, dtype: torch.dtype) -> None:
    predictions, target = batch()
    half = (100 * predictions).to(dtype).requires_grad_()
    loss = build(name)
    value = loss(half, target)
    value.backward()
    assert value.dtype == torch.float32
    assert half.grad is not None
    assert torch.isfinite(half.grad).all()
    assert torch.equal(value, loss(half.detach().float(), target))


def test_autocast_leaves_the_loss_alone(name: str) -> None:
    loss = build(name)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(*batch())
    assert torch.equal(value, loss(*batch()))


def test_a_batch_never_waits_for_the_device(name: str) -> None:
    # a meta tensor has no values: whatever would have to look at one raises
    loss = build(name)
    if loss.weighs:
        loss.weigh(INVERSE)
    predictions = torch.zeros(4, device="meta", requires_grad=True)
    loss.to("meta")(predictions, torch.zeros(4, device="meta")).backward()
    assert predictions.grad is not None
    assert predictions.grad.is_meta


def test_what_is_learnt_later_stays_on_the_device(name: str) -> None:
    loss = build(name).to("meta")
    loss.learn_targets(TargetSample(VALUES[:100], BINS))
    assert all(tensor.is_meta for tensor in (*loss.buffers(), *loss.parameters()))


@pytest.mark.parametrize("shape", [(4, 1), (3,), ()])
def test_shapes_that_do_not_fit_are_errors(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="one floating number"):
        build(name)(torch.zeros(shape), torch.zeros(4))


def test_whole_numbers_as_targets_are_an_error(name: str) -> None:
    with pytest.raises(InputError, match="int64"):
        build(name)(torch.zeros(4), torch.zeros(4, dtype=torch.int64))


def test_the_least_batch_has_a_gradient(name: str) -> None:
    loss = build(name)
    target = torch.linspace(4, 7, loss.min_batch)
    predictions = (target.flip(0) - 1).requires_grad_()
    loss(predictions, target).backward()
    assert predictions.grad is not None
    assert predictions.grad.abs().sum() > 0


@pytest.mark.parametrize("epoch", [0, EPOCHS - 1])
def test_a_batch_passes_through_the_head(name: str, epoch: int) -> None:
    torch.manual_seed(0)
    loss, head = build(name), nn.Linear(8, 1)
    loss.begin_epoch(epoch, EPOCHS)
    z = torch.randn(32, 8).requires_grad_()
    value, predictions = loss.from_embeddings(head, z, batch()[1])
    value.backward()
    assert predictions.shape == (32,)
    assert torch.equal(value, loss(predictions, batch()[1]))
    for tensor in (z, *head.parameters()):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()


def test_weights_of_bins_act_or_are_refused(name: str) -> None:
    loss = build(name)
    before = loss(*batch())
    if not loss.weighs:
        with pytest.raises(InputError, match="set target_weights=none"):
            loss.weigh(INVERSE)
        assert torch.equal(loss(*batch()), before)
        return
    loss.weigh(INVERSE)
    weight = INVERSE.weights(TargetSample(VALUES, BINS)).weight[BINS.of(batch()[1].numpy())]
    expected = (torch.as_tensor(weight) * loss.per_sample(*batch())).mean().item()
    assert loss(*batch()).item() == pytest.approx(expected, rel=1e-5)
    assert loss(*batch()).item() != pytest.approx(before.item(), rel=1e-3)


@pytest.mark.parametrize("scheme", [None, TargetWeights("none", None, "none", 1, 1.0, "plain", "zero", None)])
def test_no_weights_are_taken_by_every_loss(name: str, scheme: TargetWeights | None) -> None:
    loss = build(name)
    before = loss(*batch())
    loss.weigh(scheme)
    assert torch.equal(loss(*batch()), before)


def test_targets_that_are_learnt_again_change_nothing(name: str) -> None:
    loss = build(name)
    before = loss(*batch())
    loss.learn_targets(TargetSample(VALUES, BINS))
    assert torch.equal(loss(*batch()), before)


@pytest.mark.parametrize("values", [[], [1.0, np.nan]])
def test_unusable_targets_are_input_errors(name: str, values: list[float]) -> None:
    with pytest.raises(InputError, match="targets"):
        build(name, values)


def test_state_goes_on_where_it_stopped(name: str) -> None:
    first, resumed = build(name), build(name)
    for parameter in first.noise_parameters():
        nn.init.constant_(parameter, 0.3)
    resumed.load_state(first.state())
    assert torch.equal(first(*batch()), resumed(*batch()))
    assert len(first.state()) == len(first.noise_parameters())


def test_what_is_learnt_has_a_gradient_and_a_rate(name: str) -> None:
    loss, (predictions, target) = build(name), batch()
    loss(predictions.requires_grad_(), target).backward()
    assert list(loss.parameters()) == loss.noise_parameters()
    assert all(parameter.grad is not None for parameter in loss.noise_parameters())
    assert loss.noise_lr_factor > 0


def test_checkpoint_holds_nothing_of_the_loss_and_misses_nothing(name: str) -> None:
    parent = nn.ModuleDict({"head": nn.Linear(8, 1), "loss": build(name)})
    assert set(parent.state_dict()) == {"head.weight", "head.bias"}
    parent.load_state_dict(nn.ModuleDict({"head": nn.Linear(8, 1)}).state_dict(), strict=True)


def test_yaml_shows_every_parameter_and_its_default(name: str) -> None:
    values = config(name)
    assert values.pop("_partial_") is True
    target_class = type(build(name))
    assert values.pop("_target_").rpartition(".")[2] == target_class.__name__
    parameters = dict(inspect.signature(target_class).parameters)
    parameters.pop("targets")
    assert values == {key: parameter.default for key, parameter in parameters.items()}


def test_docstring_and_yaml_name_a_source(name: str) -> None:
    source = (type(build(name)).__doc__ or "").partition("Source:")[2]
    assert re.search(r"\b(19|20)\d\d\b", source)
    what, paper, cost = (FOLDER / f"{name}.yaml").read_text().splitlines()[:3]
    assert re.fullmatch(r"# \w.+\.", what)
    assert re.match(r"# Paper: \w.*\b(19|20)\d\d\b", paper)
    assert re.fullmatch(r"# Cost: (none|second fit|twice a step|several times a step|once)", cost)
