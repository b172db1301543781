import functools

import numpy as np
import pytest
import torch
from helpers import tiny
from imblearn.over_sampling import RandomOverSampler
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_imb.callbacks import phase_switch
from lightning_imb.callbacks.phase_switch import PhaseSwitch, balance, extract
from lightning_imb.data.embeddings import EmbeddingSet
from lightning_imb.models.schedules import constant
from lightning_imb.resampling import EOS


def switch(resampler=None, reset_head=True, **changes):
    return PhaseSwitch(
        resampler=resampler or EOS(k=5, random_state=0),
        settings=tiny.retraining(reset_head=reset_head, **changes),
        batch_size=16,
    )


def trainer(tmp_path, callbacks, epochs=3, **changes):
    return tiny.trainer(tmp_path, epochs, callbacks, **changes)


class Record(Callback):
    """Remembers what phase 3 was fed."""

    def __init__(self):
        self.targets, self.widths, self.validated = [], set(), set()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        if trainer.current_epoch == 0:
            self.targets += batch.target.tolist()
        self.widths.add(tuple(batch.inputs.shape[1:]))

    def on_validation_batch_end(self, trainer, pl_module, outputs, batch, batch_idx, dataloader_idx=0):
        self.validated.add(tuple(batch.inputs.shape[1:]))


def backbone_state(model):
    return {k: v.clone() for k, v in model.state_dict().items() if k.startswith("extractor")}


def test_the_head_trains_on_the_balanced_set_and_nothing_else_moves(tmp_path):
    data, model, record = tiny.data_module(), tiny.classifier(), Record()
    before, head = backbone_state(model), model.head.weight.clone()
    trainer(tmp_path, [switch(), record]).fit(model, datamodule=data)
    after = backbone_state(model)
    assert all(torch.equal(before[k], after[k]) for k in before)  # batch-norm buffers included
    assert not torch.equal(head, model.head.weight)
    assert np.bincount(record.targets).tolist() == [32, 32, 32]
    assert record.widths == {(16,)}
    assert record.validated == {(16,)}


def test_images_are_given_back(tmp_path):
    data, model = tiny.data_module(), tiny.classifier()
    trainer(tmp_path, [switch()]).fit(model, datamodule=data)
    data.trainer = None
    assert next(iter(data.train_dataloader())).inputs.dtype == torch.uint8


def test_image_logits_are_the_head_of_the_stored_embeddings():
    data, model = tiny.data_module(), tiny.classifier()
    data.setup("fit")
    z, y = extract(model, data, "train")
    model.eval()
    logits = torch.cat([model(data.transform(b).inputs) for b in data.ordered_dataloader("train")])
    assert torch.allclose(model.head(z), logits, atol=1e-5)
    assert y.tolist() == data.target("train").tolist()
    assert z.dtype == torch.float32
    assert not z.is_inference()


def test_extraction_leaves_the_module_as_it_was():
    data, model = tiny.data_module(), tiny.classifier().train()
    data.setup("fit")
    before = backbone_state(model)
    extract(model, data, "train")
    assert model.training
    assert all(torch.equal(v, model.state_dict()[k]) for k, v in before.items())


def test_balance_keeps_the_original_rows_first():
    z, y = torch.randn(30, 4), torch.tensor([0] * 20 + [1] * 10)
    result = balance(z, y, EOS(k=3, random_state=0))
    assert torch.equal(result.z[:30], z)
    assert result.n_real == 30
    assert torch.bincount(result.y).tolist() == [20, 20]
    assert result.z.dtype == torch.float32


def test_imbalanced_learn_samplers_work_as_they_are():
    z, y = torch.randn(30, 4), torch.tensor([0] * 20 + [1] * 10)
    assert torch.equal(balance(z, y, RandomOverSampler(random_state=0)).z[:30], z)


@pytest.mark.parametrize("stop_after", [1, 2])
def test_a_resumed_retraining_equals_an_uninterrupted_one(tmp_path, stop_after):
    def run(folder, epochs, resume=None, start=None):
        model = tiny.classifier()
        keep = ModelCheckpoint(folder, "last", save_on_train_epoch_end=True, enable_version_counter=False)
        if start is not None:
            model.load_state_dict(start)
        trainer(tmp_path, [switch(), keep], epochs).fit(
            model, datamodule=tiny.data_module(), ckpt_path=resume, weights_only=True
        )
        return model

    start = tiny.classifier(seed=5).state_dict()
    torch.manual_seed(1)
    whole = run(tmp_path / "whole", 4, start=start)
    torch.manual_seed(1)
    run(tmp_path / "cut", stop_after, start=start)
    torch.manual_seed(99)  # whatever the new process draws, the checkpoint decides
    resumed = run(tmp_path / "cut", 4, resume=tmp_path / "cut" / "last.ckpt")
    for key, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[key]), key


@pytest.mark.parametrize("transform", [{}, {"normalize": True, "tukey": 0.5}], ids=["plain", "transformed"])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_validation_on_embeddings_gives_what_the_whole_network_gives(tmp_path, precision, transform):
    data, model = tiny.data_module(), tiny.classifier()
    fit = trainer(tmp_path, [switch(**transform)], precision=precision)
    fit.fit(model, datamodule=data)
    logged = {k: v for k, v in fit.callback_metrics.items() if k.startswith("retrain/val/")}
    (whole,) = trainer(tmp_path, [], precision=precision).validate(model, datamodule=data, verbose=False)
    assert {k: float(v) for k, v in logged.items()} == pytest.approx({k: whole[k] for k in logged}, rel=1e-6)
    assert "retrain/val/loss" in logged


@pytest.mark.parametrize("optimizer", [functools.partial(torch.optim.SGD, lr=0.1, momentum=0.9), torch.optim.AdamW])
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_many_steps_per_call_train_as_one_step_per_call_to_the_bit(tmp_path, monkeypatch, optimizer, precision):
    def run(steps):
        monkeypatch.setattr(phase_switch, "_STEPS", steps)
        torch.manual_seed(3)
        data, model, change = tiny.data_module(), tiny.classifier(), switch()
        change.optimizer = optimizer
        change.scheduler = lambda made: constant(made, epochs=3, warmup_epochs=2)
        fit = trainer(tmp_path, [change], precision=precision)
        fit.fit(model, datamodule=data)
        return model, fit

    (one, fit_one), (many, fit_many) = run(1), run(4)
    assert all(torch.equal(v, many.state_dict()[k]) for k, v in one.state_dict().items())
    assert fit_one.global_step == fit_many.global_step == 3 * 6  # 96 rows in batches of 16
    assert fit_one.num_training_batches == 6
    assert fit_many.num_training_batches == 2
    for name, value in fit_one.callback_metrics.items():
        assert torch.allclose(value, fit_many.callback_metrics[name], rtol=1e-6), name
    steps = [fit.fit_loop.epoch_loop._batches_that_stepped for fit in (fit_one, fit_many)]
    assert steps[0] == steps[1]


def test_phase_3_is_float32_under_autocast(tmp_path):
    def trained(precision, z):
        change = switch()
        change._balanced_set = lambda *_: EmbeddingSet(z, torch.tensor([0, 1, 2] * 16), 48)
        torch.manual_seed(0)
        model = tiny.classifier()
        trainer(tmp_path, [change], precision=precision).fit(model, datamodule=tiny.data_module())
        return model.head.weight

    z = torch.randn(48, 16, generator=torch.Generator().manual_seed(1))
    assert torch.equal(trained("32-true", z), trained("bf16-mixed", z))


def test_embeddings_come_in_the_precision_of_the_forward_pass():
    data, model = tiny.data_module(), tiny.classifier()
    data.setup("fit")
    full, _ = extract(model, data, "train")
    half, _ = extract(model, data, "train", lambda: torch.autocast("cpu", torch.bfloat16))
    assert half.dtype == torch.float32
    assert not torch.equal(full, half)
    assert torch.allclose(full, half, rtol=0.05, atol=0.05)


def test_long_steps_are_handed_out_one_by_one():
    class Fit:
        world_size = 1
        precision_plugin = None

    wide = torch.empty(1, 2**20)
    assert switch()._steps_at_once(Fit(), wide) == 1
    assert switch()._steps_at_once(Fit(), torch.empty(1, 64)) == 256
    Fit.world_size = 2
    assert switch()._steps_at_once(Fit(), torch.empty(1, 64)) == 1


@pytest.mark.parametrize(("worth", "threads"), [(2**24, 1), (10, 2)])
def test_a_small_head_trains_on_one_thread(tmp_path, monkeypatch, worth, threads):
    class Watch(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            seen.add(torch.get_num_threads())

    before, seen = torch.get_num_threads(), set()
    monkeypatch.setattr(phase_switch, "_WORTH_THREADS", worth)
    torch.set_num_threads(2)
    try:
        trainer(tmp_path, [switch(), Watch()], epochs=1).fit(tiny.classifier(), datamodule=tiny.data_module())
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert seen == {threads}
