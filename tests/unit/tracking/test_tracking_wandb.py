"""Weights & Biases, offline and for real: what was logged is read back from the .wandb file."""

import json
import struct
import time

import pytest
import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader, TensorDataset

from lightning_imb.reports.figures import confusion_figure
from lightning_imb.tracking.close import close_loggers
from lightning_imb.tracking.figures import log_figures
from lightning_imb.tracking.wandb import has_api_key, resolve_mode, wandb_logger
from lightning_imb.utils.errors import InputError

wandb = pytest.importorskip("wandb")


@pytest.fixture
def offline(tmp_path, monkeypatch):
    for key, value in {
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(tmp_path),
        "WANDB_SILENT": "true",
        "WANDB_CACHE_DIR": str(tmp_path / "cache"),
        "WANDB_CONFIG_DIR": str(tmp_path / "config"),
        "WANDB_DATA_DIR": str(tmp_path / "data"),
        "WANDB_ERROR_REPORTING": "false",
    }.items():
        monkeypatch.setenv(key, value)
    yield tmp_path
    if wandb.run is not None:
        wandb.finish()


def records(folder, patience=60):
    """All records of the one offline run below a folder, waiting for W&B's own process to write the last one."""
    from wandb.proto.wandb_internal_pb2 import Record

    (file,) = folder.glob("wandb/offline-run-*/*.wandb")
    for _ in range(10 * patience):
        found = [Record.FromString(data) for data in scan(file.read_bytes())]
        if any(record.WhichOneof("record_type") == "exit" for record in found):
            return found
        time.sleep(0.1)
    raise AssertionError(f"{file} was not finished within {patience} s")


def scan(data, block=32768, full=1, last=4):
    """Take a .wandb file apart: LevelDB's log format after a header of 7 bytes.

    Each piece is crc32 (4 bytes), length (2), type (1), bytes; no piece crosses a block of 32 KiB.
    """
    assert data[:4] == b":W&B"
    position, pieces = 7, b""
    while position + 7 <= len(data):
        if block - position % block < 7:  # too short for a head: padding
            position += block - position % block
            continue
        length, kind = struct.unpack_from("<HB", data, position + 4)
        if position + 7 + length > len(data):
            return  # still being written
        pieces += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (full, last):
            yield pieces
            pieces = b""


def history(found, name):
    items = [item for r in found if r.WhichOneof("record_type") == "history" for item in r.history.item]
    return [json.loads(i.value_json) for i in items if (i.key or "/".join(i.nested_key)) == name]


def config(found):
    updates = [r.run.config.update for r in found if r.WhichOneof("record_type") == "run"]
    updates += [r.config.update for r in found if r.WhichOneof("record_type") == "config"]
    return {u.key or ".".join(u.nested_key): json.loads(u.value_json) for items in updates for u in items}


class Module(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch, batch_idx):
        self.log("train/loss", 0.125 + self.current_epoch, on_step=False, on_epoch=True)
        return self.layer(batch[0]).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def test_metrics_config_and_figures_of_a_fit_are_in_the_file(offline):
    run = offline / "run"
    logger = wandb_logger(run, project="imb", name="eos-seed3", mode="auto")
    logger.log_hyperparams({"method": "eos", "imbalance": {"ratio": 100}})
    trainer = pl.Trainer(
        max_epochs=2,
        logger=logger,
        accelerator="cpu",
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Module(), DataLoader(TensorDataset(torch.ones(2, 1))))
    logger.log_metrics({"test/bacc": 0.8125}, step=4)
    log_figures([logger], {"figures/confusion": confusion_figure(torch.eye(3).numpy(), ["a", "b", "c"])}, step=4)
    close_loggers([logger], "success")
    assert wandb.run is None

    found = records(run)
    assert history(found, "train/loss") == [0.125, 1.125]
    assert history(found, "test/bacc") == [0.8125]
    assert config(found)["method"] == "eos"
    assert config(found)["imbalance"] == {"ratio": 100}
    assert next(r.run.project for r in found if r.WhichOneof("record_type") == "run") == "imb"
    assert next(r.run.display_name for r in found if r.WhichOneof("record_type") == "run") == "eos-seed3"
    assert [r.exit.exit_code for r in found if r.WhichOneof("record_type") == "exit"] == [0]
    assert len(list(run.glob("wandb/offline-run-*/files/media/images/figures/*.png"))) == 1


def test_a_failed_run_is_marked_and_the_next_one_is_a_run_of_its_own(offline):
    first = wandb_logger(offline / "a", project="imb", name="a")
    first.log_metrics({"x": 1.0})
    close_loggers([first], "failed")
    second = wandb_logger(offline / "b", project="imb", name="b")
    second.log_metrics({"x": 2.0})
    close_loggers([second], "success")
    assert history(records(offline / "a"), "x") == [1.0]
    assert history(records(offline / "b"), "x") == [2.0]
    exits = [r.exit.exit_code for r in records(offline / "a") if r.WhichOneof("record_type") == "exit"]
    assert exits == [1]


def test_a_resumed_run_keeps_its_id(tmp_path):
    ids = [wandb_logger(tmp_path / name, project="imb", name="x", mode="offline").version for name in "aab"]
    assert ids[0] == ids[1] != ids[2]


def test_auto_is_online_only_with_a_key(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    netrc = tmp_path / "netrc"
    monkeypatch.setenv("NETRC", str(netrc))
    assert resolve_mode("auto") == "offline"
    netrc.write_text("machine example.org login a password b\n")
    netrc.chmod(0o600)
    assert not has_api_key()
    netrc.write_text("machine api.wandb.ai login user password 0123\n")
    assert resolve_mode("auto") == "online"
    netrc.write_text("neither netrc nor anything")
    assert resolve_mode("auto") == "offline"
    monkeypatch.setenv("WANDB_API_KEY", "0123")
    assert resolve_mode("auto") == "online"
    assert resolve_mode("offline") == "offline"
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert resolve_mode("auto") == "disabled"


def test_unknown_mode_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"'on'.*auto, online, offline, disabled"):
        wandb_logger(tmp_path, project="imb", name="x", mode="on")
