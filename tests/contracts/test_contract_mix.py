"""Every file of conf/mix mixes batches as promised; a new yaml is tested by being there."""

import inspect
from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from lightning_imb.mixing import EMBEDDING, INPUT, Moment, NoMixing, apply, mixed_target

FOLDER = Path(__file__).parents[2] / "conf" / "mix"
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.stem != "none")
COUNTS = [400, 90, 21, 5, 1]
COMMON = {"layer", "probability", "start", "end", "draw"}

pytestmark = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def build(path, counts=COUNTS, **changes):
    node = OmegaConf.load(path)
    return instantiate(OmegaConf.merge(node, {"probability": 1.0, "start": 0, "end": None} | changes), _convert_="all")(
        class_counts=counts
    )


def batch(mixing, size=40, classes=5):
    rows = size if mixing.second is None else 2 * size
    return torch.arange(classes).repeat(rows)[:rows], size


def plan_of(mixing, key=0, device="cpu"):
    target, size = batch(mixing, classes=len(mixing.class_counts))
    return mixing.plan(target.to(device), size, (3, 8, 8), Moment(5, 20, key))


def test_shares_are_shares(path):
    plan = plan_of(build(path))
    assert plan.own.shape == (40,)
    assert ((plan.own >= 0) & (plan.own <= 1)).all()
    assert plan.own.min() < 1
    target, _ = batch(build(path))
    mixed = mixed_target(plan, target, 5)
    if mixed.ndim == 2:
        torch.testing.assert_close(mixed.sum(dim=1), torch.ones(40))
        assert (mixed >= 0).all()


def test_soft_targets_are_announced(path):
    mixing = build(path)
    assert mixing.mixes_labels == (plan_of(mixing).label is not None)


def test_rows_draw_for_themselves(path):
    plan = plan_of(build(path))
    assert len(set(plan.own.tolist())) > 1
    assert len(set(plan.partner.tolist())) > 10


def test_mixed_inputs_have_the_size_of_the_batch(path):
    mixing = build(path)
    target, size = batch(mixing)
    images = torch.randn(len(target), 3, 8, 8)
    mixed = apply(plan_of(mixing), images)
    assert mixed.shape == (size, 3, 8, 8)
    assert not torch.equal(mixed, images[:size])


def test_a_function_of_the_batch_alone(path):
    mixing = build(path)
    one, between, again = plan_of(mixing, 3), plan_of(mixing, 4), plan_of(build(path), 3)
    assert torch.equal(one.own, again.own)
    assert torch.equal(one.partner, again.partner)
    assert one.layer == again.layer
    assert not (torch.equal(one.own, between.own) and torch.equal(one.partner, between.partner))


@pytest.mark.parametrize("counts", [[7, 7, 7], [5, 1], [1000, 1, 1, 1]])
def test_any_counts(path, counts):
    plan = plan_of(build(path, counts))
    assert plan is None or torch.isfinite(plan.own).all()


def test_labels_never_wait_for_the_device(path):
    # a meta tensor has no values: whatever would have to look at one raises
    plan = plan_of(build(path), device="meta")
    assert plan.own.is_meta


def test_layers_are_known_ones(path):
    assert all(layer in (INPUT, EMBEDDING) or layer.startswith("stage") for layer in build(path).layers)


def test_yaml_shows_every_parameter(path):
    node = OmegaConf.load(path)
    parameters = set(inspect.signature(type(build(path))).parameters) - {"class_counts"}
    assert set(node) - {"_target_", "_partial_"} == parameters
    assert parameters >= COMMON


def test_none_mixes_nothing(path):
    assert NoMixing(COUNTS).plan(torch.zeros(4, dtype=torch.int64), 4, (3, 8, 8), Moment(0, 1, 0)) is None
