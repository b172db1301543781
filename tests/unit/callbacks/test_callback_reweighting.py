import pytest
from helpers import tiny
from pytorch_lightning import Callback, Trainer

from lightning_imb.callbacks.reweighting import Reweighting

COUNTS = (32, 16, 8)  # of the tiny training set without its validation images


class Weights(Callback):
    def __init__(self):
        self.seen = []

    def on_train_epoch_end(self, trainer, pl_module):
        self.seen.append(pl_module.loss.class_weight.tolist())


def weights_per_epoch(tmp_path, kind, start, epochs=5):
    record = Weights()
    Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        limit_train_batches=1,
        limit_val_batches=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=tmp_path,
        callbacks=[Reweighting(kind, beta=0.999, start=start), record],
    ).fit(tiny.classifier(COUNTS), datamodule=tiny.data_module())
    return record.seen


def effective(beta=0.999):
    raw = [(1 - beta) / (1 - beta**n) for n in COUNTS]
    return pytest.approx([3 * w / sum(raw) for w in raw], rel=1e-5)


@pytest.mark.parametrize("start", [0.8, 4])
def test_deferred_weights_begin_at_their_epoch(tmp_path, start):
    seen = weights_per_epoch(tmp_path, "effective", start)
    assert seen[:4] == [[1.0, 1.0, 1.0]] * 4
    assert seen[4] == effective()


def test_weights_from_the_start(tmp_path):
    assert all(weights == effective() for weights in weights_per_epoch(tmp_path, "effective", 0, epochs=2))


def test_inverse_weights_are_inverse_frequencies(tmp_path):
    raw = [1 / n for n in COUNTS]
    expected = pytest.approx([3 * w / sum(raw) for w in raw], rel=1e-5)
    assert weights_per_epoch(tmp_path, "inverse", 0, epochs=1)[0] == expected
