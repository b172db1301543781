"""Methods that are put together from parts: what each changes, what it must leave alone, and what is refused."""

import csv

import pytest
import torch
from helpers.runs import assert_refused_before_training, coloured_classes, evaluated, own_images, trained, weights
from helpers.studies import shelved

from lightning_imb.fit import read_checkpoint
from lightning_imb.mixing import CMO
from lightning_imb.phases import Phase

QUICK = ["epochs=2", "retrain.epochs=2", "threads=1", "accelerator.precision=32-true"]


def same_weights(a, b, phase=Phase.REPRESENT):
    first, second = weights(a, phase), weights(b, phase)
    return all(torch.equal(first[name], second[name]) for name in first)


@pytest.fixture(scope="module")
def erm(tmp_path_factory):
    """Cross entropy, nothing else."""
    return shelved(tmp_path_factory.mktemp("erm") / "run", "method=erm", *QUICK)


@pytest.fixture(scope="module")
def balanced(tmp_path_factory):
    """Cross entropy on balanced classes."""
    return shelved(tmp_path_factory.mktemp("balanced") / "run", "method=erm", "imbalance=none", *QUICK)


# --- parts that must change nothing


@pytest.mark.parametrize(
    "part",
    [
        ["mix=mfw", "mix.end=0"],
        ["mix=mfw", "mix.lam_min=1.0"],
        ["mix=mixup", "mix.alpha=0.0"],
        ["mix=cmo", "mix.probability=0.0"],
        ["sharpness=sam", "sharpness.rho=0"],
        ["loss=logit_adjustment", "loss.tau=0"],
        ["callbacks.diagnostics_every=1"],
    ],
    ids=" ".join,
)
def test_a_part_that_is_switched_off_leaves_every_bit_of_a_training(tmp_path, erm, part):
    assert same_weights(erm, trained(tmp_path / "run", "method=erm", *part, *QUICK))


def test_mixing_of_probability_0_draws_its_second_stream(tmp_path, monkeypatch):
    drawn = []
    plan = CMO.plan
    monkeypatch.setattr(
        CMO,
        "plan",
        lambda self, target, size, *rest: drawn.append((len(target), size)) or plan(self, target, size, *rest),
    )
    trained(tmp_path / "run", "method=erm", "mix=cmo", "mix.probability=0.0", *QUICK)
    assert drawn
    assert all(rows == 2 * size for rows, size in drawn)


def test_nothing_is_weakened_where_classes_are_balanced(tmp_path, balanced):
    assert same_weights(balanced, trained(tmp_path / "run", "method=mfw", "imbalance=none", *QUICK))


@pytest.mark.parametrize("part", [["mix=mfw"], ["mix=mixup"], ["sharpness=sam"], ["sampler=drs", "sampler.start=1"]])
def test_a_part_that_is_switched_on_changes_the_training(tmp_path, erm, part):
    assert not same_weights(erm, trained(tmp_path / "run", "method=erm", *part, *QUICK))


# --- phase 3 on images


def test_frozen_batch_norm_leaves_the_extractor_of_phase_1(tmp_path):
    run = trained(tmp_path / "run", "method=crt", "retrain.bn_mode=frozen", *QUICK)
    before, after = weights(run, Phase.REPRESENT, "best"), weights(run, Phase.RETRAIN)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.weight", "head.bias"}


def test_updated_batch_norm_moves_statistics_and_no_weight(tmp_path):
    run = shelved(tmp_path / "run", "method=crt", *QUICK)
    before, after = weights(run, Phase.REPRESENT, "best"), weights(run, Phase.RETRAIN)
    changed = {name for name in before if not torch.equal(before[name], after[name])} - {"head.weight", "head.bias"}
    assert changed
    assert all("running_" in name or "num_batches" in name for name in changed)


@pytest.mark.parametrize("method", ["crt", "lws", "mislas", "weight_balancing", "partial", "tail_calib"])
def test_what_phase_3_made_is_scored_again_from_its_checkpoint(tmp_path, method):
    run = shelved(tmp_path / "run", f"method={method}", *QUICK)
    scored = evaluated(run)
    assert scored["test/bacc"] == run.read_metrics()["test/bacc"]
    assert scored["test/ece"] == pytest.approx(run.read_metrics()["test/ece"], abs=1e-6)


SHARES = [1, 1, 1, 1, 1, 1, 1, 1, 1, 5]
OTHER_CLASSES = ["posthoc=pc_softmax", f"posthoc.target_prior={SHARES}"]


@pytest.mark.parametrize(
    "parts",
    [
        ["method=eos", "loss=logit_adjustment", "loss.tau=0.5"],
        ["method=crt"],
        ["method=crt", "loss@retrain.loss=logit_adjustment", "retrain.loss.tau=0.5"],
    ],
    ids=" ".join,
)
def test_on_balanced_classes_the_test_prior_alone_is_added_in_training_and_afterwards(tmp_path, parts):
    run = trained(tmp_path / "run", *parts, *OTHER_CLASSES, *QUICK)
    before, after = (run.read_predictions(name).logits for name in ("before_posthoc_test", "test"))
    shift = (
        torch.as_tensor(after).softmax(1).log()
        - (torch.as_tensor(before) + torch.tensor(SHARES).log()).softmax(1).log()
    )
    assert shift.abs().max() < 1e-4
    metrics = run.read_metrics()
    for scored in (evaluated(run), evaluated(run, *OTHER_CLASSES)):
        assert scored["test/bacc"] == metrics["test/bacc"]
        assert scored["test/ece"] == pytest.approx(metrics["test/ece"], abs=1e-6)


def test_a_checkpoint_of_a_deferred_sampler_is_adjusted_for_its_own_epoch(tmp_path):
    parts = ["method=erm", "sampler=drs", "sampler.start=1", "protocol.select=last", *OTHER_CLASSES]
    run = trained(tmp_path / "run", *parts, *QUICK)
    assert len(set(kept(run, Phase.REPRESENT)["reached"])) == 1
    assert evaluated(run, *OTHER_CLASSES)["test/ece"] == pytest.approx(run.read_metrics()["test/ece"], abs=1e-6)


def kept(run, phase, kind="last"):
    return read_checkpoint(run.checkpoint(phase, kind))


def test_lws_moves_scales_alone(tmp_path):
    run = trained(tmp_path / "run", "method=lws", "retrain.bn_mode=frozen", *QUICK)
    before, after = weights(run, Phase.REPRESENT, "best"), weights(run, Phase.RETRAIN)
    assert torch.equal(after["head.head.weight"], before["head.weight"])
    assert not torch.equal(after["head.scales"], torch.ones(10))


# --- scores before and after


def test_a_posthoc_method_is_scored_beside_the_head_it_started_from(tmp_path, erm):
    run = trained(tmp_path / "run", "method=erm", "posthoc=logit_adjustment", *QUICK)
    metrics = run.read_metrics()
    assert metrics["before_posthoc/test/bacc"] == erm.read_metrics()["test/bacc"]
    assert metrics["test/bacc"] != metrics["before_posthoc/test/bacc"]
    assert metrics["posthoc_report"]["tau"] == 1.0
    assert metrics["parameters"] == erm.read_metrics()["parameters"]


def test_synthetic_images_reach_the_loss_and_are_told_apart(tmp_path, erm):
    run = shelved(tmp_path / "run", "method=pixel_smote", "logger=csv", *QUICK)
    counts = run.read_data()["class_counts"]["train"]
    assert len(set(counts)) == 1
    assert run.read_data()["real_counts"] == erm.read_data()["class_counts"]["train"]
    made = [entry["generated"] for entry in run.read_metrics()["oversample_report"]]
    assert made == [counts[0] - real for real in run.read_data()["real_counts"]]
    assert run.read_data()["class_counts"]["test"] == erm.read_data()["class_counts"]["test"]
    assert_logged_groups_are_those_of_the_metrics(run)


def assert_logged_groups_are_those_of_the_metrics(run):
    """Classes are many, medium or few by their real images."""
    metrics, logged = run.read_metrics(), list(csv.DictReader(run.metrics_csv.open()))
    groups = [f"test/{group}" for group in ("many", "medium", "few") if f"test/{group}" in metrics]
    assert len(groups) > 1
    for name in groups:
        assert [float(row[name]) for row in logged if row.get(name)] == [pytest.approx(metrics[name])]


# --- streams, and everything at once


@pytest.mark.parametrize("workers", [0, 2])
def test_second_streams_and_views_of_images_on_disk(tmp_path, workers):
    root = coloured_classes(tmp_path / "images")
    streamed = ["dataset.in_memory=false", f"num_workers={workers}", "dataset.image_size=8"]
    for number, part in enumerate((["mix=cmo", "mix.start=0", "mix.end=null"], ["loss=bcl"])):
        run = trained(tmp_path / f"streamed{number}", *own_images(root, *streamed, *part))
        in_memory = trained(tmp_path / f"memory{number}", *own_images(root, "dataset.image_size=8", *part))
        assert same_weights(run, in_memory)


def test_many_parts_together(tmp_path):
    parts = ["loss=vs", "reweight=drw", "sampler=sqrt", "mix=remix", "sharpness=asam", "oversample=random"]
    after = ["retrain=mislas", "retrain.loss.weights=auto", "posthoc=temperature", "model.experts=2"]
    run = trained(tmp_path / "run", "method=erm", *parts, *after, *QUICK)
    assert 0 <= run.read_metrics()["test/bacc"] <= 1
    assert evaluated(run)["test/bacc"] == run.read_metrics()["test/bacc"]


# --- what contradicts itself


@pytest.mark.parametrize(
    ("words", "overrides"),
    [
        (["whole labels", "mix=none"], ["method=lade", "mix=mixup"]),
        (["views", "mix=none"], ["method=bcl", "mix=mfw"]),
        (["stage9", "stage1"], ["method=mixup", "mix.layer=stage9"]),
        (["accelerator.compile"], ["method=mixup", "mix.layer=stage1", "accelerator.compile=true"]),
        (["mix.alpha"], ["method=mixup", "mix.alpha=-1"]),
        (["retrain.reset_head"], ["method=lws", "retrain.reset_head=true"]),
        (["retrain.inputs=images"], ["method=eos", "retrain.unfreeze=[stage3]"]),
        (["retrain.inputs=images"], ["method=eos", "retrain.bn_mode=update"]),
        (["retrain.inputs=images"], ["method=eos", "sampler@retrain.sampler=class_balanced"]),
        (["retrain.max_norm", "retrain.trains=scales"], ["method=lws", "retrain.max_norm=0.1"]),
        (["retrain.max_norm", "from 0 to 1"], ["method=weight_balancing", "retrain.max_norm=-5"]),
        (["retrain.head_lr_factor"], ["method=mislas", "retrain.head_lr_factor=-1"]),
        (["mix.layer=branches", "another layer"], ["method=mixup", "model.experts=3", "mix.layer=branches"]),
        (["another retrain.loss"], ["method=crt", "loss@retrain.loss=bcl"]),
        (["resampler=none"], ["method=crt", "resampler=eos"]),
        (["retrain.bn_mode"], ["method=crt", "retrain.bn_mode=half"]),
        (["retrain.trains"], ["method=crt", "retrain.trains=body"]),
        (["retrain.max_norm"], ["method=weight_balancing", "loss=ldam", "retrain.max_norm=0.1"]),
        (["stage7"], ["method=partial", "retrain.unfreeze=[stage7]"]),
        (["retrain.tukey"], ["method=tail_calib", "retrain.tukey=0"]),
        (["sharpness.rho"], ["method=sam", "sharpness.rho=-1"]),
        (["sampler.start"], ["method=erm", "sampler=drs", "sampler.start=50"]),
        (["model.experts"], ["method=ride", "model.experts=1"]),
        (["validation", "protocol"], ["method=tau_norm", "protocol=paper", "posthoc.tau=search"]),
        (["CosineHead"], ["method=ldam", "posthoc=tau_norm"]),
        (["adjusted already"], ["method=logit_adjustment", "posthoc=logit_adjustment"]),
        (["adjusted already"], ["method=eos", "posthoc=logit_adjustment"]),
        (["adjusted already"], ["method=crt", "posthoc=pc_softmax"]),
        (["adjusted already"], ["method=erm", "sampler=class_balanced", "posthoc=logit_adjustment"]),
        (["adjusted already"], ["method=eos", "loss=logit_adjustment", "loss.tau=0.5", "posthoc=logit_adjustment"]),
        (["callbacks.diagnostics_every"], ["method=erm", "callbacks.diagnostics_every=-1"]),
    ],
    ids=lambda value: " ".join(value) if "=" in value[0] else "",
)
def test_what_cannot_work_is_refused_before_training(tmp_path, words, overrides):
    assert_refused_before_training(tmp_path / "run", words, *overrides, "epochs=2", "retrain.epochs=2")


def test_evaluation_makes_no_synthetic_images_that_it_does_not_need(tmp_path, monkeypatch):
    run = shelved(tmp_path / "run", "method=pixel_smote", "logger=csv", *QUICK)
    assert sum(evaluated(run, "split=train")["train/recall"]) > 0  # which needs them
    monkeypatch.setattr("imblearn.over_sampling.SMOTE._fit_resample", None)
    assert evaluated(run)["test/bacc"] == run.read_metrics()["test/bacc"]
