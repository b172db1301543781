"""Diagnostics of the training progress: what they log, and that training does not notice them."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from helpers import tiny
from imblearn.over_sampling import RandomOverSampler
from pytorch_lightning import Trainer

from lightning_imb.callbacks.phase_switch import extract
from lightning_imb.callbacks.progress_diagnostics import ProgressDiagnostics, head_answers
from lightning_imb.losses import CrossEntropyLoss
from lightning_imb.metrics import linear_gradient_norms
from lightning_imb.phases import Phase
from lightning_imb.tracking.csv_logger import CsvLogger
from lightning_imb.tracking.csv_table import MetricsTable
from lightning_imb.utils.errors import InputError

COUNTS = (40, 20, 10)
TRAINED = [32, 16, 8]  # what the validation set leaves


class Dropping(torch.nn.Linear):
    """A head that draws random numbers while it trains."""

    def forward(self, z):
        return super().forward(torch.nn.functional.dropout(z, 0.3, self.training))


class Noisy(CrossEntropyLoss):
    """Draws random numbers, and counts what it has seen."""

    draws = True

    def __init__(self, counts):
        super().__init__(counts)
        self.register_buffer("seen", torch.zeros(()), persistent=False)

    def per_sample(self, logits, target):
        self.seen += len(target)
        return super().per_sample(logits + 0.1 * torch.randn_like(logits), target)


class TwoViews(CrossEntropyLoss):
    views = 2


def fit(folder, *callbacks, epochs=3, data=None, **changes):
    settings = {"log_per_class": "auto"} | changes
    model = tiny.classifier(COUNTS, **settings)
    settings = {"logger": CsvLogger(folder), "use_distributed_sampler": False, "log_every_n_steps": 1}
    trainer = tiny.trainer(folder, epochs, callbacks, **settings)
    data = data or tiny.data_module(COUNTS)
    trainer.fit(model, datamodule=data)
    return model, data, MetricsTable.read(folder / "csv" / "metrics.csv").rows(Phase.REPRESENT)


def logged(rows):
    """Diagnostics by epoch."""
    found = {}
    for row in rows:
        values = {name.removeprefix("diagnostics/"): v for name, v in row.items() if name.startswith("diagnostics/")}
        if values:
            found[int(row["epoch"])] = values
    return found


def test_what_is_logged_is_what_a_plain_loop_finds(tmp_path):
    model, data, rows = fit(tmp_path, ProgressDiagnostics(1, "auto"))
    found = logged(rows)
    assert list(found) == [0, 1, 2]
    z, y = extract(model, data, "train")
    weight, bias = model.head.weight.detach(), model.head.bias.detach()
    recall, gradient, taken = {}, {}, []
    for c in range(3):
        hits, norms = [], []
        for row in z[y == c]:
            logits = weight @ row + bias
            hits.append(int(logits.argmax()) == c)
            error = logits.softmax(0) - torch.eye(3)[c]
            norms.append(float(torch.linalg.vector_norm(weight.T @ error)))
            if c == 2:
                taken.append(int(logits.argmax()) == 0)
        recall[c], gradient[c] = sum(hits) / len(hits), sum(norms) / len(norms)
    last = found[2]
    for c in range(3):
        assert last[f"recall/{c}"] == pytest.approx(recall[c])
        assert last[f"gradient/{c}"] == pytest.approx(gradient[c], rel=1e-5)
    assert last["gradient_ratio"] == pytest.approx(gradient[2] / gradient[0], rel=1e-5)
    assert last["gradient_total_major"] == pytest.approx(TRAINED[0] * gradient[0], rel=1e-5)
    assert last["minor_to_major"] == pytest.approx(sum(taken) / len(taken))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"head": functools.partial(Dropping, 16, 3), "loss": functools.partial(Noisy, COUNTS)},
    ],
    ids=["plain", "draws"],
)
def test_training_does_not_notice(tmp_path, changes):
    def run(folder, *callbacks):
        torch.manual_seed(0)
        model, _, rows = fit(folder, *callbacks, **{name: make() for name, make in changes.items()})
        return model, torch.get_rng_state(), rows

    without, random, plain_rows = run(tmp_path / "without")
    watched, random_watched, rows = run(tmp_path / "with", ProgressDiagnostics(1, "auto"))
    assert all(torch.equal(value, watched.state_dict()[name]) for name, value in without.state_dict().items())
    assert torch.equal(random, random_watched)
    if changes:
        assert float(watched.loss.seen) == float(without.loss.seen) > 0
    others = [{k: v for k, v in row.items() if not k.startswith("diagnostics/")} for row in rows]
    assert others == plain_rows
    assert len(logged(rows)) == 3


@pytest.mark.parametrize(("every", "epochs"), [(2, [1, 3]), (3, [2]), (9, []), (0, [])])
def test_it_looks_every_few_epochs(tmp_path, every, epochs):
    rows = fit(tmp_path, ProgressDiagnostics(every, "auto"), epochs=4)[2]
    assert list(logged(rows)) == epochs


def test_values_per_class_follow_log_per_class(tmp_path):
    rows = fit(tmp_path, ProgressDiagnostics(1, 0.4), epochs=1, log_per_class=False)[2]
    assert sorted(logged(rows)[0]) == sorted(
        [
            *(f"{name}_{group}" for name in ("recall", "gradient", "gradient_total") for group in ("major", "middle")),
            *("recall_minor", "gradient_minor", "gradient_total_minor", "gradient_ratio", "minor_to_major"),
        ]
    )


def test_synthetic_images_are_not_looked_at(tmp_path):
    data = tiny.data_module(COUNTS, oversample=RandomOverSampler(random_state=0))
    rows = fit(tmp_path, ProgressDiagnostics(1, "auto"), epochs=1, data=data)[2]
    assert data.synthetic > 0
    found = logged(rows)[0]
    assert found["gradient_total_minor"] == pytest.approx(data.real_counts[2] * found["gradient/2"])
    assert "minor_to_major" in found  # by the real counts: with the synthetic images all classes are alike


def test_a_loss_of_several_views_has_no_gradients(tmp_path, caplog):
    model, callback = tiny.classifier(COUNTS, loss=TwoViews(COUNTS)), ProgressDiagnostics(1, "auto")
    data = tiny.data_module(COUNTS)
    data.setup("fit")
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, default_root_dir=tmp_path)
    with caplog.at_level("INFO", logger="lightning_imb"):
        callback.on_train_start(trainer, model)
    assert "TwoViews" in caplog.text
    found = callback._look(trainer, model, data)
    assert "recall_minor" in found
    assert not any(name.startswith("gradient") for name in found)


@pytest.mark.parametrize(
    ("every", "major", "words"),
    [
        (-1, "auto", "diagnostics_every=-1"),
        (1.5, "auto", "diagnostics_every=1.5"),
        (True, "auto", "diagnostics_every=True"),
        (None, "auto", "diagnostics_every=None"),
        (1, "most", "diagnostics_major"),
        (1, 0.7, "diagnostics_major"),
    ],
)
def test_bad_settings_are_refused_at_once(every, major, words):
    with pytest.raises(InputError, match=words):
        ProgressDiagnostics(every, major)


def test_the_head_answers_in_evaluation_mode():
    model = tiny.classifier(COUNTS, head=Dropping(16, 3)).train()
    z, y = torch.randn(50, 16), torch.randint(3, (50,))
    predicted, norms = head_answers(model, z, y, batch_size=20)
    assert model.training
    assert model.head.training
    model.eval()
    logits = model.head(z)
    assert torch.equal(predicted, logits.argmax(dim=1))
    torch.testing.assert_close(norms, linear_gradient_norms(model.head.weight, logits, y))


@pytest.mark.slow
def test_two_processes_log_what_one_finds(tmp_path):
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "helpers.watched_ranks", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"seen_{rank}.pt") for rank in range(2))
    assert first["logged"] == second["logged"]
    data, model = tiny.data_module(), tiny.classifier()
    model.load_state_dict(first["weights"])
    data.setup("fit")
    alone = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, default_root_dir=tmp_path)
    wanted = ProgressDiagnostics(1, "auto")._look(alone, model, data)
    assert first["logged"] == pytest.approx({f"diagnostics/{name}": value for name, value in wanted.items()}, rel=1e-4)
