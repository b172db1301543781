import torch
from helpers import tiny

from lightning_imb.callbacks.checkpoints import LastCheckpoint
from lightning_imb.callbacks.progress_diagnostics import ProgressDiagnostics


def fit(folder, record, *callbacks):
    trainer = tiny.trainer(folder, 3, [LastCheckpoint(folder, record), *callbacks])
    trainer.fit(tiny.classifier(), datamodule=tiny.data_module())


def test_the_metrics_of_an_epoch_are_recorded_before_its_checkpoint(tmp_path):
    seen = []

    def record(metrics, step):
        last = tmp_path / "last.ckpt"
        seen.append((metrics, step, torch.load(last, weights_only=True)["epoch"] if last.is_file() else None))

    fit(tmp_path, record)
    assert [metrics["epoch"] for metrics, _, _ in seen] == [0, 1, 2]
    assert [saved for _, _, saved in seen] == [None, 0, 1]
    assert [step for _, step, _ in seen] == [3, 7, 11]  # 56 images in batches of 16
    assert set(seen[0][0]) == {"train/loss", "train/bacc", "train/top1", "epoch"}


def test_diagnostics_are_recorded_with_their_own_epoch_alone(tmp_path):
    seen = []
    fit(tmp_path, lambda metrics, step: seen.append(dict(metrics)), ProgressDiagnostics(2, "auto"))
    found = [[name for name in metrics if name.startswith("diagnostics/")] for metrics in seen]
    assert found[0] == found[2] == []  # Lightning still knows the second epoch's in the third
    assert "diagnostics/recall_minor" in found[1]
    assert all("train/bacc" in metrics for metrics in seen)
