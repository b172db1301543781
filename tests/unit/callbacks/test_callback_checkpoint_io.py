"""Checkpoints that cannot be halved."""

import errno
import os

import pytest
import torch

from lightning_imb.callbacks.checkpoint_io import AtomicCheckpointIO
from lightning_imb.utils import atomic
from lightning_imb.utils.errors import InputError


def epoch_of(path):
    return torch.load(path, weights_only=True)["epoch"]


def test_the_replaced_last_checkpoint_stays_as_previous(tmp_path):
    for epoch in range(3):
        AtomicCheckpointIO().save_checkpoint({"epoch": epoch}, tmp_path / "deep" / "last.ckpt")
    assert epoch_of(tmp_path / "deep" / "last.ckpt") == 2
    assert epoch_of(tmp_path / "deep" / "previous.ckpt") == 1
    assert len(list((tmp_path / "deep").iterdir())) == 2


def test_of_other_checkpoints_there_is_one(tmp_path):
    for epoch in range(2):
        AtomicCheckpointIO().save_checkpoint({"epoch": epoch}, str(tmp_path / "best.ckpt"))
    assert [path.name for path in tmp_path.iterdir()] == ["best.ckpt"]


def test_without_hard_links_the_previous_one_is_a_copy(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refuse)
    for epoch in range(3):
        AtomicCheckpointIO().save_checkpoint({"epoch": epoch}, tmp_path / "last.ckpt")
    assert [epoch_of(tmp_path / f"{kind}.ckpt") for kind in ("last", "previous")] == [2, 1]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_sentence_and_the_old_file_stays(tmp_path, monkeypatch, number):
    AtomicCheckpointIO().save_checkpoint({"epoch": 0}, tmp_path / "last.ckpt")

    def full(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(atomic.os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write .*last\.ckpt \(.*\): make room and launch the same command"):
        AtomicCheckpointIO().save_checkpoint({"epoch": 1}, tmp_path / "last.ckpt")
    assert epoch_of(tmp_path / "last.ckpt") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]
