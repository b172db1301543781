"""The figures: what is drawn, for few and for many classes."""

import itertools

import matplotlib.image
import numpy as np
import pytest

from lightning_imb.phases import Phase
from lightning_imb.reports.confusion_figure import confusion_figure
from lightning_imb.reports.counts_figure import class_counts_figure
from lightning_imb.reports.curves import curve, learning_curves_figure
from lightning_imb.reports.figures import run_figures, save_figures
from lightning_imb.reports.recall_figure import recall_figure
from lightning_imb.runs import RunFolder
from lightning_imb.utils.errors import InputError


def texts(axes):
    return [text.get_text() for text in axes.texts]


def ticks(figure, axes, axis="x"):
    figure.canvas.draw()
    return [label.get_text() for label in getattr(axes, f"get_{axis}ticklabels")()]


def test_counts_are_drawn_and_written_per_split():
    figure = class_counts_figure({"train": [500, 50, 0], "test": [7, 7, 7]}, ["a", "b", "c"], "title")
    train, test = figure.axes
    assert [bar.get_height() for bar in train.patches] == [500, 50, 0]
    assert texts(train) == ["500", "50", "0"]
    assert "550 images, ratio 10 (1 empty class)" in train.get_title(loc="left")
    assert "21 images, ratio 1" in test.get_title(loc="left")
    assert ticks(figure, test) == ["a", "b", "c"]


def test_hundred_classes_get_no_numbers_and_few_ticks():
    names = [f"class {k}" for k in range(100)]
    figure = class_counts_figure({"train": list(range(100, 0, -1))}, names, "title")
    assert texts(figure.axes[0]) == []
    shown = ticks(figure, figure.axes[0])
    assert shown == names[::4]
    figure = confusion_figure(np.eye(100), names)
    assert texts(figure.axes[0]) == []
    assert len(ticks(figure, figure.axes[0], "y")) == 25


def test_more_classes_than_dots_are_drawn_from_head_to_tail():
    counts = list(range(300))
    figure = class_counts_figure({"train": counts, "test": counts}, [f"class {k}" for k in counts], "title")
    for axes in figure.axes:
        (outline,) = axes.patches  # one shape: hundreds of bars would take seconds
        assert outline.get_data().values.tolist() == counts[::-1]
    assert ticks(figure, figure.axes[1])[:2] == ["class 299", "class 287"]
    few = class_counts_figure({"train": counts[:200]}, [f"class {k}" for k in range(200)], "title")
    assert few.axes[0].patches[0].get_data().values.tolist() == counts[:200]


def test_tick_labels_do_not_overlap():
    for names in (
        ["airplane", "automobile", "bird", "cat", "deer"] * 2,
        [f"a very long name {k}" for k in range(60)],
    ):
        figure = class_counts_figure({"train": [1] * len(names)}, names, "title")
        figure.canvas.draw()
        labels = [label for label in figure.axes[0].get_xticklabels() if label.get_text()]
        starts = np.array([label.get_window_extent().x1 for label in labels])  # rotated text is anchored at its end
        if labels[0].get_rotation() == 0:
            boxes = [label.get_window_extent() for label in labels]
            assert all(a.x1 < b.x0 for a, b in itertools.pairwise(boxes))
        else:
            assert (np.diff(starts) > 10).all()
        assert len({label.get_text() for label in labels}) == len(set(names[:: -(-len(names) // 25)]))


def test_recalls_are_ordered_from_head_to_tail():
    figure = recall_figure({"after phase 1": [0.1, 0.9, None], "final": [0.3, 0.8, None]}, ["a", "b", "c"], [5, 50, 1])
    upper, lower = figure.axes
    first, second = upper.containers[:2]
    assert [bar.get_height() for bar in first] == [0.9, 0.1, 0]
    assert [bar.get_height() for bar in second] == [0.8, 0.3, 0]
    assert texts(upper) == ["0.90", "0.10", "n/a", "0.80", "0.30", "n/a"]
    assert [t.get_text() for t in upper.get_legend().get_texts()] == [
        "after phase 1 (mean 0.500)",
        "final (mean 0.550)",
    ]
    assert [bar.get_height() for bar in lower.patches] == [50, 5, 1]
    assert ticks(figure, lower) == ["b", "a", "c"]


def test_many_recalls_are_marks_with_a_trend():
    values = list(np.linspace(1, 0, 100))
    figure = recall_figure({"final": values}, [str(k) for k in range(100)], list(range(100, 0, -1)))
    marks, trend = figure.axes[0].lines
    np.testing.assert_allclose(marks.get_ydata(), values)
    np.testing.assert_allclose(trend.get_ydata()[5:-5], values[5:-5])  # a running mean leaves a straight line alone


def test_the_trend_is_the_mean_of_the_neighbours_that_are_known():
    rng = np.random.default_rng(0)
    values = np.where(rng.random(60) < 0.4, np.nan, rng.random(60))
    values[20:30] = np.nan
    figure = recall_figure({"final": values.tolist()}, [str(k) for k in range(60)], [1] * 60)
    windows = [values[max(0, k - 3) : k + 4] for k in range(60)]
    expected = [np.nan if np.isnan(window).all() else np.nanmean(window) for window in windows]
    assert np.isnan(expected).any()
    np.testing.assert_allclose(figure.axes[0].lines[1].get_ydata(), expected, atol=1e-12)


def test_confusion_cells_are_shares_of_the_true_class():
    figure = confusion_figure(np.array([[90, 10], [1, 1]]), ["a", "b"])
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.images[0].get_array(), [[0.9, 0.1], [0.5, 0.5]])
    assert texts(axes) == ["90", "10", "50", "50"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")


def test_learning_curves_show_both_phases_or_the_one_there_is():
    represent = [{"epoch": e, "train/loss": 3.0 - e, "val/loss": 4.0 - e, "val/bacc": e / 4} for e in range(3)]
    retrain = [{"epoch": 0.0, "retrain/train/loss": 0.5, "retrain/val/bacc": 0.75}]
    one = learning_curves_figure({Phase.REPRESENT: represent, Phase.RETRAIN: []})
    assert len(one.axes) == 2
    two = learning_curves_figure({Phase.REPRESENT: represent, Phase.RETRAIN: retrain})
    assert len(two.axes) == 4
    loss, retrain_loss, bacc, retrain_bacc = two.axes
    assert {line.get_label(): list(line.get_ydata()) for line in loss.lines} == {
        "train": [3, 2, 1],
        "val": [4, 3, 2],
    }
    assert list(loss.lines[0].get_xdata()) == [1, 2, 3]
    assert [list(line.get_ydata()) for line in bacc.lines] == [[0, 0.25, 0.5]]
    assert [list(line.get_ydata()) for line in retrain_loss.lines] == [[0.5]]
    assert [list(line.get_ydata()) for line in retrain_bacc.lines] == [[0.75]]


def test_the_test_set_has_a_curve_only_where_it_was_scored_each_epoch():
    watched = [{"epoch": e, "train/loss": 1.0, "test/bacc": e / 4} for e in range(3)]
    finished = {"epoch": 3, "test/bacc": 0.99}  # of the selected model, after the fit
    (line,) = learning_curves_figure({Phase.REPRESENT: [*watched, finished]}).axes[1].lines
    assert (line.get_label(), list(line.get_ydata())) == ("test", [0, 0.25, 0.5])
    axes = learning_curves_figure({Phase.REPRESENT: [{"epoch": 2, "train/loss": 1.0}, finished]}).axes[1]
    assert len(axes.lines) == 0
    assert texts(axes) == ["not recorded"]


def test_curve_takes_the_last_value_of_an_epoch_and_the_epoch_mean():
    rows = [
        {"epoch": 1, "x": 1.0},
        {"epoch": 0, "x": 5.0},
        {"epoch": 1, "x": 2.0, "x_epoch": 9.0},
        {"x": 7.0},
    ]
    assert curve(rows, "x") == {0: 5.0, 1: 9.0}
    assert curve(rows, "y") == {}


@pytest.mark.parametrize("retrain", [True, False])
@pytest.mark.parametrize("k", [2, 10, 100])
def test_all_figures_of_a_run_are_files(make_run, add_files, k, retrain):
    run = add_files(make_run("a", counts=[100 - i for i in range(k)]), retrain)
    files = save_figures(run, run_figures(run))
    expected = {"class_counts", "recall", "reliability", "prior_shift", "confusion", "learning_curves"} | (
        {"confusion_represent"} if retrain else set()
    )
    assert {file.stem for file in files} == expected
    assert {file.name for file in run.figures.iterdir()} == {f"{name}.png" for name in expected}
    for file in files:
        image = matplotlib.image.imread(file)
        assert image.shape[0] > 300
        assert image[..., :3].std() > 0.02  # something is drawn


def test_the_confusion_of_many_classes_is_drawn_by_groups_and_the_log_says_why(make_run, add_files, caplog):
    k = 400
    run = add_files(make_run("a", counts=[1000 - i for i in range(k)]), retrain=False)
    with caplog.at_level("INFO", logger="lightning_imb"):
        axes = run_figures(run)["confusion"].axes[0]
    shares = axes.images[0].get_array()
    # 3 of 10 samples of every class are taken for class 0, which is one of the twenty in the first group
    np.testing.assert_allclose(shares, 0.7 * np.eye(20) + 0.3 * np.eye(20)[[0]])
    assert "400 classes in 20 groups" in axes.get_title(loc="left")
    assert axes.get_xlabel() == "predicted group (rank by training images)"
    assert ticks(axes.figure, axes)[:2] == ["1–20", "21–40"]
    assert ["confusion of 400 classes is drawn by groups: a cell" in m for m in caplog.messages] == [True]


def test_figures_need_neither_the_csv_file_nor_the_done_marker(make_run, add_files):
    run = add_files(make_run("a"), retrain=False)
    run.metrics_csv.unlink()
    run.metrics_file.unlink()
    figures = run_figures(run)
    assert set(figures) == {"class_counts", "recall", "reliability", "prior_shift", "confusion"}
    np.testing.assert_allclose(figures["confusion"].axes[0].images[0].get_array(), [[1, 0], [0.3, 0.7]])


def test_figures_without_predictions_name_the_file(tmp_path, make_run):
    with pytest.raises(InputError, match=r"predictions/test\.npz"):
        run_figures(make_run("a"))
    with pytest.raises(InputError, match=r"data\.json"):
        run_figures(RunFolder(tmp_path))
