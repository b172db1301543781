"""imb-eval with post-hoc methods, on a run that was trained once."""

import json
import shutil

import numpy as np
import pytest
import torch
from helpers.runs import assert_refused, classified, composed, digit_files, evaluated, trained

from lightning_imb.adjust import FILE, write_head
from lightning_imb.build import build_datamodule
from lightning_imb.metrics import known_prior_shift
from lightning_imb.phases import Phase
from lightning_imb.posthoc import Given, LogitAdjustment
from lightning_imb.restore import restore_network
from lightning_imb.runs import RunFolder

SHORT = ("method=erm", "epochs=2", "threads=1")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("evaluation") / "run", *SHORT)


def log_prior(run):
    counts = torch.tensor(run.read_data()["class_counts"]["train"])
    return (counts / counts.sum()).log()


def balanced_accuracy(logits, target):
    hits = np.asarray(logits).argmax(1) == target
    return np.mean([hits[target == k].mean() for k in np.unique(target)])


def scores(entries):
    return {key: value for key, value in entries.items() if "/" in key}


def test_the_head_as_trained_has_the_scores_of_the_run(run):
    plain = evaluated(run)
    assert scores(evaluated(run, "posthoc=none")) == plain
    assert plain["test/bacc"] == run.read_metrics()["test/bacc"]
    assert "posthoc_report" not in plain


def test_logit_adjustment_needs_no_training(run):
    found = evaluated(run, "posthoc=logit_adjustment")
    logits, target = run.read_predictions("test")
    assert found["test/bacc"] == pytest.approx(balanced_accuracy(logits - log_prior(run).numpy(), target))
    assert found["test/bacc"] != run.read_metrics()["test/bacc"]


def test_a_searched_parameter_is_shown_and_written(run, capsys):
    found = evaluated(run, "posthoc=tau_norm", "posthoc.tau=search", "posthoc.grid=[0,0.5,1,1.5]")
    report = found["posthoc_report"]
    file = run.path / "eval" / "test_represent_auto_tau_norm.json"
    assert json.loads(file.read_text()) == found
    assert report["searched_on"] == "val"
    assert report["tau"] == report["grid"][int(np.argmax(report["val_bacc"]))]
    shown = " ".join(capsys.readouterr().out.split())
    assert f"posthoc tau_norm, tau {report['tau']:.3g}, bias drop, searched on val" in shown
    assert str(file).replace(" ", "") in shown.replace(" ", "")


def test_the_best_score_of_the_search_is_that_of_the_validation_set(run):
    overrides = ("posthoc=weight_rescaling", "posthoc.gamma=search")
    found = evaluated(run, *overrides, "split=val")
    assert found["val/bacc"] == pytest.approx(max(found["posthoc_report"]["val_bacc"]))


def test_a_neutral_number_gives_the_scores_of_the_run(run):
    expected = {name: value for name, value in evaluated(run).items() if "prior_shift_known" not in name}
    assert scores(evaluated(run, "posthoc=tau_norm", "posthoc.tau=0", "posthoc.bias=keep")) == expected
    assert scores(evaluated(run, "posthoc=temperature", "posthoc.temperature=1")) == expected


def test_temperature_moves_confidences_alone(run):
    found, before = evaluated(run, "posthoc=temperature", "posthoc.temperature=3"), evaluated(run)
    assert found["test/recall"] == before["test/recall"]


def test_the_run_itself_is_not_changed(run):
    before = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file() and p.parent.name != "eval"}
    evaluated(run, "posthoc=ncm")
    assert {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file() and p.parent.name != "eval"} == before


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["posthoc=tau_norm", "posthoc.tau=-1"], ["posthoc.tau is -1"]),
        (["posthoc=logit_adjustment", "posthoc.target_prior=[1,2]"], ["2 numbers for 10 classes"]),
        (["posthoc=ncm", "posthoc.mode=cosine"], ["posthoc.mode", "cl2n"]),
        (["accelerator.benchmark=off"], ["accelerator.benchmark must be true or false"]),
    ],
)
def test_what_cannot_work_is_one_sentence(run, overrides, words):
    assert_refused(lambda: evaluated(run, *overrides), *words)


# --- a run with a post-hoc method of its own


@pytest.fixture(scope="module")
def with_own(run, tmp_path_factory):
    """The same run, had it been trained with posthoc=logit_adjustment."""
    path = tmp_path_factory.mktemp("own") / "run"
    shutil.copytree(run.path, path)
    own = RunFolder(path)
    cfg = own.read_config()
    cfg.posthoc = composed("posthoc=logit_adjustment", "run_dir=x").posthoc
    own.write_config(cfg)
    model = restore_network(run, "auto", "auto")
    method = LogitAdjustment(1.0)
    counts = run.read_data()["class_counts"]["train"]
    given = Given(model.head, counts, train=lambda: pytest.fail("not needed"), val=None)
    write_head(own, method.adjust(given).head, Phase.REPRESENT, "best")
    return own


def test_its_own_head_is_evaluated_unless_another_is_asked_for(run, with_own, capsys):
    adjusted = evaluated(run, "posthoc=logit_adjustment")
    capsys.readouterr()
    assert evaluated(with_own) == scores(adjusted)
    assert "head adjusted after training" in " ".join(capsys.readouterr().out.split())
    assert scores(evaluated(with_own, "posthoc=none")) == evaluated(run)
    assert scores(evaluated(with_own, "posthoc=tau_norm")) == scores(evaluated(run, "posthoc=tau_norm"))


def test_new_images_are_classified_by_its_own_head(run, with_own, tmp_path):
    data = build_datamodule(run.read_config())
    data.setup("test")
    names = sorted(data.names("test")[:10])
    rows = [data.names("test").index(name) for name in names]
    table = classified(with_own, digit_files(tmp_path / "digits", names), tmp_path / "p.csv")
    logits = torch.from_numpy(run.read_predictions("test").logits[rows]) - log_prior(run)
    probabilities = table[[f"p_{k}" for k in range(10)]].to_numpy()
    assert np.allclose(probabilities, logits.softmax(1).numpy(), atol=1e-5)


def test_a_head_that_was_lost_is_not_silently_left_out(with_own, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(with_own.path, path)
    (path / "checkpoints" / FILE).unlink()
    assert_refused(lambda: evaluated(RunFolder(path)), FILE, "train the run again")


# --- a run whose class weights come late


@pytest.fixture(scope="module")
def deferred(tmp_path_factory):
    """Re-weighted in the second of two epochs, whose network it keeps and scores."""
    late = ("reweight=drw", "reweight.kind=inverse", "reweight.start=1", "protocol.select=last")
    return trained(tmp_path_factory.mktemp("deferred") / "run", *SHORT, *late)


def known(entries):
    return {name.rpartition("/")[2]: value for name, value in entries.items() if "prior_shift_known" in name}


def test_logits_are_told_other_frequencies_by_the_class_weights_of_their_training(deferred):
    logits, target = deferred.read_predictions("test")
    counts = deferred.read_data()["class_counts"]["train"]
    expected = known_prior_shift(logits, target, counts)  # inverse weights leave nothing of the prior
    assert known(deferred.read_metrics()) == expected != known_prior_shift(logits, target, counts, counts)
    assert known(evaluated(deferred)) == expected


def test_a_checkpoint_of_an_epoch_before_the_class_weights_has_none(deferred, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(deferred.path, path)
    earlier = RunFolder(path)
    kept = torch.load(earlier.checkpoint(Phase.REPRESENT, "last"), weights_only=True)
    torch.save(kept | {"epoch": 0}, earlier.checkpoint(Phase.REPRESENT, "last"))
    logits, target = earlier.read_predictions("test")
    counts = earlier.read_data()["class_counts"]["train"]
    assert known(evaluated(earlier)) == known_prior_shift(logits, target, counts, counts)


def test_a_finished_phase_1_that_is_taken_over_keeps_its_class_weights(deferred, tmp_path):
    late = ("reweight=drw", "reweight.kind=inverse", "reweight.start=1", "protocol.select=last")
    second = ("retrain=head", "retrain.epochs=1", f"represent_from={deferred.path}")
    run = trained(tmp_path / "run", *SHORT, *late, *second)
    found = {name: value for name, value in run.read_metrics().items() if name.startswith("represent/test/")}
    assert known(found) == known(deferred.read_metrics())


# --- runs that cannot be adjusted


def test_a_run_without_validation_images_gives_a_search_nothing_to_look_at(tmp_path):
    run = trained(tmp_path / "run", *SHORT, "epochs=1", "protocol=paper", "loss=ldam")
    assert_refused(lambda: evaluated(run, "posthoc=temperature"), "needs validation images", "protocol=holdout")
    assert_refused(lambda: evaluated(run, "posthoc=tau_norm", "posthoc.tau=1"), "CosineHead")
    assert evaluated(run, "posthoc=logit_adjustment", "posthoc.tau=0.5")["posthoc_report"]["tau"] == 0.5
