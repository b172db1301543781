"""Whatever stands in conf/loss must behave like a loss: found by listing the folder, not by a list."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import Tensor

import lightning_imb.conf
from lightning_imb.losses import ClassCountLoss
from lightning_imb.losses.experts import ExpertLoss
from lightning_imb.losses.noisy import NoisyLoss
from lightning_imb.models.heads import build_head
from lightning_imb.utils.errors import InputError

FOLDER = Path(str(lightning_imb.conf.__file__)).parent / "loss"
# losses of numeric targets have a contract of their own
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml") if ".losses.regression." not in path.read_text())
HEAD_SCALE = 30.0
COUNTS = [400, 90, 21, 5, 1]
K = len(COUNTS)
EPOCHS = 10
# factors that these losses take as constants, so that their gradient is not that of their value
CONSTANT_FACTORS = {"seesaw"}

pytestmark = pytest.mark.parametrize("name", NAMES)


def config(name: str) -> dict[str, Any]:
    root = OmegaConf.merge({"loss": OmegaConf.load(FOLDER / f"{name}.yaml")}, {"model": {"head_scale": HEAD_SCALE}})
    values = OmegaConf.to_container(root, resolve=True)
    assert isinstance(values, dict)
    return values["loss"]


def build(name: str, counts: list[int] = COUNTS) -> ClassCountLoss:
    loss = instantiate(config(name), _convert_="all")(counts)
    assert isinstance(loss, ClassCountLoss)
    return loss


def steady(name: str, logits: Tensor, target: Tensor) -> ClassCountLoss:
    """A loss that is the same function from call to call: it has counted one batch, and keeps its noise."""
    torch.manual_seed(0)
    loss = build(name)
    loss(logits, target)
    loss.eval()
    if loss.draws:
        assert isinstance(loss, NoisyLoss), "draw through NoisyLoss: all labels of a row must meet the same noise"
        noise = loss.draw(logits)
        loss.draw = lambda logits: noise  # type: ignore[method-assign]
    return loss


def one_hot(target: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(target, K).float()


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 4 * torch.randn(32, K, generator=generator)
    return logits, torch.randint(K, (32,), generator=generator)


def test_value_is_a_finite_scalar_with_a_finite_gradient(name: str) -> None:
    logits, target = batch()
    logits.requires_grad_()
    value = build(name)(logits, target)
    value.backward()
    assert value.shape == ()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
    assert logits.grad.abs().sum() > 0


@pytest.mark.parametrize("size", [50.0, 1e4, 6e4])
def test_extreme_logits_have_a_finite_value_and_gradient(name: str, size: float) -> None:
    target = torch.arange(K).repeat(2)
    sign = torch.nn.functional.one_hot(target, K) * 2.0 - 1
    logits = (size * torch.cat([sign[:K], -sign[K:]])).requires_grad_()  # the first half is solved, the second wrong
    value = build(name)(logits, target)
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_a_step_along_the_gradient_lowers_the_loss(name: str) -> None:
    logits, target = (tensor.double() if tensor.is_floating_point() else tensor for tensor in batch())
    loss = steady(name, logits, target)
    logits.requires_grad_()
    value = loss(logits, target)
    (gradient,) = torch.autograd.grad(value, logits)
    step = 1e-4 / gradient.norm()
    lower = loss(logits - step * gradient, target)
    assert lower < value
    if name not in CONSTANT_FACTORS:
        assert (value - lower).item() == pytest.approx(1e-4 * gradient.norm().item(), rel=1e-2)


def test_order_of_the_batch_is_irrelevant(name: str) -> None:
    logits, target = batch()
    order = torch.randperm(len(target), generator=torch.Generator().manual_seed(1))
    loss = steady(name, logits, target)
    value = loss(logits, target).item()
    if isinstance(loss, NoisyLoss):
        noise = loss.draw(logits)
        loss.draw = lambda logits: noise[order]  # type: ignore[method-assign]
    assert loss(logits[order], target[order]).item() == pytest.approx(value, rel=1e-5)


def test_soft_targets_mix_the_losses_of_their_labels_or_are_refused(name: str) -> None:
    logits, target = batch()
    loss = steady(name, logits, target)
    if loss.hard_labels_only:
        with pytest.raises(InputError, match="no meaning for soft targets"):
            loss(logits, one_hot(target))
        return
    assert torch.equal(loss(logits, one_hot(target)), loss(logits, target))
    loss.set_class_weight(torch.ones(K))
    other = target.roll(1)
    mixed = loss(logits, 0.25 * one_hot(target) + 0.75 * one_hot(other)).item()
    assert mixed == pytest.approx(0.25 * loss(logits, target).item() + 0.75 * loss(logits, other).item(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(name: str, dtype: torch.dtype) -> None:
    logits, target = batch()
    half = (10 * logits).to(dtype).requires_grad_()
    loss = steady(name, half.detach(), target)
    value = loss(half, target)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert half.grad is not None
    assert torch.isfinite(half.grad).all()
    assert torch.equal(value, loss(half.detach().float(), target))


def test_autocast_leaves_the_loss_alone(name: str) -> None:
    logits, target = batch()
    loss = steady(name, logits, target)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(logits, target)
    assert torch.equal(value, loss(logits, target))


def test_hard_labels_never_wait_for_the_device(name: str) -> None:
    # a meta tensor has no values: whatever would have to look at one raises
    loss = build(name).to("meta")
    logits = torch.zeros(4, K, device="meta", requires_grad=True)
    loss(logits, torch.zeros(4, dtype=torch.int64, device="meta")).backward()
    assert logits.grad is not None
    assert logits.grad.is_meta


@pytest.mark.parametrize("label", [-100, -1, K])
def test_a_label_that_is_no_class_is_an_error(name: str, label: int) -> None:
    logits, target = batch()
    target[3] = label
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        build(name)(logits, target)


@pytest.mark.parametrize("counts", [[7, 1], [7] * K, [1] * K], ids=["two classes", "balanced", "one sample each"])
def test_counts_at_the_edge(name: str, counts: list[int]) -> None:
    logits = batch()[0][:, : len(counts)].requires_grad_()
    value = build(name, counts)(logits, torch.arange(len(logits)) % len(counts))
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_class_weights_can_be_replaced(name: str) -> None:
    logits, target = batch()
    loss = steady(name, logits, target)
    before = loss(logits, target)
    loss.set_class_weight([5.0, 1.0, 1.0, 0.1, 2.0])
    assert loss(logits, target).item() != pytest.approx(before.item(), rel=1e-4)
    loss.set_class_weight(None)
    assert torch.equal(loss(logits, target), before)


@pytest.mark.parametrize("epoch", [0, EPOCHS - 1])
def test_a_batch_passes_through_the_head(name: str, epoch: int) -> None:
    loss = build(name)
    loss.begin_epoch(epoch, EPOCHS)
    torch.manual_seed(0)
    experts = 3 if isinstance(loss, ExpertLoss) else 1
    head = build_head("auto", loss.required_head, 8 * experts, K, HEAD_SCALE, "default", experts)
    z = torch.randn(32 * loss.views, 8 * experts).requires_grad_()
    value, logits = loss.from_embeddings(head, z, batch()[1])
    value.backward()
    assert torch.isfinite(value)
    assert logits.shape == (32, K)
    for tensor in (z, *head.parameters()):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()


def test_epochs_are_told_in_any_order(name: str) -> None:
    logits, target = batch()
    loss, fresh = steady(name, logits, target), steady(name, logits, target)
    loss.begin_epoch(0, EPOCHS)
    loss.begin_epoch(EPOCHS - 1, EPOCHS)
    fresh.begin_epoch(EPOCHS - 1, EPOCHS)
    assert torch.equal(loss(logits, target), fresh(logits, target))


def test_a_loss_that_is_told_of_no_epoch_is_that_of_the_end(name: str) -> None:
    """Phase 3 counts on it."""
    logits, target = batch()
    loss, told = steady(name, logits, target), steady(name, logits, target)
    told.begin_epoch(EPOCHS - 1, EPOCHS)
    assert torch.equal(loss(logits, target), told(logits, target))


def test_state_goes_on_where_it_stopped(name: str) -> None:
    logits, target = batch()
    first, resumed = (build(name) for _ in range(2))
    first(logits, target)
    resumed.load_state({key: value.clone() for key, value in first.state().items()})
    values = []
    for loss in (first, resumed):
        torch.manual_seed(1)
        values.append(loss(logits.flip(0), target))
    assert torch.equal(*values)
    assert all(isinstance(value, Tensor) for value in first.state().values())


def test_noise_is_a_function_of_the_global_seed(name: str) -> None:
    logits, target = batch()
    values = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        values.append(build(name)(logits, target).item())
    assert values[0] == values[1]
    assert (values[0] != values[2]) == build(name).draws


def test_checkpoint_holds_nothing_of_the_loss(name: str) -> None:
    assert dict(build(name).state_dict()) == {}


def test_empty_class_is_an_input_error(name: str) -> None:
    with pytest.raises(InputError, match=r"classes \[1\]"):
        build(name, [5, 0, 3])


def test_yaml_shows_every_parameter_and_its_default(name: str) -> None:
    values = config(name)
    assert values.pop("_partial_") is True
    target_class = type(build(name))
    assert values.pop("_target_").rpartition(".")[2] == target_class.__name__
    parameters = dict(inspect.signature(target_class).parameters)
    parameters.pop("class_counts")
    assert set(values) == set(parameters)
    assert {"weights", "beta", "reduction"} <= set(values)
    assert values == {key: parameter.default for key, parameter in parameters.items()}


def test_docstring_and_yaml_name_a_source(name: str) -> None:
    source = (type(build(name)).__doc__ or "").partition("Source:")[2]
    assert re.search(r"\b(19|20)\d\d\b", source)
    what, paper, cost = (FOLDER / f"{name}.yaml").read_text().splitlines()[:3]
    assert re.fullmatch(r"# \w.+\.", what)
    assert re.match(r"# Paper: \w.*\b(19|20)\d\d\b", paper)
    assert re.fullmatch(r"# Cost: (none|second fit|twice a step|several times a step|once)", cost)
