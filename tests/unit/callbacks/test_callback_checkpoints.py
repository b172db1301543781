import torch
from helpers import tiny
from pytorch_lightning import Trainer

from lightning_imb.callbacks.checkpoints import LastCheckpoint


def test_the_metrics_of_an_epoch_are_recorded_before_its_checkpoint(tmp_path):
    seen = []

    def record(metrics, step):
        last = tmp_path / "last.ckpt"
        seen.append((metrics, step, torch.load(last, weights_only=True)["epoch"] if last.is_file() else None))

    trainer = Trainer(
        accelerator="cpu",
        max_epochs=3,
        logger=False,
        callbacks=[LastCheckpoint(tmp_path, record)],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=tmp_path,
    )
    trainer.fit(tiny.classifier(), datamodule=tiny.data_module())
    assert [metrics["epoch"] for metrics, _, _ in seen] == [0, 1, 2]
    assert [saved for _, _, saved in seen] == [None, 0, 1]
    assert [step for _, step, _ in seen] == [3, 7, 11]  # 56 images in batches of 16
    assert set(seen[0][0]) == {"train/loss", "train/bacc", "train/top1", "epoch"}
