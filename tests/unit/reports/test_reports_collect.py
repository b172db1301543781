"""Finding runs and what they are called."""

import shutil

import pytest

from lightning_imb.reports.collect import chosen, collect
from lightning_imb.reports.unfinished import unfinished
from lightning_imb.runs import RunFolder
from lightning_imb.utils.errors import InputError


def test_finished_runs_are_found_and_the_others_counted(make_run, sweep):
    for name in ("a/0", "a/1", "b/0"):
        make_run(name, method=name[0], seed=int(name[-1]))
    make_run("b/1").metrics_file.unlink()
    hydra_copy = sweep / "a" / "0" / ".hydra"  # holds a config.yaml too and is no run
    hydra_copy.mkdir()
    (hydra_copy / "config.yaml").write_text("{}")
    (sweep / "metrics.json").write_text("{}")  # of something else: no config.yaml beside it
    records = collect(sweep)
    assert [(r.metrics["method"], r.seed) for r in records] == [("a", 0), ("a", 1), ("b", 0)]
    assert len(unfinished(sweep)) == 1


def test_what_a_sweep_has_put_away_no_longer_counts(make_run, sweep):
    make_run("a/0", bacc=0.9)
    shutil.copytree(sweep / "a" / "0", sweep / "a" / "0" / ".superseded" / "1f")
    make_run("a/1", seed=1).metrics_file.unlink()
    shutil.copytree(sweep / "a" / "1", sweep / "a" / "1" / ".superseded" / "2e")
    assert [record.path for record in collect(sweep)] == [sweep / "a" / "0"]
    assert len(unfinished(sweep)) == 1


def test_nothing_to_show_is_said(make_run, sweep):
    with pytest.raises(InputError, match="There is no folder"):
        collect(sweep)
    make_run("a").metrics_file.unlink()
    with pytest.raises(InputError, match=r"no finished run .* \(1 unfinished\)"):
        collect(sweep)


def test_a_file_of_another_make_is_named(make_run, sweep):
    make_run("a").metrics_file.write_text('{"seed": 0, "protocol": "x"}')
    with pytest.raises(InputError, match="lacks method, class_counts, class_names"):
        collect(sweep)


def test_every_file_is_read_once(make_run, sweep, monkeypatch):
    for seed in range(4):
        for method in ("erm", "eos"):
            make_run(f"{method}/{seed}", method=method, seed=seed)
    read = []
    for name in ("read_config", "read_metrics"):
        plain = getattr(RunFolder, name)
        monkeypatch.setattr(RunFolder, name, lambda run, plain=plain, name=name: read.append(name) or plain(run))
    assert len(collect(sweep)) == 8
    assert sorted(read) == ["read_config"] * 8 + ["read_metrics"] * 8


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("method", "eos"),
        ("dataset", "digits"),  # by its name
        ("reweight", "drw"),  # by its kind
        ("loss", "FocalLoss"),  # by its class
        ("resampler", "SMOTE"),  # by what it wraps
        ("loss.gamma", "2.0"),
        ("dataset.image_size", "null"),
        ("loss.nothing", "–"),
        ("class_counts", "–"),  # no text
    ],
)
def test_a_setting_has_a_short_text(make_run, sweep, key, label):
    settings = {
        "dataset": {"name": "digits", "image_size": None},
        "reweight": {"kind": "drw", "beta": 0.9},
        "loss": {"_target_": "lightning_imb.losses.FocalLoss", "gamma": 2.0},
        "resampler": {"_target_": "a.ClassWise", "sampler": {"_target_": "imblearn.over_sampling.SMOTE"}},
    }
    make_run("a", method="eos", settings=settings)
    (record,) = collect(sweep)
    assert record.label(key) == label
    assert record.find(key) == (None if label == "–" else label)


def test_only_runs_with_the_wanted_values_are_looked_at(make_run, sweep):
    for method in ("erm", "eos", "smote"):
        for k in (10, 200):
            make_run(f"{method}/{k}", method=method, settings={"resampler": {"k": k}}.items())
    found = chosen(collect(sweep), {"method": ("erm", "eos"), "resampler.k": ("10",)})
    assert [record.find("method") for record in found] == ["eos", "erm"]
    assert len(chosen(collect(sweep), {})) == 6


@pytest.mark.parametrize("only", [{"method": ("wrong",)}, {"wrong": ("erm",)}, {"method": ()}])
def test_a_value_that_no_run_has_is_refused(make_run, sweep, only):
    make_run("erm/0")
    with pytest.raises(InputError, match=r"No run (has|is meant by) "):
        chosen(collect(sweep), only)


def test_a_choice_that_leaves_no_run_is_refused(make_run, sweep):
    make_run("erm/0", method="erm")
    make_run("eos/0", method="eos", settings={"resampler": {"k": 10}}.items())
    with pytest.raises(InputError, match="No run has all of only="):
        chosen(collect(sweep), {"method": ("erm",), "resampler.k": ("10",)})
