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
from lightning_imb.utils.errors import InputError

FOLDER = Path(str(lightning_imb.conf.__file__)).parent / "loss"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
HEAD_SCALE = 30.0
COUNTS = [400, 90, 21, 5, 1]
K = len(COUNTS)

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


def test_a_step_along_the_gradient_lowers_the_loss(name: str) -> None:
    logits, target = (tensor.double() if tensor.is_floating_point() else tensor for tensor in batch())
    logits.requires_grad_()
    loss = build(name)
    value = loss(logits, target)
    (gradient,) = torch.autograd.grad(value, logits)
    step = 1e-4 / gradient.norm()
    lower = loss(logits - step * gradient, target)
    assert (value - lower).item() == pytest.approx(1e-4 * gradient.norm().item(), rel=1e-2)


def test_order_of_the_batch_is_irrelevant(name: str) -> None:
    logits, target = batch()
    order = torch.randperm(len(target), generator=torch.Generator().manual_seed(1))
    loss = build(name)
    assert loss(logits[order], target[order]).item() == pytest.approx(loss(logits, target).item(), rel=1e-5)


def test_one_hot_target_equals_the_hard_one(name: str) -> None:
    logits, target = batch()
    loss = build(name)
    assert torch.equal(loss(logits, torch.nn.functional.one_hot(target, K).float()), loss(logits, target))


def test_mixed_target_lies_between_its_two_labels(name: str) -> None:
    logits, target = batch()
    loss = build(name)
    loss.set_class_weight(torch.ones(K))
    other = target.roll(1)
    first, second = (torch.nn.functional.one_hot(y, K).float() for y in (target, other))
    mixed = loss(logits, 0.25 * first + 0.75 * second).item()
    assert mixed == pytest.approx(0.25 * loss(logits, target).item() + 0.75 * loss(logits, other).item(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(name: str, dtype: torch.dtype) -> None:
    logits, target = batch()
    half = (10 * logits).to(dtype).requires_grad_()
    value = build(name)(half, target)
    value.backward()
    assert value.dtype == torch.float32
    assert torch.isfinite(value)
    assert half.grad is not None
    assert torch.isfinite(half.grad).all()


def test_autocast_leaves_the_loss_alone(name: str) -> None:
    logits, target = batch()
    loss = build(name)
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


def test_class_weights_can_be_replaced(name: str) -> None:
    logits, target = batch()
    loss = build(name)
    before = loss(logits, target)
    loss.set_class_weight([5.0, 1.0, 1.0, 0.1, 2.0])
    assert loss(logits, target).item() != pytest.approx(before.item(), rel=1e-4)
    loss.set_class_weight(None)
    assert torch.equal(loss(logits, target), before)


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
    first_line = (FOLDER / f"{name}.yaml").read_text().splitlines()[0]
    assert re.match(r"# .*\b(19|20)\d\d\b", first_line)
