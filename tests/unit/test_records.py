"""What a run records of itself: its header and its scores."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from helpers import tiny
from helpers.runs import composed
from imblearn.over_sampling import RandomOverSampler

from lightning_imb.metrics import known_prior_shift, prior_shift, ranking, reliability
from lightning_imb.records import header_info, score_entries
from lightning_imb.reports.header import header_lines
from lightning_imb.runs import Predictions, RunFolder
from lightning_imb.utils.atomic import write_json_atomic


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


def header(tmp_path, *overrides, **changes):
    data = tiny.data_module(**changes)
    data.setup("fit")
    return header_info(composed(f"run_dir={tmp_path}", *overrides), RunFolder(tmp_path), data, tiny.classifier())


def test_the_header_is_silent_on_what_is_not_done(tmp_path):
    info = header(tmp_path)
    assert not {"mix", "sampler", "oversample", "sharpness", "posthoc"} & info.keys()


def test_the_header_names_what_is_done_beside_a_plain_training(tmp_path):
    overrides = ["mix=mixup", "sampler=drs", "oversample=pixel_smote", "sharpness=sam", "sharpness.rho=0.1"]
    info = header(tmp_path, *overrides, "posthoc=tau_norm", oversample=RandomOverSampler(random_state=0))
    shown = dict(header_lines(info))
    assert shown["mix"] == "Mixup"
    assert shown["sampler"] == "class_balanced, start 0.8"
    assert shown["oversample"] == "SMOTE, 40 synthetic images"  # 32, 16 and 8 become 32 each
    assert shown["sharpness"] == "SAM, rho 0.1"
    assert shown["posthoc"] == "TauNorm"
    assert header(tmp_path, "sharpness=asam")["sharpness"].startswith("ASAM")


def predictions(seed=0, per_class=10):
    random = np.random.default_rng(seed)
    targets = np.repeat(np.arange(3), per_class)
    logits = random.normal(size=(len(targets), 3)) + 1.5 * np.eye(3)[targets]
    return Predictions(logits.astype(np.float32), targets)


@pytest.fixture
def data():
    made = tiny.data_module()
    made.setup("fit")
    return made


def test_scores_of_the_test_set_hold_calibration_and_prior_shift(data):
    given = predictions()
    entries = score_entries("test", given, data)
    bins = reliability(*given)
    assert (entries["test/ece"], entries["test/mce"]) == (bins.ece, bins.mce)
    assert entries["test/reliability"] == bins.rows()
    assert sum(row[0] for row in entries["test/reliability"]) == 30
    shifted = {name.rsplit("/", 1)[1]: value for name, value in entries.items() if "prior_shift/" in name}
    assert shifted == prior_shift(entries["test/recall"], [10] * 3, data.class_counts)
    assert shifted["uniform"] == pytest.approx(entries["test/bacc"])


@pytest.mark.parametrize("prefix", ["test", "val", "represent/test", "before_posthoc/test"])
def test_every_set_has_rankings_of_its_classes(data, prefix):
    given = predictions()
    entries, found = score_entries(prefix, given, data), ranking(*given)
    assert entries[f"{prefix}/class_auroc"] == found.auroc.tolist()
    assert entries[f"{prefix}/class_ap"] == found.ap.tolist()
    assert entries[f"{prefix}/auroc"] == pytest.approx(np.mean(found.auroc))
    assert entries[f"{prefix}/ap"] == pytest.approx(np.mean(found.ap))


def test_classes_without_images_are_not_ranked(data):
    logits, targets = predictions()
    some = targets != 1
    entries = score_entries("test", Predictions(logits[some], targets[some]), data)
    assert entries["test/class_auroc"][1] is entries["test/class_ap"][1] is entries["test/recall"][1] is None
    auroc = entries["test/class_auroc"]
    assert entries["test/auroc"] == pytest.approx((auroc[0] + auroc[2]) / 2)


@pytest.mark.parametrize("prefix", ["represent/test", "before_posthoc/test"])
def test_the_test_set_is_scored_alike_at_every_stage(data, prefix):
    final = score_entries("test", predictions(), data)
    assert score_entries(prefix, predictions(), data) == {
        name.replace("test", prefix, 1): value for name, value in final.items()
    }


def test_logits_of_which_nothing_is_known_are_told_no_prior(data):
    assert not [name for name in score_entries("test", predictions(), data) if "known" in name]


@pytest.mark.parametrize("inside", [[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
def test_a_known_prior_takes_the_place_of_the_one_that_the_head_has(data, inside):
    given = predictions()
    entries = score_entries("test", given, data, inside)
    told = {name.rsplit("/", 1)[1]: value for name, value in entries.items() if "prior_shift_known/" in name}
    assert told == known_prior_shift(*given, data.real_counts, inside)
    hits = [0] * 3
    for logits, y in zip(*given, strict=True):
        hits[y] += int(np.argmax(logits - np.log(inside))) == y  # classes alike: their prior adds nothing
    assert told["uniform"] == pytest.approx(sum(hits) / 30)


def test_other_sets_have_calibration_alone(data):
    entries = score_entries("val", predictions(), data)
    assert "val/ece" in entries
    assert not [name for name in entries if "prior_shift" in name or "reliability" in name]


def test_synthetic_images_make_no_class_frequent():
    """Groups and shifts go by the real counts; over-sampled ones are all alike."""
    data = tiny.data_module(oversample=RandomOverSampler(random_state=0))
    data.setup("fit")
    plain = tiny.data_module()
    plain.setup("fit")
    assert data.class_counts != plain.class_counts
    alike = [1 / 3] * 3
    with_synthetic, without = (score_entries("test", predictions(), given, alike) for given in (data, plain))
    assert with_synthetic == without


def test_entries_are_plain_json(data, tmp_path):
    entries = score_entries("test", predictions(), data)
    write_json_atomic(tmp_path / "entries.json", entries)
    assert json.loads((tmp_path / "entries.json").read_text()) == entries


def test_scores_of_many_classes():
    random, k = np.random.default_rng(0), 1500
    targets = np.arange(k).repeat(2)
    counts = list(range(k, 0, -1))
    many = SimpleNamespace(bins=None, real_counts=counts, class_counts=counts, class_names=[str(c) for c in range(k)])
    entries = score_entries("test", Predictions(random.normal(size=(2 * k, k)).astype(np.float32), targets), many)
    assert len(entries["test/recall"]) == k
    assert 0 <= entries["test/ece"] <= entries["test/mce"] <= 1
