"""Runs and images that imb-eval, imb-predict and a second imb-train cannot use: one sentence with the cure."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.commands import assert_one_sentence
from helpers.images import truncate, write_image
from helpers.runs import (
    assert_refused,
    assert_refused_before_training,
    classified,
    coloured_classes,
    config,
    digit_files,
    evaluated,
    own_images,
    trained,
)

from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder
from lightning_imb.workflow import train

# --- folders of other runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of phase 1 on images of one's own."""
    root = coloured_classes(tmp_path_factory.mktemp("data") / "images")
    return trained(tmp_path_factory.mktemp("runs") / "run", *own_images(root))


@pytest.fixture
def copy(finished, tmp_path):
    """The same run, to be spoilt."""
    shutil.copytree(finished.path, tmp_path / "copy")
    return RunFolder(tmp_path / "copy")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        assert_refused(lambda p=place: evaluated(RunFolder(p)), str(place), "not a run folder")
        assert_refused(lambda p=place: classified(RunFolder(p), tmp_path, tmp_path / "p.csv"), "not a run folder")


def test_an_unfinished_run_is_refused(copy, tmp_path):
    copy.metrics_file.unlink()
    assert_refused(lambda: evaluated(copy), str(copy.path), "not finished", "imb-train")
    assert_refused(lambda: classified(copy, tmp_path, tmp_path / "p.csv"), "not finished", "imb-train")


@pytest.mark.parametrize("spoil", ["cut", "noise", "empty", "gone", "foreign", "wider"])
def test_a_checkpoint_that_cannot_be_used_is_refused(copy, spoil):
    path = copy.checkpoint(Phase.REPRESENT, "best")
    if spoil == "cut":
        truncate(path, path.stat().st_size // 2)
    elif spoil == "noise":
        path.write_bytes(bytes(range(256)) * 8)
    elif spoil == "empty":
        path.write_bytes(b"")
    elif spoil == "gone":
        path.unlink()
    elif spoil == "foreign":
        torch.save(torch.zeros(3), path)
    else:
        kept = torch.load(path, weights_only=True)
        kept["state_dict"]["extractor.stage1.0.weight"] = torch.zeros(5, 3, 3, 3)
        torch.save(kept, path)
    words = {"gone": "there is no checkpoint", "foreign": "no Lightning checkpoint", "wider": "does not fit"}
    assert_refused(lambda: evaluated(copy), str(path), words.get(spoil, "damaged"))


def test_a_checkpoint_that_would_run_code_is_refused(copy):
    class Malicious:
        def __reduce__(self):
            return os.mkdir, (str(copy.path / "hacked"),)

    torch.save({"state_dict": Malicious()}, copy.checkpoint(Phase.REPRESENT, "best"))
    assert_refused(lambda: evaluated(copy), "damaged")
    assert not (copy.path / "hacked").exists()


def test_damaged_files_of_a_run_are_named(copy):
    copy.data_file.write_text("{")
    assert_refused(lambda: evaluated(copy), "data.json", "damaged")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("phase=retrain", ("no phase 3", "phase=represent")),
        ("phase=second", ("phase", "second", "represent")),
        ("checkpoint=newest", ("checkpoint", "newest", "best")),
        ("split=validation", ("validation", "split=val")),
    ],
)
def test_what_the_run_does_not_have_is_refused(finished, override, words):
    assert_refused(lambda: evaluated(finished, override), *words)


@pytest.mark.parametrize("change", ["more", "other", "gone"])
def test_data_that_changed_since_training_are_refused(tmp_path, change):
    root = coloured_classes(tmp_path / "images" / "train").parent
    for name in ("val", "test"):
        coloured_classes(root / name, (3, 3, 3))
    run = trained(tmp_path / "run", *own_images(root))
    assert evaluated(run, "split=val")
    if change == "more":
        coloured_classes(root / "train", (13, 8, 6))
    elif change == "other":
        write_image(root / "val" / "a" / "00.png", np.zeros((8, 8, 3), dtype=np.uint8))
    else:
        root.rename(tmp_path / "moved")
    words = ("does not exist",) if change == "gone" else ("not those of the run", "root=")
    assert_refused(lambda: evaluated(run), *words)
    if change == "gone":
        scores = evaluated(run, f"root={tmp_path / 'moved'}")
        assert scores["test/bacc"] == run.read_metrics()["test/bacc"]
        assert_refused(lambda: evaluated(run, f"root={tmp_path / 'moved' / 'train'}"), "not those of the run")


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(tmp_path, finished):
    words = ("accelerator=gpu", "no GPU", "accelerator=cpu")
    assert_refused_before_training(tmp_path / "run", words, "accelerator=gpu")
    assert_refused_before_training(tmp_path / "run", words, "accelerator=multi_gpu")
    assert_refused(lambda: evaluated(finished, "accelerator=gpu"), *words)
    assert_refused(lambda: classified(finished, tmp_path, tmp_path / "p.csv", "accelerator=gpu"), *words)


# --- images to classify


def test_missing_and_empty_inputs_are_refused(finished, tmp_path):
    output = tmp_path / "p.csv"
    assert_refused(lambda: classified(finished, tmp_path / "no", output), str(tmp_path / "no"), "does not exist")
    (tmp_path / "empty").mkdir()
    assert_refused(lambda: classified(finished, tmp_path / "empty", output), "no image in", "empty")
    assert not output.exists()


def test_a_bad_image_is_named_or_skipped_and_counted(finished, tmp_path, capsys):
    folder = coloured_classes(tmp_path / "new", (2, 2))
    (folder / "a" / "00.png").write_text("text")
    output = tmp_path / "p.csv"
    sentence = assert_refused(lambda: classified(finished, folder, output), "a/00.png", "set on_bad_image=skip")
    assert "dataset.on_bad_image" not in sentence
    assert not output.exists()
    for size in (1, 3):  # a batch of nothing but bad images is no reason to stop
        table = classified(finished, folder, output, "on_bad_image=skip", f"batch_size={size}")
        assert table["name"].tolist() == ["a/01.png", "b/00.png", "b/01.png"]
        assert "3 images classified, 1 unreadable ones skipped" in capsys.readouterr().out


def test_a_bad_image_costs_none_of_the_batches_before_it(finished, tmp_path):
    folder = coloured_classes(tmp_path / "new", (3, 3))
    truncate(folder / "b" / "02.png", 60)
    output = tmp_path / "out" / "p.csv"
    whole = classified(finished, folder, output, "on_bad_image=skip", "batch_size=2")
    earlier = output.read_bytes()
    sentence = assert_refused(lambda: classified(finished, folder, output, "batch_size=2"), "b/02.png")
    [draft] = output.parent.glob("p.csv.*.part")
    assert sentence.endswith(f"; what was done before is in {draft}")
    pd.testing.assert_frame_equal(pd.read_csv(draft), whole[:4], check_dtype=False, atol=1e-6)
    assert output.read_bytes() == earlier


def test_the_csv_does_not_depend_on_the_size_of_the_batches(finished, tmp_path):
    folder = coloured_classes(tmp_path / "new", (3, 3))
    for name, size in (("p.csv", 256), ("q.csv", 2)):
        classified(finished, folder, tmp_path / name, f"batch_size={size}")
    assert pd.read_csv(tmp_path / "q.csv").shape == (6, 5)
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "q.csv"), pd.read_csv(tmp_path / "p.csv"), atol=1e-5)
    assert not list(tmp_path.glob("*.part"))


def test_nothing_but_bad_images_is_refused(finished, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "x.png").write_text("text")
    words = ("none of the 1 images", "new")
    assert_refused(lambda: classified(finished, tmp_path / "new", tmp_path / "p.csv", "on_bad_image=skip"), *words)
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("on_bad_image=maybe", ("on_bad_image", "maybe", "skip")),
        ("batch_size=0", ("batch_size", "0")),
        ("phase=retrain", ("no phase 3",)),
    ],
)
def test_settings_of_predict_that_cannot_work_are_refused(finished, tmp_path, override, words):
    folder = coloured_classes(tmp_path / "new", (1, 1))
    assert_refused(lambda: classified(finished, folder, tmp_path / "p.csv", override), *words)


def test_an_output_that_cannot_be_written_is_refused_first(finished, tmp_path):
    folder = coloured_classes(tmp_path / "new", (1, 1))
    assert_refused(lambda: classified(finished, folder, tmp_path), "output=", "is a folder")
    (tmp_path / "file").write_text("")
    assert_refused(lambda: classified(finished, folder, tmp_path / "file" / "p.csv"), "cannot be written")


# --- the same folder again


def test_other_settings_in_a_used_folder_are_refused_by_name(copy):
    before = copy.config_file.read_bytes()
    root = copy.read_config().dataset.root
    given = own_images(root, "seed=5", "optimizer.lr=0.5")
    assert_refused(lambda: train(config(copy.path, *given)), "seed", "optimizer.lr", "another hydra.run.dir")
    assert_refused(lambda: train(config(copy.path, *own_images(root), "resume=never")), "holds a run already")
    assert copy.config_file.read_bytes() == before


def test_a_damaged_checkpoint_is_set_aside_and_the_phase_begins_anew_where_there_is_no_other(copy, caplog):
    copy.metrics_file.unlink()
    last = copy.checkpoint(Phase.REPRESENT, "last")
    truncate(last, 100)
    train(config(copy.path, *own_images(copy.read_config().dataset.root)))
    assert f"{last} is damaged (RuntimeError): going on from the beginning of the phase" in caplog.text
    assert last.with_suffix(".damaged").is_file()
    assert copy.finished


def test_data_that_changed_between_two_launches_are_refused(copy, tmp_path):
    copy.metrics_file.unlink()
    known = copy.read_data()
    copy.write_data(known | {"fingerprint": "other"})
    given = own_images(copy.read_config().dataset.root)
    assert_refused(lambda: train(config(copy.path, *given)), "not those", "hydra.run.dir")
    assert json.loads(copy.data_file.read_text())["fingerprint"] == "other"


# --- as a user sees it

TRAIN = ("hydra.run.dir=run", "logger=none", "callbacks=quiet", "method=erm")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dataset=image_folder", "dataset.root=nowhere"), ("nowhere does not exist", "dataset.root")),
        (("optimizer.lr=1e30",), ("epoch 0, batch", "lower optimizer.lr")),
        (("model=torchvision", "model.extractor.name=alexnet"), ("1 x 8 x 8", "dataset.image_size")),
    ],
)
def test_the_command_ends_with_one_sentence_and_code_1(console, tmp_path, arguments, words):
    end = console.script("train", *arguments, *TRAIN, cwd=tmp_path)
    assert_one_sentence(end, *words)
    assert "Traceback" not in end.out + end.err
    assert words[0] in (tmp_path / "run" / "train.log").read_text()
    assert not list(tmp_path.rglob("*.ckpt"))


def test_eval_and_predict_end_with_one_sentence_and_code_1(console, tmp_path, finished):
    assert_one_sentence(console.script("eval", f"run={tmp_path}", cwd=tmp_path), "not a run folder")
    folder = digit_files(tmp_path / "new", ["digits/0001"])
    (folder / "z.png").write_text("text")
    end = console.script("predict", f"run={finished.path}", f"input={folder}", cwd=tmp_path)
    assert_one_sentence(end, "z.png", "on_bad_image=skip")
