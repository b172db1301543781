"""The study ``progress``: logs with and without diagnostics, one run and many."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from helpers.runs import assert_refused
from omegaconf import OmegaConf

from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder
from lightning_imb.studies.progress import Progress
from lightning_imb.tracking.csv_table import MetricsTable

COUNTS = (40, 12, 4)
STUDY = Progress(major="auto")


def diagnostics(minor=0.2, gradients=True):
    """What three looks at the training images log."""
    rows = {}
    for epoch in range(3):
        values = {"recall_major": 0.8, "recall_middle": 0.6, "recall_minor": minor * (1 + epoch), "minor_to_major": 0.7}
        if gradients:
            values |= {"gradient_major": 0.5, "gradient_minor": 1.0 + epoch, "gradient_ratio": 2.0 + 2 * epoch}
            values |= {"gradient_total_major": 10.0, "gradient_total_minor": 4.0 + epoch, "gradient/0": 0.1}
        rows[epoch] = {f"diagnostics/{name}": value for name, value in values.items()}
        rows[epoch] |= {f"diagnostics/recall/{c}": 0.1 * (c + epoch) for c in range(3)}
    return rows


def scored(split="val", recall=True):
    """What a log without diagnostics holds: scores every other epoch, and once more those of the finished model."""
    rows = {epoch: {"train/loss": 1.0} for epoch in range(4)}
    for epoch in (1, 3):
        rows[epoch] |= {f"{split}/bacc": 0.5, f"{split}/few": 0.2}
        if recall:
            rows[epoch] |= {f"{split}/recall/{c}": r for c, r in enumerate((0.8, 0.6, 0.1 * epoch))}
    rows[4] = {"test/bacc": 0.9} | {f"test/recall/{c}": 0.9 for c in range(3)}
    return rows


@pytest.fixture
def subject(tmp_path):
    """A function that writes the log of a run and opens it."""

    def make(rows, row="erm", imbalance="exp", seed=0, counts=COUNTS, bacc=0.5):
        run = RunFolder(tmp_path / row / imbalance / str(seed))
        run.write_metrics({"test/bacc": bacc})
        table = MetricsTable()
        for epoch, values in rows.items():
            table.update(Phase.REPRESENT, epoch, epoch, values)
        table.write(run.metrics_csv)
        return SimpleNamespace(
            run=run,
            row=row,
            seed=seed,
            cfg=OmegaConf.create({"imbalance": {"name": imbalance}}),
            class_names=["cat", "dog", "eel"],
            train_counts=list(counts),
            protocol="holdout, best epoch on validation",
        )

    return make


def test_diagnostics_become_numbers_and_tables(subject):
    found = STUDY.look(subject(diagnostics()))
    assert found.numbers["bacc"] == 0.5
    assert found.numbers["progress/epochs_to_half"] == 2
    assert found.numbers["progress/recall_gap/last"] == pytest.approx(0.2)
    assert found.numbers["progress/gradient_ratio/max"] == 6
    assert found.numbers["progress/gradient_total_ratio/first"] == pytest.approx(0.4)
    epochs, classes = found.tables["epochs"], found.tables["classes"]
    assert epochs["epoch"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(epochs["recall_minor"], [0.2, 0.4, 0.6])
    assert list(classes) == ["class", "images", "epoch", "recall", "gradient"]
    assert classes["class"].tolist() == ["cat"] * 3 + ["dog"] * 3 + ["eel"] * 3
    assert classes["images"].tolist() == [n for n in COUNTS for _ in range(3)]
    np.testing.assert_allclose(classes["recall"][classes["class"] == "eel"], [0.2, 0.3, 0.4])
    assert classes["gradient"].isna().sum() == 6  # two classes whose gradient was not logged
    assert set(found.figures) == set(found.captions) == {"progress"}
    assert found.remarks == ()


def test_a_loss_without_gradients_says_so(subject):
    found = STUDY.look(subject(diagnostics(gradients=False)))
    assert math.isnan(found.numbers["progress/gradient_ratio/last"])
    assert any("gradients" in remark for remark in found.remarks)


@pytest.mark.parametrize("gap", [(0, 1), (0, 3), (1, 3)])
def test_a_group_is_averaged_over_the_classes_that_an_epoch_has(subject, gap):
    rows = {epoch: {"train/loss": 1.0} for epoch in range(4)}
    for epoch in (1, 3):
        rows[epoch] |= {f"val/recall/{c}": (0.9, 0.7, 0.5, 0.1)[c] for c in range(4) if (c, epoch) != gap}
    run = subject(rows, counts=(40, 20, 10, 5))
    run.class_names.append("fox")
    epochs = Progress(0.5).look(run).tables["epochs"].set_index("epoch")
    major = {epoch + 1: {(0, epoch): 0.7, (1, epoch): 0.9}.get(gap, 0.8) for epoch in (1, 3)}
    assert epochs["recall_major"].to_dict() == pytest.approx(major)
    assert epochs["recall_minor"].to_dict() == pytest.approx({2: 0.3, 4: 0.3})


@pytest.mark.parametrize("split", ["val", "test"])
def test_without_diagnostics_the_scored_images_are_summed_up_under_their_own_name(subject, split):
    found = STUDY.look(subject(scored(split)))
    assert math.isnan(found.numbers[f"progress/{split}/epochs_to_half"])
    assert found.numbers[f"progress/{split}/recall_gap/first"] == pytest.approx(0.7)
    assert found.numbers[f"progress/{split}/recall_gap/last"] == pytest.approx(0.5)
    assert found.tables["epochs"]["epoch"].tolist() == [2, 4]  # not the scores of the finished model
    assert found.tables["epochs"]["bacc"].tolist() == [0.5, 0.5]
    assert "diagnostics_every=1" in found.remarks[0]
    assert "protocol: holdout" in found.captions["progress"]
    assert not any("gradient" in name or "minor_to_major" in name for name in found.numbers)
    (axes,) = found.figures["progress"].axes
    assert axes.get_ylabel() == f"recall, {split} images"
    assert [line.get_label() for line in axes.lines][-3:] == ["major", "middle", "minor"]


def test_the_share_of_major_classes_is_a_setting(subject):
    rows = {0: {"train/loss": 1.0} | {f"val/recall/{c}": r for c, r in enumerate((0.9, 0.7, 0.5, 0.1))}}
    run = subject(rows, counts=(40, 20, 10, 5))
    run.class_names.append("fox")
    gaps = {major: Progress(major).look(run).numbers["progress/val/recall_gap/last"] for major in (0.25, 0.5)}
    assert gaps == pytest.approx({0.25: 0.8, 0.5: 0.5})


def test_without_recall_of_classes_the_scores_remain(subject):
    found = STUDY.look(subject(scored(recall=False)))
    assert found.numbers == {"bacc": 0.5}
    assert list(found.tables["epochs"]) == ["epoch", "bacc", "few"]
    assert found.figures == {}
    assert "log_per_class=true" in found.remarks[0]


def test_balanced_classes_have_no_minor_ones(subject):
    found = STUDY.look(subject(scored(), counts=(9, 9, 9)))
    assert all(math.isnan(value) for name, value in found.numbers.items() if name.startswith("progress/"))
    assert any("none is major or minor" in remark for remark in found.remarks)


def test_a_run_without_a_log_is_no_error(subject):
    found = STUDY.look(subject({}))
    assert found.numbers == {"bacc": 0.5}
    assert found.figures == {}
    assert "logger=csv" in found.remarks[0]


def test_runs_are_compared_as_means_over_seeds(subject):
    runs = [subject(diagnostics(minor), row, seed=seed) for row, seed, minor in MEMBERS]
    compared = STUDY.compare([*runs, subject(scored(), "ldam")], [])
    table = compared.tables["comparison"]
    assert table.groupby("line", sort=False)["runs"].first().to_dict() == {"erm": 2, "mfw": 1}
    np.testing.assert_allclose(table["recall_minor"][table["line"] == "erm"], [0.2, 0.4, 0.6])
    axes = compared.figures["comparison"].axes[0]
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [0.2, 0.4, 0.6])
    assert "erm (exp): 2" in compared.captions["comparison"]
    assert compared.remarks[0].startswith("Runs without diagnostics")


MEMBERS = [("erm", 0, 0.1), ("erm", 1, 0.3), ("mfw", 0, 0.25)]


def test_step_and_long_tail_stand_side_by_side(subject):
    runs = [
        subject(diagnostics(minor), f"{method}, {kind}", kind)
        for kind, method, minor in (("step", "erm", 0.1), ("exp", "mfw", 0.3), ("exp", "erm", 0.2))
    ]
    compared = STUDY.compare(runs, [])
    figure = compared.figures["comparison"]
    assert len(figure.axes) == 8
    left, right = figure.axes[:2]
    assert [axes.get_title(loc="left") for axes in (left, right)] == ["imbalance=step", "imbalance=exp"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["erm", "mfw"]
    assert left.lines[1].get_color() == right.lines[1].get_color()  # erm in both columns
    assert (left.lines[1].get_ydata()[0], right.lines[1].get_ydata()[0]) == (0.1, 0.2)
    assert left.lines[1].get_linestyle() == "--"  # minor
    assert set(compared.tables["comparison"]["imbalance"]) == {"step", "exp"}


def test_too_many_lines_are_cut_and_said(subject):
    compared = STUDY.compare([subject(diagnostics(i / 50), f"m{i}") for i in range(10)], [])
    assert len(compared.figures["comparison"].legends[0].get_texts()) == 8
    assert "first 8 of 10" in compared.remarks[0]
    assert compared.tables["comparison"]["line"].nunique() == 10


def test_lines_that_share_phase_1_are_one_in_the_figure(subject):
    runs = [subject(diagnostics(minor), row) for row, minor in (("eos", 0.1), ("mfw", 0.3), ("erm", 0.1))]
    compared = STUDY.compare(runs, [])
    figure = compared.figures["comparison"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["eos = erm", "mfw"]
    assert compared.tables["comparison"]["line"].nunique() == 3


def test_lines_are_named_without_the_imbalance(subject):
    rows = ("erm, step", "step, erm, 50", "step")
    compared = STUDY.compare([subject(diagnostics(), row, "step") for row in rows], [])
    assert compared.tables["comparison"]["line"].unique().tolist() == ["erm", "erm, 50", "all runs"]


def test_one_run_with_diagnostics_is_nothing_to_compare(subject):
    assert STUDY.compare([subject(diagnostics()), subject(scored(), "mfw")], []) is None


def test_a_wrong_share_is_refused():
    assert_refused(lambda: Progress(major=0.7), "0.7")
