"""The csv logger: nothing that was written is lost."""

import csv

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_imb.phases import Phase
from lightning_imb.tracking.csv_logger import CsvLogger
from lightning_imb.tracking.csv_table import MetricsTable


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_are_keyed_by_phase_epoch_and_step(tmp_path):
    logger = CsvLogger(tmp_path)
    logger.log_metrics({"epoch": 0, "val/bacc": 0.25}, step=9)
    logger.log_metrics({"epoch": 0, "train/loss": 1.5}, step=9)  # same key: merged
    logger.log_metrics({"epoch": 0, "retrain/train/loss": 0.5}, step=9)  # other phase: a row of its own
    logger.save()
    assert read(logger.path) == [
        {
            "phase": "represent",
            "epoch": "0",
            "step": "9",
            "val/bacc": "0.25",
            "train/loss": "1.5",
            "retrain/train/loss": "",
        },
        {
            "phase": "retrain",
            "epoch": "0",
            "step": "9",
            "val/bacc": "",
            "train/loss": "",
            "retrain/train/loss": "0.5",
        },
    ]


def test_a_second_start_keeps_and_replaces(tmp_path):
    first = CsvLogger(tmp_path)
    for epoch in range(3):
        first.log_metrics({"epoch": epoch, "train/loss": 10.0 + epoch, "only/first": 1.0}, step=epoch)
    first.save()
    second = CsvLogger(tmp_path)  # resumed from the checkpoint of epoch 1
    for epoch in (2, 3):
        second.log_metrics({"epoch": epoch, "train/loss": 20.0 + epoch, "only/second": 2.0}, step=epoch)
    second.save()
    rows = read(tmp_path / "csv" / "metrics.csv")
    assert [row["train/loss"] for row in rows] == ["10.0", "11.0", "22.0", "23.0"]
    assert [row["only/first"] for row in rows] == ["1.0", "1.0", "1.0", ""]
    assert [row["only/second"] for row in rows] == ["", "", "2.0", "2.0"]


def test_every_write_has_all_that_was_merged_so_far(tmp_path):
    growing, path, merged = MetricsTable(), tmp_path / "metrics.csv", []
    for row in (
        (Phase.REPRESENT, 0, 9, {"a": 1.0}),
        (Phase.REPRESENT, 0, 9, {"a": 2.0}),  # a value changes
        (Phase.RETRAIN, 0, 9, {"a": 3.0}),
        (Phase.REPRESENT, 1, 19, {"b": 4.0}),  # a column comes in the middle
        (Phase.REPRESENT, 0, 9, {"b": 5.0}),  # and an old row gets a value of it
    ):
        growing.update(*row)
        growing.write(path)
        merged.append(row)
        fresh = MetricsTable()
        for known in merged:
            fresh.update(*known)
        fresh.write(tmp_path / "fresh.csv")
        assert path.read_text() == (tmp_path / "fresh.csv").read_text()
    found = [(r["phase"], r["epoch"], r["step"], r["a"], r["b"]) for r in read(path)]
    assert found == [
        ("represent", "0", "9", "2.0", "5.0"),
        ("represent", "1", "19", "", "4.0"),
        ("retrain", "0", "9", "3.0", ""),
    ]


def test_one_phase_of_a_table_is_a_table(tmp_path):
    table = MetricsTable()
    table.update(Phase.REPRESENT, 0, 9, {"a": 1.0})
    table.update(Phase.RETRAIN, 0, 9, {"b": 2.0})
    table.only(Phase.RETRAIN).write(tmp_path / "metrics.csv")
    assert read(tmp_path / "metrics.csv") == [{"phase": "retrain", "epoch": "0", "step": "9", "b": "2.0"}]
    assert len(table) == 2


def test_loggers_made_together_and_used_in_turn_share_the_file(tmp_path):
    first, second = CsvLogger(tmp_path), CsvLogger(tmp_path)
    first.log_metrics({"epoch": 0, "train/loss": 1.0}, step=0)
    first.finalize("success")
    second.log_metrics({"epoch": 0, "retrain/train/loss": 2.0}, step=0)
    second.finalize("success")
    first.log_metrics({"epoch": 1, "train/loss": 3.0}, step=1)
    first.finalize("success")
    assert [(r["phase"], r["epoch"]) for r in read(first.path)] == [
        ("represent", "0"),
        ("represent", "1"),
        ("retrain", "0"),
    ]


def test_names_without_prefix_follow_their_call_and_then_time(tmp_path):
    logger = CsvLogger(tmp_path)
    logger.log_metrics({"epoch": 4, "test/bacc": 0.1, "lr-SGD": 0.1}, step=40)  # phase 1
    logger.log_metrics({"epoch": 4, "retrain/val/bacc": 0.5, "lr-SGD": 0.01}, step=40)
    logger.finalize("success")
    logger.log_metrics({"epoch": 4, "test/bacc": 0.9}, step=40)  # the final model, after phase 3
    logger.log_metrics({"epoch": 4, "represent/test/bacc": 0.2}, step=40)
    logger.save()
    table = MetricsTable.read(logger.path)
    key = {"epoch": 4.0, "step": 40.0}
    assert table.rows(Phase.REPRESENT) == [key | {"test/bacc": 0.1, "lr-SGD": 0.1, "represent/test/bacc": 0.2}]
    assert table.rows(Phase.RETRAIN) == [key | {"retrain/val/bacc": 0.5, "lr-SGD": 0.01, "test/bacc": 0.9}]


def test_nothing_is_written_before_there_is_something(tmp_path):
    logger = CsvLogger(tmp_path)
    logger.save()
    logger.finalize("success")
    assert list(tmp_path.iterdir()) == []


def test_numbers_come_back_exactly(tmp_path):
    value = torch.tensor(0.1).item() / 3
    table = MetricsTable()
    table.update(Phase.REPRESENT, 1, None, {"a": value, "b": 1e-30, "c": float("inf")})
    table.write(tmp_path / "x.csv")
    assert MetricsTable.read(tmp_path / "x.csv").rows(Phase.REPRESENT) == [
        {"epoch": 1.0, "a": value, "b": 1e-30, "c": float("inf")}
    ]


class Module(pl.LightningModule):
    def __init__(self, prefix=""):
        super().__init__()
        self.layer, self.prefix = torch.nn.Linear(1, 1), prefix

    def training_step(self, batch, batch_idx):
        loss = self.layer(batch[0]).sum()
        self.log(f"{self.prefix}train/loss", loss, on_step=False, on_epoch=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.mark.parametrize("share", [True, False])
def test_two_fits_and_a_resume_give_one_row_per_phase_and_epoch(tmp_path, share):
    shared = CsvLogger(tmp_path)

    def fit(prefix, epochs, ckpt_path=None):
        trainer = pl.Trainer(
            max_epochs=epochs,
            logger=shared if share else CsvLogger(tmp_path),
            accelerator="cpu",
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Module(prefix), DataLoader(TensorDataset(torch.ones(3, 1))), ckpt_path=ckpt_path)
        return trainer

    fit("", 2).save_checkpoint(tmp_path / "represent.ckpt")
    fit("", 4, tmp_path / "represent.ckpt")
    fit("retrain/", 2)
    rows = read(tmp_path / "csv" / "metrics.csv")
    assert [(r["phase"], r["epoch"]) for r in rows] == [
        *(("represent", str(epoch)) for epoch in range(4)),
        *(("retrain", str(epoch)) for epoch in range(2)),
    ]
    assert all(r["train/loss" if r["phase"] == "represent" else "retrain/train/loss"] for r in rows)
