import functools

import numpy as np
import pytest
import torch
from helpers import numbers, tiny

from lightning_imb.callbacks.phase_switch import PhaseSwitch
from lightning_imb.callbacks.smoothing import SmoothFeatures
from lightning_imb.losses.regression import BMCLoss, MSELoss, TargetWeights
from lightning_imb.metrics import error_scores
from lightning_imb.models.feature_smoothing import FeatureSmoothing
from lightning_imb.resampling.regression import RandomByBin


def trainer(tmp_path, epochs=2, callbacks=(), **settings):
    return tiny.trainer(tmp_path, epochs, callbacks, inference_mode=False, **settings)


def test_it_learns_and_logs_the_errors_of_the_whole_set(tmp_path):
    data, model = numbers.data_module(), numbers.regressor()
    fit = trainer(tmp_path, epochs=15)
    fit.fit(model, datamodule=data)
    logged = dict(fit.callback_metrics)
    assert logged["val/mse"] < 0.1 < np.var(data.answers("val"))
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(data.transform(batch).inputs) for batch in data.val_dataloader()]).numpy()
    expected = error_scores(found, data.answers("val"), numbers.BINS, model.class_counts)
    for name in ("mse", "mae", "rmse", "gm", "mse_balanced", "mse_medium"):
        assert logged[f"val/{name}"].item() == pytest.approx(expected[name], rel=1e-4), name
    assert logged["val/loss"].item() == pytest.approx(expected["mse"], rel=1e-4)
    assert {"train/loss", "train/mse", "train/mae"} <= set(logged)


def test_it_predicts_a_number_per_image():
    model = numbers.regressor().eval()
    assert model(torch.rand(5, 1, 8, 8)).shape == (5,)
    assert model.answer(torch.rand(5, 16)).shape == (5,)


def test_scaled_inputs_are_no_bytes(tmp_path):
    data = numbers.data_module()
    data.setup()
    batch = next(iter(data.ordered_dataloader("test")))
    assert batch.inputs.dtype == batch.target.dtype == torch.float32
    assert torch.allclose(data.on_after_batch_transfer(batch, 0).inputs, batch.inputs - 1.0, atol=1e-6)
    again = next(iter(data.ordered_dataloader("test")))
    assert torch.equal(again.inputs, batch.inputs)  # normalising has not touched the set itself


def phase_3(model, resampler, **changes):
    loss = MSELoss(numbers.sample())
    optimizer = functools.partial(torch.optim.Adam, lr=0.01)
    settings = tiny.retraining(loss=loss, optimizer=optimizer, reset_head=False, **changes)
    return loss, PhaseSwitch(resampler, settings, batch_size=16)


def test_phase_3_trains_the_head_on_a_set_of_other_targets(tmp_path):
    data, model = numbers.data_module(), numbers.regressor()
    trainer(tmp_path, epochs=3).fit(model, datamodule=data)
    before = {name: value.clone() for name, value in model.extractor.state_dict().items()}
    head = model.head.weight.clone()
    loss, switch = phase_3(model, RandomByBin(bins=list(numbers.BINS.edges), share=1.0, random_state=0))
    loss.weigh(TargetWeights("inverse", None, "none", 5, 2.0, "official", "reflect", None))
    fit = trainer(tmp_path, callbacks=[switch])
    fit.fit(model, datamodule=data)
    assert all(torch.equal(before[name], value) for name, value in model.extractor.state_dict().items())
    assert not torch.equal(head, model.head.weight)
    real = data.counts("train")
    assert model.reached == [max(real), max(real), 0]
    balanced = torch.tensor([0.5, 1.5])
    assert torch.equal(loss(balanced, balanced + 1), torch.tensor(1.0))  # even bins weigh alike: weights have followed
    assert {"retrain/val/mse", "retrain/train/mse"} <= set(fit.callback_metrics)


def test_validation_on_embeddings_is_validation_on_images(tmp_path):
    data, model = numbers.data_module(), numbers.regressor()
    trainer(tmp_path, epochs=3).fit(model, datamodule=data)
    _, switch = phase_3(model, RandomByBin(bins=3, share=1.0, random_state=0))
    fit = trainer(tmp_path, callbacks=[switch])
    fit.fit(model, datamodule=data)
    told = fit.callback_metrics["retrain/val/mse"].item()
    model.eval()
    with torch.no_grad():
        found = torch.cat([model(data.transform(batch).inputs) for batch in data.val_dataloader()]).numpy()
    assert told == pytest.approx(float(np.mean((found - data.answers("val")) ** 2)), rel=1e-4)


def test_a_learnt_noise_is_trained_at_its_own_rate_and_never_decayed(tmp_path):
    loss = BMCLoss(numbers.sample(), noise_lr_factor=5.0)
    model = numbers.regressor(
        loss=loss, optimizer=functools.partial(torch.optim.SGD, lr=0.01, weight_decay=0.1, momentum=0.0)
    )
    network, noise = model.configure_optimizers()["optimizer"].param_groups
    assert noise["params"] == loss.noise_parameters()
    assert (network["lr"], noise["lr"]) == (0.01, pytest.approx(0.05))
    assert (network["weight_decay"], noise["weight_decay"]) == (0.1, 0.0)
    assert len({id(p) for p in network["params"]} & {id(p) for p in noise["params"]}) == 0
    before = loss.noise_parameters()[0].detach().clone()
    trainer(tmp_path).fit(model, datamodule=numbers.data_module())
    assert not torch.equal(before, loss.noise_parameters()[0])
    assert not any(name.startswith("loss") for name in model.state_dict())


def test_a_learnt_noise_goes_on_where_a_checkpoint_left_it(tmp_path):
    loss = BMCLoss(numbers.sample())
    model = numbers.regressor(loss=loss)
    trainer(tmp_path).fit(model, datamodule=numbers.data_module())
    checkpoint = {}
    model.on_save_checkpoint(checkpoint)
    resumed = numbers.regressor(loss=BMCLoss(numbers.sample()))
    resumed.on_load_checkpoint(checkpoint)
    assert torch.equal(resumed.loss.noise_parameters()[0], loss.noise_parameters()[0])


def smoothing(**changes):
    settings = {
        "embed_dim": 16,
        "edges": numbers.BINS.edges,
        "kernel": "gaussian",
        "size": 3,
        "sigma": 1.0,
        "kernel_impl": "plain",
        "momentum": 0.9,
        "start_epoch": 1,
        "clip": (0.1, 10.0),
        "empty": "exclude",
    }
    return FeatureSmoothing(**(settings | changes))


def test_feature_smoothing_changes_training_from_its_start_on_and_never_evaluation(tmp_path):
    weights = {}
    for start in (None, 1, 99):
        model = numbers.regressor(smoothing=None if start is None else smoothing(start_epoch=start))
        trainer(tmp_path, epochs=2, callbacks=[SmoothFeatures()]).fit(model, datamodule=numbers.data_module())
        weights[start] = model.head.weight.detach()
        if model.smoothing is not None:
            assert model.smoothing.seen.tolist() == [2 * n for n in (32, 16, 0)]  # the training images, each epoch once
    assert torch.equal(weights[None], weights[99])
    assert not torch.equal(weights[None], weights[1])
    model.eval()
    z = torch.rand(4, 16)
    assert torch.equal(model.answer(z), model.head(z).squeeze(1))
