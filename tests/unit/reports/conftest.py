"""Run folders with chosen scores, written through the run-folder contract."""

import numpy as np
import pytest
from helpers.kept import HITS, STUDY, write
from omegaconf import OmegaConf

from lightning_imb.phases import Phase
from lightning_imb.reports.collect import collect
from lightning_imb.reports.kept.keep import keep
from lightning_imb.runs import RunFolder
from lightning_imb.tracking.csv_table import MetricsTable
from lightning_imb.utils.atomic import write_json_atomic

HOLDOUT = "holdout, best epoch on validation"


@pytest.fixture
def sweep(tmp_path):
    """The folder that ``make_run`` writes to."""
    return tmp_path / "sweep"


@pytest.fixture
def make_run(tmp_path):
    """A function that writes a finished run: ``make_run("erm/0", method="erm", seed=0, bacc=0.5)``."""

    def make(
        name,
        *,
        method="erm",
        seed=0,
        bacc=0.5,
        counts=(40, 4),
        protocol=HOLDOUT,
        settings=(),
        fingerprint=None,
        **metrics,
    ):
        run = RunFolder.create(tmp_path / "sweep" / name)
        config = {"method": method, "seed": seed, "run_dir": str(run.path), "dataset": {"name": "digits"}}
        run.write_config(OmegaConf.create(config | dict(settings)))
        splits = {"train": list(counts), "val": [2] * len(counts), "test": [10] * len(counts)}
        names = [f"c{k}" for k in range(len(counts))]
        data = {"class_names": names, "class_counts": splits, "dataset": "digits", "protocol": "paper, last epoch"}
        run.write_data(data if fingerprint is None else data | {"fingerprint": fingerprint})
        recall = [bacc] * len(counts)
        values = {
            "test/bacc": bacc,
            "test/recall": recall,
            "method": method,
            "seed": seed,
            "protocol": protocol,
        }
        values |= {"selected_on": "val", "class_names": names, "class_counts": splits}
        run.write_metrics(values | {name.replace("__", "/"): value for name, value in metrics.items()})
        return run

    return make


@pytest.fixture
def add_files():
    """A function that adds predictions of both phases and learning curves to a run."""

    def add(run, retrain=True):
        k = len(run.read_data()["class_names"])
        targets = np.repeat(np.arange(k), 10)
        logits = np.eye(k)[np.where(np.arange(len(targets)) % 10 < 3, 0, targets)]  # 3 of 10 taken for class 0
        run.write_predictions("test", logits, targets)
        table = MetricsTable()
        for epoch in range(5):
            table.update(Phase.REPRESENT, epoch, epoch, {"train/loss": 5.0 - epoch, "val/bacc": epoch / 5})
        if retrain:
            run.write_predictions("represent_test", np.eye(k)[np.zeros_like(targets)], targets)
            table.update(Phase.RETRAIN, 0, 0, {"retrain/train/loss": 0.5, "retrain/val/bacc": 0.9})
        table.write(run.metrics_csv)
        return run

    return add


@pytest.fixture
def make_whole_run(make_run):
    """As ``make_run``, with all its facts and predictions of 10 test images per class, of which ``right`` are right."""

    def make(name, *, right=(6, 4), method="erm", seed=0, launches=({"phase_1": "trained", "wall_s": 20.0},), **rest):
        targets = np.repeat(np.arange(len(right)), 10)
        hit = np.concatenate([np.arange(10) < n for n in right])
        logits = np.eye(len(right))[np.where(hit, targets, (targets + 1) % len(right))]
        facts = {
            "bacc": float(np.mean(right)) / 10,
            "dataset": "digits",
            "config_hash": f"hash-{name}",
            "versions": {"python": "3.11.7", "torch": "2.15.0"},
            "hardware": {"cpu": "AMD EPYC", "cores": 2, "threads": 1, "gpu": "none"},
            "precision": "32-true",
            "command": f"train.py method={method} seed={seed} hydra.run.dir=/somewhere/{name}",
        }
        run = make_run(name, method=method, seed=seed, **(facts | rest))
        run.write_data(run.read_data() | {"fingerprint": "data"})
        run.write_predictions("test", logits, targets)
        write_json_atomic(run.path / "launches.json", {"launches": list(launches)})
        return run

    return make


@pytest.fixture
def digits_study(make_whole_run, sweep, tmp_path):
    """Three seeds of two methods, kept, and a study of them."""
    for method, found in HITS.items():
        for seed, right in enumerate(found):
            make_whole_run(f"{method}/{seed}", method=method, seed=seed, right=right)
    folder = tmp_path / "results" / "digits"
    keep(collect(sweep), ["method"], folder)
    write(folder, STUDY)
    return folder
