"""Run folders of regressions with chosen errors, written through the run-folder contract."""

from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from lightning_imb.phases import Phase
from lightning_imb.reports.collect import RunRecord
from lightning_imb.runs import RunFolder
from lightning_imb.tracking.csv_table import MetricsTable

EDGES = tuple(float(edge) for edge in range(1, 11))
NAMES = [f"{low} to {low + 1}" for low in range(1, 10)]
HOLDOUT = "holdout, best epoch on validation"
MANY, FEW = 100, 20
LAWS = {
    "uniform": lambda random, n: random.uniform(1, 10, n),
    "normal": lambda random, n: np.clip(random.normal(5.5, 1, n), 1, 10),
    "missing": lambda random, n: random.uniform(1, 5, n),
}


def shared_targets(n=400):
    """(n,) the one test set of all laws."""
    return np.random.default_rng(1234).uniform(1, 10, n)


def in_bins(values, edges=EDGES):
    """(n,) the bin of each value; the first and the last take what lies beyond."""
    return np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)


def bin_means(values, targets):
    """(B,) mean of values in the bins of their targets, None in empty ones."""
    bins = in_bins(targets)
    return [float(values[bins == b].mean()) if (bins == b).any() else None for b in range(len(NAMES))]


def scores(prefix, predictions, targets, train_counts):
    """Entries of metrics.json for one stage."""
    error = predictions - targets
    per_bin = {
        "bin_mse": bin_means(error**2, targets),
        "bin_mae": bin_means(abs(error), targets),
        "bin_gm": bin_means(abs(error), targets),
        "bin_bias": bin_means(error, targets),
    }
    mse, known = float((error**2).mean()), [value for value in per_bin["bin_mse"] if value is not None]
    found = {"mse": mse, "mae": float(abs(error).mean()), "rmse": mse**0.5, "gm": float(np.median(abs(error)))}
    found |= {"mse_balanced": float(np.mean(known)), "r2": 1 - mse / float(targets.var()), "pearson": 0.5}
    bins = in_bins(targets)
    counts = np.array(train_counts)
    groups = {"zero": counts == 0, "few": (counts > 0) & (counts < FEW), "many": counts > MANY}
    for name, members in groups.items():
        if members[bins].any():
            found[f"mse_{name}"] = float((error[members[bins]] ** 2).mean())
    return {f"{prefix}/{name}": value for name, value in (found | per_bin).items()}


def baselines(train, targets):
    """Entries of metrics.json for what no network said."""
    found = {
        "train_mean_mse": float(((train.mean() - targets) ** 2).mean()),
        "train_mean_mae": float(abs(train.mean() - targets).mean()),
        "train_median_mae": float(abs(np.median(train) - targets).mean()),
        "optimal_mse": float(targets.var()),
        "optimal_mae": float(abs(np.median(targets) - targets).mean()),
        "train_mean_bin_mse": bin_means((train.mean() - targets) ** 2, targets),
        "noise_floor_mse": 0.02,
    }
    return {f"test/baseline/{name}": value for name, value in found.items()}


def write_regression(
    path, *, method="reg_mse", law="uniform", seed=0, slope=0.9, noise=0.3, settings=(), phase_1=False, **metrics
):
    """A finished run whose predictions shrink towards 5.5 by ``slope`` and err by ``noise``; returns its folder.

    Keyword arguments with double underscores replace scores, ``test__mse=0.5``; None takes them out.
    """
    run, random = RunFolder.create(path), np.random.default_rng([seed, len(law), len(method)])
    config = {"method": method, "seed": seed, "run_dir": str(run.path), "imbalance": {"name": law}}
    data = {"name": "sigma", "target": "sigma", "splits": {"data_seed": seed}}
    run.write_config(OmegaConf.merge(config | {"dataset": data}, dict(settings)))
    targets, train = shared_targets(), LAWS[law](random, 2000)
    counts = {"train": np.bincount(in_bins(train), minlength=len(NAMES)).tolist(), "val": [20] * len(NAMES)}
    counts["test"] = np.bincount(in_bins(targets), minlength=len(NAMES)).tolist()
    predictions = 5.5 + slope * (targets - 5.5) + noise * random.normal(size=len(targets))
    values = {"task": "regression", "target": "sigma", "bin_edges": list(EDGES), "imbalance": law}
    values |= {"class_names": NAMES, "class_counts": counts, "dataset": "sigma", "method": method, "seed": seed}
    values |= {"protocol": HOLDOUT, "selected_on": "val"}
    run.write_data(values)
    values |= scores("test", predictions, targets, counts["train"]) | baselines(train, targets)
    write_predictions(run, "test", predictions, targets)
    if phase_1:
        early = 5.5 + 0.8 * slope * (targets - 5.5)
        values |= scores("represent/test", early, targets, counts["train"])
        write_predictions(run, "represent_test", early, targets)
    values |= {name.replace("__", "/"): value for name, value in metrics.items()}
    run.write_metrics({name: value for name, value in values.items() if value is not None})
    return run


def write_predictions(run, name, predictions, targets):
    """As float32, (N, 1) and (N,)."""
    file = run.predictions_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez(file, logits=predictions[:, None].astype(np.float32), targets=targets.astype(np.float32))


def write_curves(run, epochs=5):
    """Loss and mean squared error of every epoch of phase 1."""
    table = MetricsTable()
    for epoch in range(epochs):
        values = {
            "train/loss": 30 / (epoch + 1) ** 2,
            "val/loss": 32 / (epoch + 1) ** 2,
            "val/mse": 32 / (epoch + 1) ** 2,
        }
        table.update(Phase.REPRESENT, epoch, epoch, values)
    table.write(run.metrics_csv)
    return run


SHRINKS = {"uniform": 0.95, "normal": 0.85, "missing": 0.5}


def write_study(folder, seeds=5, methods=("reg_mse",), laws=tuple(SHRINKS)):
    """A sweep: the balanced law is best, the one with missing targets worst; returns its folder."""
    for m, method in enumerate(methods):
        for law in laws:
            for seed in range(seeds):
                slope = SHRINKS[law] - 0.02 * m + 0.004 * seed
                run = write_regression(
                    folder / method / law / str(seed), method=method, law=law, seed=seed, slope=slope
                )
                write_curves(run)
    return folder


def record(law="uniform", seed=0, method="reg_mse", settings=(), **scores):
    """What a report reads of a run that is not on disk; ``mse=0.5`` is its ``test/mse``."""
    counts = {"train": [50 + seed, 50 - seed], "val": [10, 10], "test": [20, 20]}
    metrics = {"task": "regression", "target": "sigma", "bin_edges": [1, 5, 10], "class_names": ["low", "high"]}
    metrics |= {"class_counts": counts, "method": method, "seed": seed, "protocol": HOLDOUT, "imbalance": law}
    metrics |= {f"test/{name.replace('__', '/')}": value for name, value in scores.items()}
    known = {"method": method, "seed": seed, "imbalance.name": law, "dataset.name": "sigma", "dataset.data_seed": seed}
    return RunRecord(Path(f"{method}/{law}/{seed}"), metrics, known | dict(settings))
