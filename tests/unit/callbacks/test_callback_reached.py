import torch
from helpers import tiny
from pytorch_lightning import Callback
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_imb.callbacks.reached import DrawnCounts
from lightning_imb.data.sampling import Sampling
from lightning_imb.losses import CrossEntropyLoss
from lightning_imb.models.phased import REACHED


class Seen(Callback):
    """Remembers what the classifier knew in each batch."""

    def __init__(self):
        self.reached = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.reached.append((trainer.current_epoch, tuple(pl_module.reached)))


def deferred(epochs=4):
    return Sampling(
        "class_balanced", power=0.5, beta=0.9, start=2, epochs=epochs, replacement=True, epoch_length="dataset"
    )


def fitted(tmp_path, data, model, epochs=4, resume=None, **settings):
    seen, keep = Seen(), ModelCheckpoint(tmp_path, every_n_train_steps=1, save_top_k=-1, filename="{epoch}-{step}")
    trainer = tiny.trainer(tmp_path, epochs, [DrawnCounts(), seen, keep], **settings)
    trainer.fit(model, datamodule=data, ckpt_path=resume, weights_only=True)
    return seen.reached, trainer


def test_a_deferred_sampler_reaches_the_loss_from_its_start_on(tmp_path):
    data, model = tiny.data_module(draw=deferred()), tiny.classifier()
    reached, _ = fitted(tmp_path, data, model)
    images, total = tuple(data.class_counts), sum(data.class_counts)
    assert set(reached) == {(0, images), (1, images), *((epoch, (round(total / 3),) * 3) for epoch in (2, 3))}


def test_class_weights_of_phase_1_stay_those_of_the_images(tmp_path):
    loss = CrossEntropyLoss((40, 20, 10), weights="inverse", beta=0.9, reduction="mean")
    before = loss.class_weight.tolist()
    model = tiny.classifier(loss=loss)
    fitted(tmp_path, tiny.data_module(draw=deferred()), model)
    assert loss.class_weight.tolist() == before


def test_a_checkpoint_knows_the_draw_of_its_epoch(tmp_path):
    data = tiny.data_module(draw=deferred())
    fitted(tmp_path, data, tiny.classifier())
    kept = {path.stem: torch.load(path, weights_only=True) for path in tmp_path.glob("*.ckpt")}
    assert {tuple(c[REACHED]) for c in kept.values() if c["epoch"] == 0} == {tuple(data.class_counts)}
    assert {len(set(c[REACHED])) for c in kept.values() if c["epoch"] == 3} == {1}


def test_a_fit_that_goes_on_in_mid_epoch_counts_that_epoch(tmp_path):
    data = tiny.data_module(draw=deferred())
    _, trainer = fitted(tmp_path / "first", data, tiny.classifier())
    steps = trainer.num_training_batches
    [resume] = (tmp_path / "first").glob(f"epoch=2-step={2 * steps + 1}.ckpt")
    reached, _ = fitted(tmp_path / "again", tiny.data_module(draw=deferred()), tiny.classifier(), resume=resume)
    assert reached[0] == (2, (round(sum(data.class_counts) / 3),) * 3)
