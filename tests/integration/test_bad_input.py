"""Bad input: one sentence that names the value and the cure, before anything is trained."""

import functools
import json
import logging

import numpy as np
import pytest
import torch
from helpers.commands import assert_one_sentence, script
from helpers.images import truncate, write_class_folders, write_csv, write_image
from helpers.runs import (
    assert_refused,
    assert_refused_before_training,
    classified,
    coloured_classes,
    composed,
    config,
    digit_files,
    evaluated,
    own_images,
    trained,
)

from lightning_imb.phases import Phase
from lightning_imb.workflow import train

ERM = "method=erm"

SETTINGS = {
    # the data of digits
    "imbalance.ratio=0.5": ("imbalance.ratio=0.5", "at least 1"),
    "imbalance.ratio=500": ("imbalance.ratio=500", "leaves class", "at most 128"),
    "imbalance.ratio=abc": ("imbalance.ratio", "abc"),
    "imbalance=step imbalance.minority=2": ("imbalance.minority=2", "between 0 and 1"),
    "imbalance.selection=tail": ("imbalance.selection='tail'", "random or ldam_drw"),
    "imbalance.seed=-1": ("imbalance.seed", "-1"),
    "imbalance=natural imbalance.ratio=9": ("imbalance.ratio=9", "imbalance=exp"),
    "protocol.val_size=50": ("protocol.val_size=50", "class 3", "lower protocol.val_size"),
    "protocol.val_size=1.5": ("protocol.val_size=1.5", "between 0 and 1"),
    "protocol.val_size=-1": ("protocol.val_size=-1", "between 0 and 1"),
    "dataset.test_size=some": ("dataset.test_size", "some"),
    "dataset.split_seed=-1": ("dataset.split_seed", "-1"),
    "dataset.image_size=-3": ("dataset.image_size=-3",),
    "dataset.channels=2": ("dataset.channels=2", "1 (grey) or 3 (RGB)"),
    "dataset.in_memory=perhaps": ("dataset.in_memory", "perhaps"),
    "dataset.on_bad_image=ignore": ("dataset.on_bad_image", "ignore", "skip"),
    "dataset.augment.pad=-1": ("dataset.augment.pad", "-1"),
    "dataset.mean=[0.1,0.2]": ("dataset.mean=[0.1, 0.2]", "auto"),
    "dataset.std=0": ("dataset.std=[0]", "positive"),
    # the choice of the epoch
    "protocol.select=last_but_one": ("protocol.select", "last_but_one", "best_val"),
    "protocol.select=best_test": ("protocol.select=best_test", "protocol=paper"),
    "protocol=paper protocol.select=best_val": ("protocol.select=best_val", "protocol.val_size"),
    "protocol=paper protocol.select=best_test protocol.val_size=0.1": ("best_test", "protocol.val_size=0.1"),
    "protocol.monitor=accuracy": ("protocol.monitor", "accuracy", "top1"),
    "val_every=9 epochs=2": ("val_every=9", "epochs=2"),
    "method=eos retrain.val_every=99": ("retrain.val_every=99", "retrain.epochs=10"),
    # losses, heads and weights
    "loss=ldam model.head=linear": ("cosine head", "model.head=linear", "model.head=cosine"),
    "model.head=round": ("model.head", "round"),
    "reweight=drw loss.weights=inverse": ("loss.weights=inverse", "reweight=none"),
    "loss=class_balanced reweight=drw": ("loss.weights=effective", "reweight=none"),
    "reweight=drw reweight.kind=strong": ("strong", "inverse_sqrt"),
    "reweight=drw reweight.start=-3": ("start", "-3"),
    "reweight=drw reweight.beta=2": ("beta", "2"),
    "reweight=drw reweight.start=160": ("reweight.start=160", "epochs=30"),
    "loss=ldam loss.scale=10": ("loss.scale=10", "model.head_scale=30"),
    "protocol=paper method=eos retrain.start_from=best": ("retrain.start_from=best", "best_test"),
    "scheduler=cosine scheduler.warmup_epochs=-3": ("warmup_epochs", "-3"),
    "loss.weights=[1,2]": ("class weights", "10 classes"),
    "loss.weights=heavy": ("heavy", "inverse"),
    "loss=focal loss.gamma=-1": ("gamma", "-1"),
    "method=eos loss@retrain.loss=ldam": (
        "retrain.loss",
        "cosine",
        "phase 1 trains a linear head",
        "model.head=cosine",
    ),
    "method=eos retrain.start_from=middle": ("retrain.start_from", "middle"),
    "method=eos retrain.counts=none": ("retrain.counts", "none", "balanced"),
    # numbers
    "epochs=0": ("epochs", "0", "at least 1"),
    "epochs=1.5": ("epochs", "1.5"),
    "batch_size=0": ("batch_size", "0"),
    "eval_batch_size=0": ("eval_batch_size", "0"),
    "method=eos retrain.epochs=0": ("retrain.epochs", "0"),
    "method=eos retrain.batch_size=-5": ("retrain.batch_size", "-5"),
    "seed=-1": ("seed", "-1"),
    "seed=4294967296": ("seed=4294967296", "4294967295"),
    "threads=0": ("threads", "0"),
    "num_workers=-1": ("num_workers", "-1"),
    "num_workers=many": ("num_workers", "many"),
    "memory_limit_gb=lots": ("memory_limit_gb", "lots"),
    "callbacks.log_lines=0": ("callbacks.log_lines", "0"),
    "callbacks.nan_check_every=0": ("callbacks.nan_check_every", "0"),
    "optimizer.lr=-1": ("optimizer", "learning rate: -1"),
    "optimizer.lr=fast": ("optimizer", "lr=fast"),
    "optimizer.betas=[2,3]": ("optimizer", "beta"),
    "method=eos retrain.optimizer.lr=-2": ("retrain.optimizer", "learning rate: -2"),
    "scheduler=warmup_multistep scheduler.milestones=[0.9,0.3]": ("scheduler.milestones", "ascend"),
    # networks
    "model=torchvision model.extractor.name=resnet19": ("resnet19", "resnet18"),
    "model=torchvision model.extractor.weights=BEST_EVER": ("model.extractor", "BEST_EVER"),
    "model=torchvision model.extractor.name=alexnet": ("1 x 8 x 8", "dataset.image_size", "another model"),
    "model=torchvision batch_size=1": ("1 images of 1 x 8 x 8", "batch_size"),
    "model.extractor.in_channels=3": ("1 x 8 x 8", "3 channels"),
    "model=resnet32 model.extractor.depth=33": ("33", "6n+2"),
    # over-samplers: found before phase 1
    "method=eos resampler.k=0": ("resampler", "'k'", "Got 0"),
    "method=eos resampler.r_range=[1.0,0.5]": ("r_range", "0 <= low <= high <= 1"),
    "method=eos resampler.enemy=worst": ("resampler", "worst", "nearest"),
    "method=smote resampler.sampler.k_neighbors=0": ("resampler", "'k_neighbors'", "Got 0"),
    "method=smote resampler.sampling_strategy=more": ("resampler", "'more'"),
    "method=eos +resampler.sampling_strategy={0:3}": ("resampler", "3 samples are asked"),
    # devices and where results go
    "accelerator.precision=bf16-true": ("accelerator.precision", "bf16-mixed"),
    "accelerator.devices=0": ("accelerator", "devices=0"),
    "accelerator.strategy=magic": ("accelerator", "magic"),
    "resume=maybe": ("resume", "maybe", "never"),
    "logger=wandb logger.wandb.mode=loud": ("loud", "offline"),
}


@pytest.mark.parametrize("overrides", SETTINGS)
def test_a_setting_that_cannot_work_is_refused_before_training(tmp_path, overrides):
    given = overrides.split()
    method = [] if any(o.startswith("method=") for o in given) else [ERM]
    cfg = [o for o in given if not o.startswith("logger=")]
    if cfg == given:
        assert_refused_before_training(tmp_path / "run", SETTINGS[overrides], *method, *given)
    else:  # the logger is made last of all, and a folder it has been given to may remain
        whole = composed(*method, *given, f"run_dir={tmp_path / 'run'}", "callbacks=quiet", "epochs=1")
        assert_refused(lambda: train(whole), *SETTINGS[overrides])
        assert not (tmp_path / "run" / "checkpoints").exists()


def test_the_rehearsal_leaves_weights_and_random_numbers_alone():
    from helpers import tiny

    from lightning_imb.checks import rehearse

    model = tiny.classifier()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    rehearse(model, None, (1, 8, 8), batch_size=16)
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


@pytest.mark.skipif(torch.cuda.is_available() or torch.backends.mps.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(tmp_path, finished):
    words = ("accelerator=gpu", "no GPU", "accelerator=cpu")
    assert_refused_before_training(tmp_path / "run", words, "accelerator=gpu")
    assert_refused_before_training(tmp_path / "run", words, "accelerator=multi_gpu")
    assert_refused(lambda: evaluated(finished, "accelerator=gpu"), *words)
    assert_refused(lambda: classified(finished, tmp_path, tmp_path / "p.csv", "accelerator=gpu"), *words)


# --- images of one's own


def refuse_tree(tmp_path, *words, overrides=()):
    assert_refused_before_training(tmp_path / "run", words, *own_images(tmp_path / "images", *overrides))


def test_a_missing_folder_is_named(tmp_path):
    refuse_tree(tmp_path, str(tmp_path / "images"), "does not exist", "dataset.root")


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "images").mkdir()
    refuse_tree(tmp_path, str(tmp_path / "images"), "no class folders", "class/image")


def test_a_file_that_is_no_zip_is_named(tmp_path):
    (tmp_path / "images").write_bytes(b"not a zip")
    refuse_tree(tmp_path, str(tmp_path / "images"), "not a readable zip")


def test_a_class_without_training_images_is_named(tmp_path):
    coloured_classes(tmp_path / "images")
    (tmp_path / "images" / "empty").mkdir()
    refuse_tree(tmp_path, "empty", "no image", "remove the folder")


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_class_missing_in_another_split_is_named(tmp_path, split):
    coloured_classes(tmp_path / "images" / "train")
    for name in ("val", "test"):
        write_class_folders(tmp_path / "images" / name, {"a": 2, "b": 2} | ({} if name == split else {"c": 2}))
    refuse_tree(tmp_path, f"the {split} split", "class c", "add some")


def test_a_validation_split_larger_than_a_class_is_refused(tmp_path):
    coloured_classes(tmp_path / "images", (60, 10, 60))
    refuse_tree(tmp_path, "protocol.val_size=50", "class b", overrides=["protocol.val_size=50", "dataset.test_size=2"])


def test_images_of_different_sizes_are_named(tmp_path):
    coloured_classes(tmp_path / "images")
    write_class_folders(tmp_path / "images", {"d": 5}, side=9)
    refuse_tree(tmp_path, "d/0", "set dataset.image_size", overrides=["dataset.image_size=null"])


def damage(tmp_path):
    """Two bad images: cut off, and none at all; both in the training part whatever the split."""
    root = coloured_classes(tmp_path / "images" / "train")
    coloured_classes(tmp_path / "images" / "test", (3, 3, 3))
    truncate(root / "a" / "03.png", 60)
    (root / "b" / "02.png").write_text("this is text")
    return root


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_damaged_image_is_named(tmp_path, in_memory):
    damage(tmp_path)
    refuse_tree(
        tmp_path,
        "train/a/03.png is not a readable image",
        "dataset.on_bad_image=skip",
        overrides=[f"dataset.in_memory={in_memory}", "protocol=paper"],
    )


def test_a_file_that_is_no_image_is_named_without_an_address_in_memory(tmp_path):
    (damage(tmp_path) / "a" / "03.png").unlink()
    refuse_tree(tmp_path, "train/b/02.png is not a readable image", "no known format", overrides=["protocol=paper"])


@pytest.mark.parametrize("in_memory", [True, False])
def test_skipped_images_are_counted_wherever_a_user_looks(tmp_path, capsys, caplog, in_memory):
    damage(tmp_path)
    overrides = [
        "dataset.on_bad_image=skip",
        f"dataset.in_memory={in_memory}",
        "protocol=paper",
        "num_workers=0",
    ]
    with caplog.at_level(logging.WARNING):
        run = trained(tmp_path / "run", *own_images(tmp_path / "images", *overrides))
    assert "skipped 2 of 26 images" in caplog.text
    assert "train/a/03.png" in caplog.text
    assert "skipped: 2 of train, 0 of test" in " ".join(capsys.readouterr().out.replace("│", "").split())
    assert run.read_data()["skipped"] == {"train": 2, "test": 0}
    assert run.read_metrics()["class_counts"]["train"] == [11, 7, 6]


def test_a_set_of_nothing_but_bad_images_is_refused(tmp_path):
    for name in "ab":
        (tmp_path / "images" / name).mkdir(parents=True)
        for i in range(4):
            (tmp_path / "images" / name / f"{i}.png").write_text("text")
    refuse_tree(tmp_path, "none of the", "can be decoded", overrides=["dataset.on_bad_image=skip"])


# --- csv files


def refuse_csv(tmp_path, header, change, *words, overrides=()):
    """A correct list of the images, spoilt by ``change(rows)``."""
    root = coloured_classes(tmp_path / "images")
    rows = [[f"{k}/{i:02d}.png", "abc".index(k)] for k, n in zip("abc", (12, 8, 6), strict=True) for i in range(n)]
    change(rows)
    listed = write_csv(tmp_path / "labels.csv", header, rows)
    given = own_images(root, f"dataset.csv={listed}", *overrides, dataset="csv")
    assert_refused_before_training(tmp_path / "run", words, *given)


def test_a_label_outside_the_classes_is_named_with_its_line(tmp_path):
    refuse_csv(
        tmp_path,
        ["path", "label"],
        lambda rows: rows[4].__setitem__(1, 7),
        "line 6",
        "label 7",
        "0..2",
        overrides=["dataset.num_classes=3"],
    )


@pytest.mark.parametrize(("header", "missing"), [(["file", "label"], "path"), (["path", "class"], "label")])
def test_a_csv_without_its_columns_is_named(tmp_path, header, missing):
    refuse_csv(tmp_path, header, lambda rows: None, f"no column {missing}", "dataset.path_column")


def test_a_csv_with_a_missing_file_is_named(tmp_path):
    refuse_csv(tmp_path, ["path", "label"], lambda rows: rows.append(["a/99.png", 0]), "line 28", "a/99.png")


def test_a_csv_that_does_not_exist_is_named(tmp_path):
    root = coloured_classes(tmp_path / "images")
    given = own_images(root, f"dataset.csv={tmp_path / 'no.csv'}", dataset="csv")
    assert_refused_before_training(tmp_path / "run", ["no.csv", "cannot be read"], *given)


# --- a loss that is no number any more


def test_a_loss_that_explodes_at_once_leaves_no_checkpoint_and_says_so(tmp_path):
    sentence = assert_refused(
        lambda: trained(tmp_path / "run", ERM, "optimizer.lr=1e30"), "epoch 0, batch", "lower optimizer.lr"
    )
    assert "no checkpoint" in sentence
    assert not list(tmp_path.rglob("*.ckpt"))
    assert not (tmp_path / "run" / "metrics.json").exists()


class Detonate(torch.optim.SGD):
    """Harmless for a number of steps; the last one breaks the weights after a loss that was a number."""

    def __init__(self, params, lr, steps):
        super().__init__(params, lr)
        self.left = steps

    def step(self, closure=None):
        loss = super().step(closure)
        self.left -= 1
        if self.left == 0:
            for group in self.param_groups:
                for parameter in group["params"]:
                    parameter.data.fill_(float("nan"))
        return loss


@pytest.mark.parametrize(
    ("steps", "epoch", "batch"), [(14, 1, 6), (16, 2, 2), (21, 2, 6)]
)  # an epoch has 7 batches; broken weights show in the loss of the next batch, or at the end of the epoch
def test_a_loss_that_explodes_later_keeps_the_last_good_checkpoint(tmp_path, monkeypatch, steps, epoch, batch):
    from lightning_imb import build

    make = build.create
    explosive = functools.partial(Detonate, lr=0.01, steps=steps)
    monkeypatch.setattr(build, "create", lambda node, key: explosive if key == "optimizer" else make(node, key))
    sentence = assert_refused(lambda: trained(tmp_path / "run", ERM, "epochs=4"), "NaN")
    assert f"epoch {epoch}, batch {batch} " in sentence
    assert f"up to epoch {epoch - 1} are kept" in sentence
    kept = torch.load(tmp_path / "run" / "checkpoints" / "represent" / "last.ckpt", weights_only=True)
    assert kept["epoch"] == epoch - 1
    assert all(torch.isfinite(v).all() for v in kept["state_dict"].values() if v.is_floating_point())


def test_phase_3_names_its_own_learning_rate(tmp_path):
    sentence = assert_refused(
        lambda: trained(tmp_path / "run", "epochs=1", "retrain.optimizer.lr=1e38"),
        "phase 3",
        "lower retrain.optimizer.lr",
    )
    assert "no checkpoint" in sentence
    assert (tmp_path / "run" / "checkpoints" / "represent" / "last.ckpt").is_file()
    assert not (tmp_path / "run" / "checkpoints" / "retrain").exists()


# --- folders of other runs


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of phase 1 on images of one's own."""
    root = coloured_classes(tmp_path_factory.mktemp("data") / "images")
    return trained(tmp_path_factory.mktemp("runs") / "run", *own_images(root))


@pytest.fixture
def copy(finished, tmp_path):
    """The same run, to be spoilt."""
    import shutil

    from lightning_imb.runs import RunFolder

    shutil.copytree(finished.path, tmp_path / "copy")
    return RunFolder(tmp_path / "copy")


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    from lightning_imb.runs import RunFolder

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
            import os

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


def test_nothing_but_bad_images_is_refused(finished, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "x.png").write_text("text")
    words = ("none of the 1 images", "new")
    assert_refused(lambda: classified(finished, tmp_path / "new", tmp_path / "p.csv", "on_bad_image=skip"), *words)


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

TRAIN = ("hydra.run.dir=run", "logger=none", "callbacks=quiet", ERM)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("dataset=image_folder", "dataset.root=nowhere"), ("nowhere does not exist", "dataset.root")),
        (("optimizer.lr=1e30",), ("epoch 0, batch", "lower optimizer.lr")),
        (("model=torchvision", "model.extractor.name=alexnet"), ("1 x 8 x 8", "dataset.image_size")),
    ],
)
def test_the_command_ends_with_one_sentence_and_code_1(tmp_path, arguments, words):
    end = script("train", *arguments, *TRAIN, cwd=tmp_path)
    assert_one_sentence(end, *words)
    assert "Traceback" not in end.out + end.err
    assert words[0] in (tmp_path / "run" / "train.log").read_text()
    assert not list(tmp_path.rglob("*.ckpt"))


def test_eval_and_predict_end_with_one_sentence_and_code_1(tmp_path, finished):
    assert_one_sentence(script("eval", f"run={tmp_path}", cwd=tmp_path), "not a run folder")
    folder = digit_files(tmp_path / "new", ["digits/0001"])
    (folder / "z.png").write_text("text")
    end = script("predict", f"run={finished.path}", f"input={folder}", cwd=tmp_path)
    assert_one_sentence(end, "z.png", "on_bad_image=skip")
