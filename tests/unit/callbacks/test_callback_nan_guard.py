import pytest
import torch
from helpers import tiny
from pytorch_lightning.callbacks import ModelCheckpoint

from lightning_imb.callbacks.nan_guard import NanGuard
from lightning_imb.models.classifier import ImbalancedClassifier
from lightning_imb.utils.errors import InputError


class Alone:
    """As much of a trainer of one process as the guard asks for."""

    world_size, is_global_zero = 1, True


class Breaks(ImbalancedClassifier):
    """Its loss is NaN from one batch of one epoch on."""

    def training_step(self, batch, batch_idx):
        result = super().training_step(batch, batch_idx)
        if self.current_epoch == 1 and batch_idx >= 2:
            return {"loss": result["loss"] * float("nan")}
        return result


@pytest.mark.parametrize("every", [1, 2, 50])
def test_it_names_epoch_and_batch_and_keeps_the_last_good_checkpoint(tmp_path, every):
    base = tiny.classifier()
    model = Breaks(
        base.extractor,
        base.head,
        base.loss,
        base.optimizer_factory,
        base.scheduler_factory,
        (40, 20, 10),
        "val",
        False,
    )
    last = ModelCheckpoint(tmp_path, "last", save_on_train_epoch_end=True, enable_version_counter=False)
    trainer = tiny.trainer(tmp_path, 3, [NanGuard(every), last])
    with pytest.raises(InputError, match="epoch 1, batch 2"):
        trainer.fit(model, datamodule=tiny.data_module())
    kept = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert kept["epoch"] == 0
    assert all(torch.isfinite(v).all() for v in kept["state_dict"].values())


def test_it_names_the_batch_within_a_group_of_batches():
    class Fit(Alone):
        num_training_batches, current_epoch, precision = 3, 4, "32-true"

    guard, module = NanGuard(every=1000), tiny.classifier()
    guard.on_train_epoch_start(Fit(), module)
    ones = torch.ones(5)
    guard.on_train_batch_end(Fit(), module, {"loss": ones[0], "losses": ones}, None, 0)
    broken = torch.tensor([1.0, 1.0, float("inf"), float("nan"), 1.0])
    guard.on_train_batch_end(Fit(), module, {"loss": broken[-1], "losses": broken}, None, 1)
    with pytest.raises(InputError, match=r"epoch 4, batch 7 .*lower optimizer\.lr$"):
        guard.on_train_batch_end(Fit(), module, {"loss": ones[0], "losses": ones}, None, 2)


def test_it_looks_after_so_many_batches_not_calls():
    class Fit(Alone):
        num_training_batches, current_epoch, precision = 100, 0, "bf16-mixed"

    guard, module = NanGuard(every=10), tiny.classifier()
    guard.on_train_epoch_start(Fit(), module)
    broken = torch.full((5,), float("nan"))
    guard.on_train_batch_end(Fit(), module, {"loss": broken[-1], "losses": broken}, None, 0)
    with pytest.raises(InputError, match=r"batch 0 .*lower optimizer\.lr, or use accelerator\.precision=32-true"):
        guard.on_train_batch_end(Fit(), module, {"loss": broken[-1], "losses": broken}, None, 1)


class Together(Alone):
    """One of two processes; ``others`` is the first bad batch that the other one saw."""

    world_size, num_training_batches, current_epoch, precision = 2, 100, 3, "32-true"

    def __init__(self, rank, others):
        self.is_global_zero, self.strategy, self.others, self.looks = rank == 0, self, others, 0

    def reduce(self, tensor, reduce_op):
        assert reduce_op == "min"
        self.looks += 1
        return torch.minimum(tensor, torch.tensor(self.others))


NOTHING = torch.iinfo(torch.int64).max


def looks(fit, losses, every=2):
    guard, module = NanGuard(every), tiny.classifier()
    guard.on_train_epoch_start(fit, module)
    for number, loss in enumerate(losses):
        guard.on_train_batch_end(fit, module, {"loss": torch.tensor(loss)}, None, number)


@pytest.mark.parametrize(("own", "others", "first"), [([1.0, 1.0], 0, 0), ([1.0, float("nan")], NOTHING, 1)])
def test_all_processes_stop_for_what_one_of_them_saw_and_the_first_one_says_it(own, others, first):
    with pytest.raises(InputError, match=f"epoch 3, batch {first} "):
        looks(Together(0, others), own)
    with pytest.raises(SystemExit) as end:
        looks(Together(1, others), own)
    assert end.value.code == 0


def test_processes_ask_each_other_only_when_they_look():
    fit = Together(0, NOTHING)
    looks(fit, [1.0] * 7)
    assert fit.looks == 3
