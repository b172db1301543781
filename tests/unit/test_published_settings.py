"""Settings that a composed config takes over from a paper's released code."""

import pytest
import torch
from helpers.runs import composed
from omegaconf import OmegaConf

from lightning_imb.build import build_mixing
from lightning_imb.mixing import Moment

CASES = {
    # Kang et al. 2020, ImageNet-LT: rate .2 at 512 images
    "crt": {
        "retrain.optimizer.lr": 0.2 * 128 / 512,
        "retrain.optimizer.weight_decay": 5e-4,
        "retrain.sampler.replacement": False,
        "retrain.bn_mode": "update",
        "retrain.epochs": 10,
    },
    "lws": {
        "retrain.optimizer.lr": 0.2 * 128 / 512,
        "retrain.optimizer.weight_decay": 5e-4,
        "retrain.sampler.replacement": False,
        "retrain.bn_mode": "update",
        "retrain.epochs": 5,
    },
    # Zhong et al. 2021, CIFAR-10 at ratio 100
    "mislas": {
        "retrain.loss.eps_head": 0.3,
        "retrain.loss.eps_tail": 0.0,
        "retrain.head_lr_factor": 0.5,
        "retrain.bn_mode": "frozen",
        "retrain.sampler.replacement": False,
    },
    # Alshammari et al. 2022
    "weight_balancing": {
        "optimizer._target_": "torch.optim.SGD",
        "optimizer.lr": 0.01,
        "optimizer.weight_decay": 5e-3,
        "scheduler._target_": "lightning_imb.models.schedules.cosine",
    },
    # ntucllab/imbalanced-DL: the plain mean over the batch
    "remix_drw": {"loss.reduction": "mean"},
    "mamix_drw": {"loss.reduction": "mean"},
}


@pytest.mark.parametrize("method", CASES)
def test_a_method_has_the_settings_of_its_release(method):
    cfg = composed(f"method={method}", "run_dir=run")
    assert {key: OmegaConf.select(cfg, key) for key in CASES[method]} == CASES[method]


def test_an_optimizer_on_the_command_line_goes_before_that_of_the_method():
    cfg = composed("method=weight_balancing", "optimizer=adam", "optimizer.lr=0.002", "run_dir=run")
    assert (cfg.optimizer._target_, cfg.optimizer.lr) == ("torch.optim.Adam", 0.002)


@pytest.mark.parametrize(("epochs", "mixing"), [(200, (4, 197)), (30, (1, 30)), (7, (0, 7))])
def test_cmo_leaves_the_first_and_last_epochs_of_a_long_training_plain(epochs, mixing):
    mixer = build_mixing(composed("method=cmo", f"epochs={epochs}", "run_dir=run"), [40, 20, 10])
    batch = torch.arange(3).repeat(4), 6, (1, 8, 8)  # six rows, and six of the second stream
    active = [epoch for epoch in range(epochs) if mixer.plan(*batch, Moment(epoch, epochs, 0)) is not None]
    assert (active[0], active[-1] + 1) == mixing
