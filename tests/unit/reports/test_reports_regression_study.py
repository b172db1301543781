"""Several regressions: figures of laws and methods, the page, the command."""

import subprocess
import sys
from html.parser import HTMLParser

import matplotlib.image
import numpy as np
import pytest
from helpers.regression_runs import NAMES, record, write_regression, write_study

from lightning_imb.report import report
from lightning_imb.reports.collect import collect
from lightning_imb.reports.document import make_document
from lightning_imb.reports.regression.study_figures import facet_figure, facets, save_error_figures
from lightning_imb.reports.request import Request
from lightning_imb.utils.errors import InputError

ORDER = ("uniform", "normal", "missing")
BOTH = ("imbalance", "method")


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    """Two methods, three laws, two seeds."""
    return write_study(tmp_path_factory.mktemp("runs") / "study", seeds=2, methods=("reg_lds", "reg_mse"))


@pytest.fixture(scope="module")
def records(sweep):
    return collect(sweep)


def asked(folder, **more):
    return Request(folder, **{"rows": BOTH, "metrics": ("test/mse",)} | more)


# --- figures


def test_each_method_has_a_figure_of_its_laws_and_each_law_one_of_its_methods(records):
    found = {facet.of: list(facet.lines) for facet in facets(records, BOTH)}
    assert found == {
        ("reg_lds",): ["missing", "normal", "uniform"],
        ("reg_mse",): ["missing", "normal", "uniform"],
        **{(law,): ["reg_lds", "reg_mse"] for law in ("missing", "normal", "uniform")},
    }
    (one,) = facets(records, ["imbalance"])
    assert (one.of, list(one.lines)) == ((), ["missing", "normal", "uniform"])


def test_a_line_is_the_mean_over_the_seeds_of_a_law(records):
    facet = facets(records, BOTH)[0]
    upper, lower = facet_figure(facet).axes
    runs = facet.lines["normal"]
    (line,) = [line for line in upper.lines if str(line.get_label()).startswith("normal (MSE ")]
    np.testing.assert_allclose(line.get_ydata(), np.mean([run.metrics["test/bin_mse"] for run in runs], axis=0))
    dashed = [line for line in upper.lines if line.get_linestyle() == "--" and len(line.get_xdata())]
    assert len(dashed) == 3  # a constant for each law
    assert len(lower.patches) == 3
    assert upper.get_title(loc="left") == "Error by bin of sigma: reg_lds"


def test_more_lines_than_colours_become_a_map():
    runs = [record(method=f"m{k}", mse=1.0, bin_mse=[1.0 + k, None]) for k in range(9)]
    (facet,) = facets(runs, ["method"])
    axes = facet_figure(facet).axes[0]
    np.testing.assert_allclose(axes.images[0].get_array().filled(np.nan)[:, 0], np.arange(1.0, 10))
    assert [text.get_text() for text in axes.texts][:4] == ["1", "n/a", "2", "n/a"]
    assert axes.get_xlabel() == "bin of the true sigma"


def test_runs_with_other_bins_are_not_drawn_and_named(tmp_path):
    runs = [record(law, mse=1.0, bin_mse=[1.0, 2.0]) for law in ("uniform", "normal")]
    runs[1].metrics["bin_edges"] = [1, 2, 10]
    (sentence,) = save_error_figures(runs, ["imbalance"], tmp_path / "f")
    assert sentence == "Error by bin of sigma is not drawn: its runs have different bins, or none"
    assert not (tmp_path / "f").exists()


def test_names_of_files_have_no_odd_characters(records, tmp_path):
    runs = [record(law, method="a/b [c]", mse=1.0, bin_mse=[1.0, 2.0]) for law in ORDER]
    (sentence,) = save_error_figures(runs, BOTH, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["errors_a_b_c_.png"]
    assert sentence == f"errors by bin: {tmp_path / 'errors_a_b_c_.png'}"


def test_a_folder_that_cannot_be_written_is_bad_input(records, tmp_path):
    (tmp_path / "f").touch()
    with pytest.raises(InputError, match=r"cannot be written .*figures="):
        save_error_figures(records, BOTH, tmp_path / "f")


# --- tables and figures that are asked for


def test_scores_bins_order_and_figures_come_in_this_order(records, sweep, tmp_path):
    document = make_document(records, asked(sweep, order=ORDER, figures=tmp_path, control="reg_mse"))
    assert [grid.title.split(",")[0] for grid in document.grids] == [
        "Scores",
        "MSE per bin",
        "Expected order of test/mse",
    ]
    assert "no run" in document.grids[0].rows[-1]
    assert [row[0] for row in document.grids[1].rows] == NAMES
    assert document.grids[2].rows[0][:2] == ("reg_mse", "uniform is better than normal")
    assert document.remarks[0].startswith("reg_mse: the order uniform, normal, missing in test/mse cannot be told")
    assert document.remarks[-1].startswith("errors by bin: ")
    for file in tmp_path.iterdir():
        assert matplotlib.image.imread(file)[..., :3].std() > 0.02
    assert len(list(tmp_path.iterdir())) == 5


def test_the_order_is_found_among_rows_and_columns(records, sweep):
    document = make_document(records, asked(sweep, rows=("method",), cols=("imbalance",), order=ORDER))
    assert document.grids[0].header == ("method", *(f"imbalance={law}" for law in sorted(ORDER)))
    assert {row[0] for row in document.grids[1].rows} == {"reg_lds", "reg_mse"}


def test_figures_of_classifiers_need_a_comparison(make_run, tmp_path):
    make_run("a")
    with pytest.raises(InputError, match=r"figures= is of the paired comparison: add compare=true"):
        make_document(collect(tmp_path / "sweep"), Request(tmp_path, ("method",), ("test/bacc",), figures=tmp_path))


def test_a_mixed_folder_is_refused_in_one_sentence(make_run, tmp_path):
    make_run("a")
    write_regression(tmp_path / "sweep" / "b")
    with pytest.raises(
        InputError, match=r"a is a classification and .*b a regression.*report their folders one by one"
    ):
        report(Request(tmp_path / "sweep", ("method",), ()))


# --- the page


class Page(HTMLParser):
    """Anchors of sections, descriptions of pictures, text."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.pictures, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "section":
            self.anchors.append(found["id"])
        if tag == "img":
            self.pictures.append(found["alt"])

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def commanded(tmp_path_factory):
    """What imb-report format=html prints, of one method and two laws, one file damaged; and the page."""
    folder = write_study(tmp_path_factory.mktemp("runs") / "small", seeds=2, laws=("uniform", "missing"))
    (folder / "reg_mse" / "missing" / "1" / "predictions" / "test.npz").write_bytes(b"damaged")
    code = (
        "import atexit, sys; atexit.register(lambda: print({'torch', 'pytorch_lightning'} & set(sys.modules)))\n"
        "from lightning_imb.report import main; main()"
    )
    words = ("format=html", "rows=[imbalance,method]", "order=[uniform,missing]", "control=reg_mse")
    command = [sys.executable, "-c", code, f"sweep={folder}", *words]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder.parent, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), Page((folder / "report.html").read_text("utf-8"))


def test_the_command_knows_the_scores_of_regressions_and_loads_no_torch(commanded):
    lines, found = commanded
    assert lines[-1] == "set()"
    head = found.text[found.text.index("imbalance") : found.text.index("reg_mse")].split()
    assert head == [
        "imbalance",
        "method",
        "n",
        "mse",
        "rmse",
        "mae",
        "gm",
        "mse_balanced",
        "mse_many",
        "mse_zero",
        *head[-1:],
    ]


def test_the_page_is_about_errors_and_nothing_is_about_classes(commanded):
    _, found = commanded
    assert found.anchors == [
        *("results", "ordering", "errors", "predictions", "curves", "counts", "unfinished", "runs"),
    ]
    starts = ["Error by bin of sigma", *["Predicted against true sigma of "] * 2, *["Learning curves of "] * 2]
    starts += ["Samples per bin. train: 2,000 samples in 9 bins"] * 2
    assert len(found.pictures) == len(starts)
    assert all(alt.startswith(start) for alt, start in zip(found.pictures, starts, strict=True))
    for words in (
        "constant: training mean (missing)",
        "uniform is better than missing",
        "as drawn with seed 0; other seeds draw others of the same law",
        "MSE per bin, mean ± std over seeds",
        "missing, reg_mse: 1 run; holdout",
        "test.npz is damaged",
        "missing, reg_mse: 2 of 2 runs, seeds 0, 1.",
    ):
        assert words in found.text
    shown = found.text.partition("Every run with the command")[0] + "".join(found.pictures)
    for word in ("ecall", "onfusion", "eliability", "prior shift", "accuracy"):
        assert word not in shown
