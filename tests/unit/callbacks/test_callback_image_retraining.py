import numpy as np
import pytest
import torch
from helpers import tiny
from pytorch_lightning import Callback

from lightning_imb.callbacks.image_retraining import ImageRetraining
from lightning_imb.data.sampling import Sampling
from lightning_imb.data.second import same_images
from lightning_imb.losses import CrossEntropyLoss, LogitAdjustmentLoss, class_weights


def only_class_2(target, epoch, random):
    return random.choice((target == 2).nonzero()[0], size=len(target))


class Record(Callback):
    """Remembers what phase 3 was fed."""

    def __init__(self):
        self.targets, self.sizes = set(), []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.targets |= set(batch.target.tolist())
        self.sizes.append(len(batch.inputs))
        assert batch.inputs.ndim == 4


class Weights(Callback):
    """Remembers the class weights and counts of each epoch."""

    def __init__(self):
        self.weights, self.reached = [], []

    def on_train_epoch_end(self, trainer, pl_module):
        self.weights.append(pl_module.loss.class_weight.tolist())
        self.reached.append(pl_module.reached)


def sampling(kind, epochs):
    return Sampling(kind, power=0.5, beta=0.9, start=0, epochs=epochs, replacement=True, epoch_length="dataset")


def inverse(counts=(40, 20, 10)):
    return CrossEntropyLoss(counts, weights="inverse", beta=0.9999, reduction="weighted_mean")


def test_class_weights_follow_the_draw_and_are_one_where_it_is_balanced(tmp_path):
    seen = Weights()
    model, *_ = retrained(tmp_path, tiny.data_module(), draw=sampling("class_balanced", 1), also=[seen], loss=inverse())
    assert seen.weights == [[1, 1, 1]]
    assert len(set(model.reached)) == 1


def test_class_weights_follow_a_draw_that_moves_epoch_by_epoch(tmp_path):
    seen = Weights()
    data = tiny.data_module()
    retrained(tmp_path, data, epochs=3, draw=sampling("progressive", 3), also=[seen], loss=inverse())
    counts = np.array(data.class_counts)
    for epoch, (weights, reached) in enumerate(zip(seen.weights, seen.reached, strict=True)):
        expected = (1 - epoch / 3) * counts + epoch / 3 * counts.sum() / 3
        assert reached == np.rint(expected).astype(int).tolist()
        assert np.allclose(weights, class_weights(reached, "inverse", 0.9999))


def test_a_prior_follows_the_draw(tmp_path):
    loss = LogitAdjustmentLoss((40, 20, 10), tau=0.5)
    retrained(tmp_path, tiny.data_module(), draw=sampling("class_balanced", 1), loss=loss)
    assert torch.allclose(loss.shift, loss.shift[0].expand(3))


def retrained(tmp_path, data, epochs=1, batch_size=8, draw=only_class_2, also=(), **changes):
    record = Record()
    callback = ImageRetraining(tiny.retraining(reset_head=False, **changes), draw, batch_size)
    model = tiny.classifier()
    fit = tiny.trainer(tmp_path, epochs, [callback, record, *also], enable_checkpointing=False)
    fit.fit(model, datamodule=data)
    return model, record, fit


def test_it_trains_on_its_own_draw_and_gives_the_first_one_back(tmp_path):
    data = tiny.data_module(second=same_images)
    before = data.draw, data.batch_size, data.second
    _, record, fit = retrained(tmp_path, data)
    assert record.targets == {2}
    assert set(record.sizes[:-1]) == {8}
    assert (data.draw, data.batch_size, data.second) == before
    assert "retrain/val/bacc" in fit.callback_metrics


@pytest.mark.parametrize(("bn_mode", "kept"), [("frozen", True), ("update", False)])
def test_the_extractor_is_frozen_and_batch_norm_does_as_told(tmp_path, bn_mode, kept):
    model, *_ = retrained(tmp_path, tiny.data_module(), bn_mode=bn_mode)
    fresh = tiny.classifier()
    for name, value in fresh.extractor.state_dict().items():
        statistic = "running" in name or "tracked" in name
        assert torch.equal(value, model.extractor.state_dict()[name]) == (kept or not statistic), name
    assert not torch.equal(model.head.weight, fresh.head.weight)


def test_an_unfrozen_stage_learns(tmp_path):
    model, *_ = retrained(tmp_path, tiny.data_module(), unfreeze=("stage3",))
    fresh = tiny.classifier().extractor
    changed = {
        n.split(".")[0]
        for n, p in model.extractor.named_parameters()
        if not torch.equal(p, dict(fresh.named_parameters())[n])
    }
    assert changed == {"stage3"}
