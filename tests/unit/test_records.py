"""What a run says of where its images are."""

import pytest
import torch
from helpers import tiny
from helpers.runs import composed

from lightning_imb.records import header_info
from lightning_imb.runs import RunFolder


def images_line(tmp_path, *overrides, cached=False, **changes):
    data = tiny.data_module(**changes)
    data.setup("fit")
    if cached:
        data._sets = {name: images._replace(cached=True) for name, images in data._sets.items()}
    cfg = composed(f"run_dir={tmp_path}", *overrides)
    return header_info(cfg, RunFolder(tmp_path), data, tiny.classifier())["images"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "decoded in memory"),
        ({"cached": True}, "decoded in memory (cached)"),
        ({"in_memory": False, "num_workers": "auto"}, "streamed from disk by 2 workers"),
        ({"in_memory": False, "num_workers": 1}, "streamed from disk by 1 worker"),
        ({"in_memory": False, "num_workers": 0}, "streamed from disk by the training process"),
    ],
)
def test_the_header_says_where_the_images_are(tmp_path, changes, words):
    assert images_line(tmp_path, **changes) == words


@pytest.mark.parametrize(
    ("on_device", "accelerator", "words"),
    [
        ("auto", "gpu", "decoded in memory, on the GPU"),
        ("auto", "cpu", "decoded in memory"),
        (False, "gpu", "decoded in memory"),
    ],
)
def test_the_header_says_when_images_are_on_the_gpu(tmp_path, monkeypatch, on_device, accelerator, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10**9, 10**10))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a GPU")
    assert images_line(tmp_path, f"accelerator={accelerator}", on_device=on_device) == words
