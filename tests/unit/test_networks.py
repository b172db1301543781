import numpy as np
import pytest
import torch
from helpers import numbers
from helpers.runs import assert_refused, composed

from lightning_imb.losses.regression import BMCLoss, MSELoss
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.models.regressor import ImbalancedRegressor
from lightning_imb.networks import build_network, build_regression_loss

REG = ("dataset=sigma", "method=reg_mse")


def test_classes_make_a_classifier_and_numbers_a_regressor():
    assert isinstance(build_network(composed("method=erm"), [40, 20]), ImbalancedClassifier)
    model = build_network(composed(*REG), numbers.sample())
    assert isinstance(model, ImbalancedRegressor)
    assert (model.class_counts, model.bins) == ([40, 20, 0], numbers.BINS)
    assert model.smoothing is None


def test_the_head_counts_in_the_targets_or_in_their_deviations():
    values = numbers.sample().values
    plain = build_network(composed(*REG), numbers.sample()).head
    assert (plain.centre.item(), plain.spread.item()) == (0.0, 1.0)
    scaled = build_network(composed(*REG, "model.head_units=std"), numbers.sample()).head
    z = torch.rand(5, 50)
    linear = torch.nn.functional.linear(z, scaled.weight, scaled.bias)
    assert torch.allclose(scaled(z), values.mean() + values.std() * linear, atol=1e-5)
    assert build_network(composed(*REG, "model.head_bias=false"), numbers.sample()).head.bias is None
    assert_refused(lambda: build_network(composed(*REG, "model.head_units=m"), numbers.sample()), "head_units", "std")


def test_weights_follow_the_density_of_the_training_targets():
    cfg = composed(*REG, "target_weights=inverse", "target_weights.bins=null")
    loss = build_regression_loss(cfg.loss, cfg.target_weights, numbers.sample(), "loss")
    targets = torch.tensor([0.5, 1.5])  # 40 and 20 samples
    common, rare = (loss(targets[i : i + 1] + 1, targets[i : i + 1]).item() for i in (0, 1))
    assert rare == pytest.approx(2 * common)
    assert (40 * common + 20 * rare) / 60 == pytest.approx(1.0)


def test_a_network_that_is_not_trained_needs_no_loss_of_the_training_targets():
    cfg = composed(*REG, "loss=bmc")
    assert isinstance(build_network(cfg, numbers.sample()).loss, BMCLoss)
    assert isinstance(build_network(cfg, numbers.sample(), trains=False).loss, MSELoss)


def test_smoothing_has_the_bins_of_the_data_or_its_own():
    cfg = composed(*REG, "smoothing=fds")
    assert len(build_network(cfg, numbers.sample()).smoothing.seen) == 3
    cfg = composed(*REG, "smoothing=fds", "smoothing.bins=12")
    assert len(build_network(cfg, numbers.sample()).smoothing.seen) == 12


def test_the_loss_may_not_balance_what_is_weighted():
    cfg = composed(*REG, "loss=bmc", "target_weights=lds")
    assert_refused(lambda: build_network(cfg, numbers.sample()), "BMCLoss", "target_weights=none")


def test_bins_without_samples_are_no_obstacle():
    for method in ("reg_lds", "reg_bni", "reg_gai", "reg_fds"):
        model = build_network(composed("dataset=sigma", f"method={method}"), numbers.sample())
        loss, _ = model.loss.from_embeddings(model.head, torch.rand(8, 50), torch.linspace(0, 3, 8))
        assert np.isfinite(loss.item()), method
