"""Figures of the html report: recalls of many rows, curves over seeds, confusion over seeds."""

import numpy as np
import pytest

from lightning_imb.phases import Phase
from lightning_imb.reports.collect import collect
from lightning_imb.reports.html import confusions, learning
from lightning_imb.reports.html.confusions import confusion_section
from lightning_imb.reports.html.counts import counts_section
from lightning_imb.reports.html.learning import learning_section, mean_curves_figure
from lightning_imb.reports.html.recall_map import recall_map_figure
from lightning_imb.reports.html.rows import row_runs
from lightning_imb.tracking.csv_table import MetricsTable


def rows_of(folder, *keys):
    return row_runs(collect(folder), keys or ("method",))


def table(phase, **curves):
    """One run: ``train_loss=[...]`` is the value of ``train/loss`` in each epoch."""
    prefix, found = ("retrain/" if phase is Phase.RETRAIN else ""), MetricsTable()
    for name, values in curves.items():
        for epoch, value in enumerate(values):
            found.update(phase, epoch, epoch, {f"{prefix}{name.replace('_', '/')}": value})
    return found


def test_the_map_goes_from_head_to_tail():
    figure = recall_map_figure({"erm": [0.1, 0.9, None], "eos": [0.4, 0.8, 0.2]}, ["a", "b", "c"], [5, 50, 1])
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.images[0].get_array().filled(np.nan), [[0.9, 0.1, np.nan], [0.8, 0.4, 0.2]])
    assert [text.get_text() for text in axes.texts] == ["0.90", "0.10", "n/a", "0.80", "0.40", "0.20"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["b", "a", "c"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["erm", "eos"]


def test_the_map_keeps_the_order_of_classes_where_counts_differ():
    axes = recall_map_figure({"x": [0.1, 0.9]}, ["a", "b"], None).axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b"]
    assert axes.get_xlabel() == "class"


def test_curves_are_means_with_a_band_of_one_deviation():
    runs = [table(Phase.REPRESENT, train_loss=[3.0, 1.0]), table(Phase.REPRESENT, train_loss=[5.0, 2.0])]
    axes = mean_curves_figure(runs).axes[0]
    (line,) = axes.get_lines()
    np.testing.assert_allclose(line.get_ydata(), [4.0, 1.5])
    (band,) = axes.collections
    corners = band.get_paths()[0].vertices
    for x, mean, std in ((1, 4.0, 2**0.5), (2, 1.5, 0.5**0.5)):
        at = corners[corners[:, 0] == x, 1]
        np.testing.assert_allclose([at.min(), at.max()], [mean - std, mean + std])


def test_the_score_of_a_finished_model_is_no_point_of_another_seeds_curve():
    """A run that stopped early files its test score under an epoch that another run has trained."""
    short = table(Phase.REPRESENT, train_loss=[1.0, 1.0], test_bacc=[0.1, 0.1, 0.9])
    long = table(Phase.REPRESENT, train_loss=[1.0] * 4, test_bacc=[0.1] * 4)
    (line,) = mean_curves_figure([short, long]).axes[1].get_lines()
    np.testing.assert_allclose(line.get_ydata(), [0.1] * 4)


def test_both_phases_are_drawn_side_by_side():
    both = table(Phase.REPRESENT, train_loss=[3.0], val_bacc=[0.2])
    both.update(Phase.RETRAIN, 0, 0, {"retrain/train/loss": 0.5, "retrain/val/bacc": 0.75})
    figure = mean_curves_figure([both])
    values = [[list(line.get_ydata()) for line in axes.get_lines()] for axes in figure.axes]
    assert values == [[[3.0]], [[0.5]], [[0.2]], [[0.75]]]


def test_curves_need_a_csv_file_and_say_whose_is_missing(make_run, add_files, tmp_path):
    add_files(make_run("erm/0", seed=0))
    make_run("erm/1", seed=1)
    section = learning_section(rows_of(tmp_path / "sweep"))
    (drawn,) = section.pictures
    assert "1 of 2 runs" in drawn.caption
    assert section.notes == ("erm: 1 of 2 runs wrote no csv file (logger=csv or default).",)


def test_confusion_is_the_mean_over_seeds(make_run, tmp_path, monkeypatch):
    targets = np.array([0, 0, 1, 1])
    for seed, predicted in enumerate(([0, 0, 1, 1], [0, 1, 0, 0])):
        make_run(f"erm/{seed}", seed=seed).write_predictions("test", np.eye(2)[predicted], targets)
    (drawn,) = confusion_section(rows_of(tmp_path / "sweep")).pictures
    assert "c1 taken for c0 (50%), c0 taken for c1 (25%)" in drawn.alt
    assert "2 runs" in drawn.caption


def test_damaged_predictions_are_named_and_the_others_drawn(make_run, add_files, tmp_path):
    add_files(make_run("erm/0", seed=0))
    broken = add_files(make_run("erm/1", seed=1)).predictions_file("test")
    broken.write_bytes(broken.read_bytes()[:50])
    section = confusion_section(rows_of(tmp_path / "sweep"))
    assert len(section.pictures) == 1
    (note,) = section.notes
    assert str(broken) in note


@pytest.mark.parametrize(("classes", "drawn"), [(60, 1), (61, 0)])
def test_confusion_of_too_many_classes_is_left_out_with_a_reason(make_run, add_files, tmp_path, classes, drawn):
    add_files(make_run("a", counts=[9] * classes))
    section = confusion_section(rows_of(tmp_path / "sweep"))
    assert len(section.pictures) == drawn
    assert ["more than 60 classes" in note for note in section.notes] == [True] * (1 - drawn)


def test_rows_that_are_too_many_to_draw_are_counted(make_run, add_files, tmp_path, monkeypatch):
    for module in (confusions, learning):
        monkeypatch.setattr(module, "MAX_ROWS", 2)
    for name in "abc":
        add_files(make_run(name, method=name), retrain=False)
    rows = rows_of(tmp_path / "sweep")
    for section in (confusion_section(rows), learning_section(rows)):
        assert len(section.pictures) == 2
        assert "of the first 2 of 3 rows" in section.notes[0]


def test_rows_of_the_same_data_share_a_picture_of_the_counts(make_run, tmp_path):
    make_run("a", method="a")
    make_run("b", method="b")
    (one,) = counts_section(rows_of(tmp_path / "sweep")).pictures
    assert one.caption == "Of all rows."
    make_run("c", method="c", counts=(40, 8))
    first, second = counts_section(rows_of(tmp_path / "sweep")).pictures
    assert (first.caption, second.caption) == ("Of a; b.", "Of c.")
    assert "train: 48 images in 2 classes: c0 40, c1 8" in second.alt
