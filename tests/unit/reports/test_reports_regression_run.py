"""One regression: its closing table, its figures, its header."""

import matplotlib.image
import numpy as np
import pytest
from helpers.regression_runs import EDGES, NAMES, shared_targets, write_curves, write_predictions, write_regression

from lightning_imb.reports.collect import collect
from lightning_imb.reports.digits import significant
from lightning_imb.reports.figures import run_figures, save_figures
from lightning_imb.reports.header import header_lines
from lightning_imb.reports.regression.errors_figure import BinErrors, errors_figure
from lightning_imb.reports.regression.prediction_figure import Predicted, prediction_figure
from lightning_imb.reports.regression.read import noise_floor
from lightning_imb.reports.tables import run_grid
from lightning_imb.utils.errors import InputError


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with both phases, trained on the middle."""
    return write_curves(write_regression(tmp_path_factory.mktemp("runs") / "one", law="normal", phase_1=True))


@pytest.fixture(scope="module")
def metrics(run):
    return run.read_metrics()


# --- the closing table


def test_the_table_has_bins_scores_and_yardsticks(metrics):
    grid = run_grid(metrics)
    assert grid.header == ("MSE per bin, scores", "n_train", "phase 1", "final", "MAE", "bias")
    assert all(len(row) == len(grid.header) for row in grid.rows)
    first = metrics["represent/test/bin_mse"][0], *(metrics[f"test/bin_{name}"][0] for name in ("mse", "mae", "bias"))
    assert grid.rows[0] == ("1 to 2", "0", *(significant(value) for value in first))
    names = [row[0] for row in grid.rows]
    assert names[:9] == NAMES
    scores = ["mse", "mae", "rmse", "gm", "mse_balanced", "r2", "pearson", "mse_zero", "mse_few", "mse_many"]
    assert names[9:-4] == scores
    assert grid.rows[9][2:] == (significant(metrics["represent/test/mse"]), significant(metrics["test/mse"]), "", "")
    constant = metrics["test/baseline/train_mean_mse"], metrics["test/baseline/train_mean_mae"]
    assert grid.rows[-4] == ("constant: training mean", "", "", *map(significant, constant), "")
    assert grid.rows[-3][3] == "–"  # the median is best in absolute errors alone
    assert grid.rows[-1] == ("noise floor", "", "", "0.02000", "–", "")
    assert grid.breaks == {8, 8 + len(scores)}


def test_the_caption_says_whether_the_constant_is_beaten(metrics):
    assert "the run beats the constant of the training mean (MSE 0." in run_grid(metrics).caption
    lost = run_grid(metrics | {"test/mse": 99.5}).caption
    assert "does NOT beat the constant of the training mean (MSE 99.50 against 7." in lost


def test_scores_of_another_split_have_no_yardsticks(metrics):
    shown = {key: value for key, value in metrics.items() if "baseline" not in key and "represent" not in key}
    grid = run_grid(shown | {"scored": "split val"})
    assert grid.header == ("MSE per bin, scores", "n_train", "final", "MAE", "bias")
    assert grid.rows[-1][0] == "mse_many"
    assert grid.caption.startswith("split val; target: sigma; ")
    assert "constant of" not in grid.caption


def test_bins_without_test_samples_are_shown_as_missing(metrics):
    empty = {f"{stage}test/bin_{name}": [None] * 9 for stage in ("", "represent/") for name in ("mse", "mae", "bias")}
    assert run_grid(metrics | empty).rows[0] == ("1 to 2", "0", "–", "–", "–", "–")


def test_of_many_bins_the_fullest_and_the_emptiest_are_shown_in_the_order_of_the_targets(metrics):
    counts = [abs(b - 20) for b in range(41)]
    many = {f"{stage}test/bin_{name}": [1.0] * 41 for stage in ("", "represent/") for name in ("mse", "mae", "bias")}
    many |= {"class_names": [f"b{b}" for b in range(41)], "class_counts": {"train": counts}}
    grid = run_grid(metrics | many)
    shown = [int(row[0][1:]) for row in grid.rows[:20]]
    assert shown == [*range(5), *range(16, 26), *range(36, 41)]
    assert "21 bins stand in metrics.json alone" in grid.caption


def test_a_choice_on_the_test_set_is_said_loudly(metrics):
    assert run_grid(metrics | {"selected_on": "test"}).warning.startswith("WARNING")


def test_a_run_without_its_bins_is_refused(tmp_path):
    write_regression(tmp_path / "a", bin_edges=None)
    with pytest.raises(InputError, match="lacks bin_edges: train the run again"):
        collect(tmp_path)


def test_the_header_counts_samples_in_bins(metrics):
    info = {key: metrics[key] for key in ("task", "target", "imbalance", "class_names", "class_counts", "dataset")}
    lines = dict(header_lines(info | {"smoothing": "fds", "target_weights": "lds"}))
    assert lines["train"].startswith("2,000 samples in 9 bins: 1 to 2: 0, 2 to 3: ")
    assert lines["ratio"].endswith("(2 empty bins)")
    assert {key: lines[key] for key in ("target", "imbalance", "smoothing", "target weights")} == {
        "target": "sigma",
        "imbalance": "normal",
        "smoothing": "fds",
        "target weights": "lds",
    }


# --- figures


def test_all_figures_of_a_run_are_files_and_none_is_of_classes(run):
    files = save_figures(run, run_figures(run))
    assert {file.stem for file in files} == {"class_counts", "errors", "predictions", "learning_curves"}
    for file in files:
        assert matplotlib.image.imread(file)[..., :3].std() > 0.02  # something is drawn


def test_figures_are_drawn_from_scores_that_are_not_yet_on_disk(tmp_path):
    run = write_regression(tmp_path / "a")
    metrics = run.read_metrics()
    run.metrics_file.unlink()
    figures = run_figures(run, metrics)
    assert set(figures) == {"class_counts", "errors", "predictions"}
    assert [figures[name].get_supxlabel() for name in ("errors", "predictions")] == [
        f"protocol: {metrics['protocol']}"
    ] * 2


def test_figures_without_predictions_name_the_file(tmp_path):
    run = write_regression(tmp_path / "a")
    run.predictions_file("test").unlink()
    with pytest.raises(InputError, match=r"predictions/test\.npz"):
        run_figures(run)


def test_errors_are_drawn_over_the_targets_with_constant_and_floor(metrics, run):
    upper, lower = run_figures(run)["errors"].axes
    lines = {line.get_label(): line for line in upper.lines}
    np.testing.assert_allclose(lines["final"].get_xdata(), np.arange(1.5, 10))
    np.testing.assert_allclose(lines["final"].get_ydata(), metrics["test/bin_mse"])
    np.testing.assert_allclose(lines["after phase 1"].get_ydata(), metrics["represent/test/bin_mse"])
    dashed = [line for line in upper.lines if line.get_linestyle() == "--" and len(line.get_xdata())]
    assert len(dashed) == 1  # both phases have the same training targets
    np.testing.assert_allclose(dashed[0].get_ydata(), metrics["test/baseline/train_mean_bin_mse"])
    np.testing.assert_allclose(lines["noise floor, mean over all bins"].get_ydata(), 0.02)
    assert (upper.get_yscale(), upper.get_ylabel()) == ("log", "mean squared error of sigma")
    assert [bar.get_height() for bar in lower.patches] == metrics["class_counts"]["train"]
    assert lower.get_xlabel() == "true sigma"


def test_a_noise_floor_of_each_bin_is_drawn_where_it_is_known(metrics):
    known = metrics | {"test/baseline/noise_floor_bin_mse": [0.1, None, *[0.3] * 7]}
    assert noise_floor([{}, known, metrics]) == {"noise floor": [0.1, None, *[0.3] * 7]}
    assert noise_floor([{}]) == {}


def lines_of(**means):
    """Two runs for each line, 0.1 to both sides of the mean."""
    train = {"a": [4.0, 0.0], "b": [2.0, 2.0]}
    return {
        name: BinErrors(np.array([mse, mse]) + np.array([[-0.1], [0.1]]), np.array([train[name]] * 2), np.zeros((0, 2)))
        for name, mse in means.items()
    }


def test_bands_are_one_deviation_and_laws_have_outlines():
    figure = errors_figure(lines_of(a=[1.0, 2.0], b=[1.5, np.nan]), [0, 1, 3], "y", "title", {})
    upper, lower = figure.axes
    assert upper.get_yscale() == "linear"
    np.testing.assert_allclose(upper.lines[0].get_ydata(), [1, 2])
    np.testing.assert_allclose(upper.lines[1].get_ydata(), [1.5, np.nan])
    corners = upper.collections[0].get_paths()[0].vertices
    std = 0.1 * 2**0.5
    for x, mean in ((0.5, 1.0), (2.0, 2.0)):
        at = corners[corners[:, 0] == x, 1]
        np.testing.assert_allclose([at.min(), at.max()], [mean - std, mean + std])
    assert [outline.get_data().values.tolist() for outline in lower.patches] == [[4, 0], [2, 2]]


def test_predictions_are_counted_and_their_means_drawn():
    targets = shared_targets(200).astype(np.float32)
    models = {
        "one": Predicted(targets * 0.5, targets, [0.5] * 8 + [None]),
        "two": Predicted(targets, targets, [0.0] * 9),
    }
    figure = prediction_figure(models, EDGES, "sigma")
    left, right, scale = figure.axes
    for axes in (left, right):
        assert axes.collections[0].get_array().sum() == 200
        assert axes.collections[0].norm.vmax == right.collections[0].norm.vmax  # one scale
    bias, identity = left.lines
    np.testing.assert_allclose(bias.get_ydata(), [*np.arange(2.0, 10), np.nan])
    np.testing.assert_allclose(identity.get_xdata(), identity.get_ydata())
    assert (left.get_xlabel(), left.get_ylabel(), scale.get_ylabel()) == (
        "true sigma",
        "predicted sigma",
        "test samples",
    )


def test_a_model_that_always_says_the_same_can_be_drawn(tmp_path):
    run = write_regression(tmp_path / "a", slope=0.0, noise=0.0)
    write_predictions(run, "test", np.full(3, 5.5), np.full(3, 5.5))
    assert run_figures(run)["predictions"].axes[0].collections[0].get_array().sum() == 3


def test_curves_are_of_the_squared_error_on_a_logarithmic_axis(run):
    loss, mse = run_figures(run)["learning_curves"].axes
    assert (loss.get_ylabel(), mse.get_ylabel()) == ("loss", "mean squared error")
    np.testing.assert_allclose(mse.lines[0].get_ydata(), [32 / e**2 for e in range(1, 6)])
    assert (loss.get_yscale(), mse.get_yscale()) == ("linear", "log")
    mse.figure.canvas.draw()
    shown = [label.get_text() for label in mse.get_yticklabels(which="both") if label.get_text()]
    assert "10" in shown
    assert not any("$" in text for text in shown)


def test_counts_are_of_samples_in_bins(run):
    figure = run_figures(run)["class_counts"]
    assert figure.get_suptitle() == "Samples per bin of sigma: sigma"
    train, *_, test = figure.axes
    assert train.get_ylabel() == "samples"
    assert "2,000 samples, ratio " in train.get_title(loc="left")
    assert test.get_xlabel() == "bin"
