import functools

import numpy as np
import pytest
import torch
from helpers import tiny
from imblearn.over_sampling import RandomOverSampler
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_imb.callbacks.phase_switch import PhaseSwitch, balance, extract
from lightning_imb.models.schedules import constant
from lightning_imb.resampling import EOS


def switch(resampler=None, reset_head=True):
    return PhaseSwitch(
        resampler=resampler or EOS(k=5, random_state=0),
        loss=tiny.loss(),
        optimizer=functools.partial(torch.optim.SGD, lr=0.1),
        scheduler=lambda optimizer: constant(optimizer, epochs=1, warmup_epochs=0),
        reset_head=reset_head,
        batch_size=16,
    )


def trainer(tmp_path, callbacks, epochs=3):
    return Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        callbacks=callbacks,
        enable_checkpointing=any(isinstance(c, ModelCheckpoint) for c in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=tmp_path,
    )


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
    assert record.validated == {(1, 8, 8)}


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
    logits = torch.cat([model(data.transform(b).inputs) for b in data.extraction_dataloader()])
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
