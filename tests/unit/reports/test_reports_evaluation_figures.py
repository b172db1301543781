"""Figures of calibration, of other class frequencies and of the training progress, and their html sections."""

import numpy as np
import pytest

from lightning_imb.metrics import reliability
from lightning_imb.metrics.prior_shift import SHIFTS as ALL_SHIFTS
from lightning_imb.phases import Phase
from lightning_imb.reports.collect import collect
from lightning_imb.reports.figures import run_figures
from lightning_imb.reports.html import write_html
from lightning_imb.reports.html.calibration import prior_shift_section, reliability_section
from lightning_imb.reports.html.progress import progress_section
from lightning_imb.reports.html.rows import row_runs
from lightning_imb.reports.progress_figure import has_progress, progress_comparison_figure, progress_figure
from lightning_imb.reports.reliability_figure import Calibrated, reliability_figure
from lightning_imb.reports.shift_figure import prior_shift_figure
from lightning_imb.tracking.csv_table import MetricsTable

BINS = [[0, None, None], [4, 0.4, 0.75], [6, 0.7, 0.5]]
SHIFTS = {"forward_2": (0.9, 0.0), "uniform": (0.7, 0.1), "backward_2": (0.4, 0.0)}
KNOWN = {"represent/test/": 0.6, "test/": 0.9}  # top-1 by stage
EPOCHS = 3


def rows_of(folder):
    return row_runs(collect(folder), ("method",))


def labels(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


def diagnostics(minor=0.2, classes=3):
    """Rows of the csv file of one run."""
    rows = []
    for epoch in range(EPOCHS):
        values = {"recall_major": 0.9, "recall_minor": minor, "minor_to_major": 0.8, "gradient_ratio": 2.0 + epoch}
        values |= {"gradient_major": 0.5, "gradient_minor": 1.0 + epoch / 2}
        values |= {"gradient_total_major": 10.0, "gradient_total_minor": 4.0}
        values |= {f"{name}/{c}": 0.1 * c + epoch for name in ("recall", "gradient") for c in range(classes)}
        rows.append({"epoch": float(epoch)} | {f"diagnostics/{name}": value for name, value in values.items()})
    return rows


def add_diagnostics(run, **changes):
    table = MetricsTable()
    for row in diagnostics(**changes):
        epoch = int(row.pop("epoch"))
        table.update(Phase.REPRESENT, epoch, epoch, row)
    table.write(run.metrics_csv)
    return run


def bars(axes):
    """Bottom, top of each bar, and its colour."""
    found = [(bar, bar.get_facecolor()[:3]) for container in axes.containers for bar in container]
    return {(round(bar.get_y(), 6), round(bar.get_y() + bar.get_height(), 6)): colour for bar, colour in found}


def test_bars_reach_accuracy_and_confidence():
    figure = reliability_figure({"final": Calibrated(BINS, "0.260")})
    upper, lower = figure.axes
    drawn = bars(upper)
    gaps = drawn[0.4, 0.75], drawn[0.5, 0.7]  # above the confidence, below it
    assert gaps[0] != gaps[1]
    assert {(0, 0.4), (0, 0.5)} <= drawn.keys()
    assert upper.get_title(loc="left") == "final: ECE 0.260"
    assert lower.patches[0].get_data().values.tolist() == [0, 0.4, 0.6]
    assert labels(figure) == ["accuracy", "accuracy above confidence", "confidence above accuracy"]


def test_models_stand_side_by_side_on_one_scale():
    figure = reliability_figure({name: Calibrated(BINS, "0.1") for name in ("after phase 1", "final")})
    assert len(figure.axes) == 4
    assert {axes.get_ylim() for axes in figure.axes[:2]} == {(0, 1)}


def test_shifts_are_drawn_from_forward_to_backward():
    figure = prior_shift_figure({"erm": SHIFTS, "eos": dict.fromkeys(SHIFTS, (0.5, 0.0))})
    (axes,) = figure.axes
    assert [line.get_label() for line in axes.lines[:2]] == ["erm", "eos"]
    assert axes.lines[0].get_ydata().tolist() == [0.9, 0.7, 0.4]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2", "1", "2"]
    corners = axes.collections[0].get_paths()[0].vertices
    np.testing.assert_allclose(sorted(set(corners[corners[:, 0] == 1, 1])), [0.6, 0.8])


def test_a_known_prior_is_a_second_line_of_the_same_model():
    known = {"eos": dict.fromkeys(SHIFTS, (0.8, 0.0))}
    figure = prior_shift_figure({"erm": SHIFTS, "eos": dict.fromkeys(SHIFTS, (0.5, 0.0))}, known)
    *lines, _ = figure.axes[0].lines
    assert [(line.get_label(), line.get_linestyle()) for line in lines] == [
        ("erm", "-"),
        ("eos", "-"),
        ("eos, prior known", "--"),
    ]
    assert lines[2].get_ydata().tolist() == [0.8] * 3
    assert lines[2].get_color() == lines[1].get_color() != lines[0].get_color()


def test_a_run_draws_the_known_prior_where_its_scores_have_it(make_run, add_files):
    run = add_files(make_run("a", counts=(40, 4)))
    scores = {f"{stage}prior_shift_known/{shift}": top1 for stage, top1 in KNOWN.items() for shift in ALL_SHIFTS}
    for figures in (run_figures(run, run.read_metrics() | scores), run_figures(written(run, scores))):
        *lines, _ = figures["prior_shift"].axes[0].lines
        drawn = {line.get_label(): line.get_ydata().tolist() for line in lines}
        assert drawn["after phase 1, prior known"] == [0.6] * 11
        assert drawn["final, prior known"] == [0.9] * 11
        assert len(drawn) == 4


def written(run, scores):
    run.write_metrics(run.read_metrics() | scores)
    return run


def test_figures_of_a_run_show_what_its_predictions_say(make_run, add_files):
    run = add_files(make_run("a", counts=(40, 4)))
    figures = run_figures(run)
    bins = reliability(*run.read_predictions("test"))
    titles = [axes.get_title(loc="left") for axes in figures["reliability"].axes[:2]]
    assert titles[1] == f"final: ECE {bins.ece:.3f}"
    before, final, _ = figures["prior_shift"].axes[0].lines
    assert (before.get_label(), final.get_label()) == ("after phase 1", "final")
    recall = np.array([1.0, 0.7])
    np.testing.assert_allclose(
        final.get_ydata()[[0, 5, 10]], [recall @ w for w in ([50, 1], [25.5] * 2, [1, 50])] / np.array(51)
    )


def test_head_and_tail_are_those_of_the_real_images(make_run, add_files):
    run = add_files(make_run("a", counts=(40, 40)), retrain=False)
    final, _ = run_figures(run)["prior_shift"].axes[0].lines
    run.write_data(run.read_data() | {"real_counts": [4, 40]})  # what over-sampling has made equal
    turned, _ = run_figures(run)["prior_shift"].axes[0].lines
    np.testing.assert_allclose(turned.get_ydata(), final.get_ydata()[::-1])


def test_a_run_has_a_figure_of_its_progress_where_that_was_logged(make_run, add_files):
    run = add_files(make_run("a"), retrain=False)
    assert "progress_diagnostics" not in run_figures(run)
    assert "progress_diagnostics" in run_figures(add_diagnostics(run, classes=2))


def test_progress_shows_classes_and_groups():
    rows = diagnostics()
    assert has_progress(rows)
    assert not has_progress([{"epoch": 0.0, "train/loss": 1.0}])
    recall, confusion, gradient, ratio = progress_figure(rows, [40, 10, 4]).axes
    named = {line.get_label(): list(line.get_ydata()) for line in recall.lines if not line.get_label().startswith("_")}
    assert named == {"major": [0.9] * 3, "minor": [0.2] * 3}
    single = [line for line in recall.lines if line.get_label().startswith("_")]
    np.testing.assert_allclose([line.get_ydata()[0] for line in single], [0, 0.1, 0.2])
    assert len({str(line.get_color()) for line in single}) == 3
    assert list(recall.lines[0].get_xdata()) == [1, 2, 3]
    assert [list(line.get_ydata()) for line in confusion.lines] == [[0.8] * 3]
    drawn = {line.get_label(): list(line.get_ydata()) for line in ratio.lines}
    assert drawn["per image"] == [2, 3, 4]
    assert drawn["sum over the images"] == [0.4] * 3
    assert len(gradient.lines) == 5


def test_progress_without_gradients_or_groups_says_so():
    rows = [{"epoch": 0.0, "diagnostics/recall_middle": 0.5}]
    _, confusion, gradient, ratio = progress_figure(rows, [5, 5]).axes
    for axes in (confusion, gradient, ratio):
        assert [text.get_text() for text in axes.texts] == ["not recorded"]


def test_wide_ranges_get_a_logarithmic_axis():
    wide = [row | {"diagnostics/gradient_minor": 10.0 ** row["epoch"]} for row in diagnostics()]
    axes = progress_comparison_figure({"a": wide}).axes[2]
    assert axes.get_yscale() == "log"
    assert axes.yaxis.get_major_formatter()(100.0) == "100"  # no mathematical text, which an html page shows raw
    assert progress_comparison_figure({"a": diagnostics()}).axes[2].get_yscale() == "linear"


def test_runs_are_compared_on_one_axis():
    figure = progress_comparison_figure({"erm": diagnostics(0.1), "mfw": diagnostics(0.6)})
    recall, confusion, _, ratio = figure.axes
    assert labels(figure) == ["erm", "mfw"]
    looks = [(line.get_linestyle(), line.get_ydata()[0]) for line in recall.lines]
    assert looks == [("-", 0.9), ("--", 0.1), ("-", 0.9), ("--", 0.6)]
    colours = [line.get_color() for line in recall.lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]
    assert len(confusion.lines) == 2
    assert len(ratio.lines) == 3  # and the line where both are alike


def scored(make_run, name, seed, bins=BINS, ece=0.26, forward=0.9, **more):
    shifts = {"test__prior_shift__forward_2": forward, "test__prior_shift__uniform": 0.7}
    values = {"test__reliability": bins, "test__ece": ece} | shifts
    return make_run(f"{name}/{seed}", method=name, seed=seed, **(values | more))


def test_bins_are_pooled_over_seeds_and_the_error_is_their_mean(make_run, sweep, monkeypatch):
    drawn = []
    target = "lightning_imb.reports.html.calibration.reliability_figure"
    monkeypatch.setattr(target, lambda models: drawn.append(models) or reliability_figure(models))
    scored(make_run, "erm", 0)
    scored(make_run, "erm", 1, [[2, 0.1, 0.5], [0, None, None], [3, 0.9, 1.0]], ece=0.30)
    (picture,) = reliability_section(rows_of(sweep)).pictures
    assert drawn[0]["erm"].ece == "0.280 ± 0.028"
    empty, *pooled = [drawn[0]["erm"].bins[i] for i in (0, 1, 2)]
    assert empty == [2, 0.1, 0.5]
    np.testing.assert_allclose(pooled, [[4, 0.4, 0.75], [9, (6 * 0.7 + 3 * 0.9) / 9, (6 * 0.5 + 3) / 9]])
    assert "2 runs" in picture.caption


def test_rows_that_were_scored_before_calibration_are_named(make_run, sweep):
    make_run("erm/0", method="erm")
    scored(make_run, "eos", 0)
    section = reliability_section(rows_of(sweep))
    assert len(section.pictures) == 1
    assert section.notes[0].startswith("erm: 1 of 1 runs were scored before")


def test_shifts_of_all_rows_share_a_picture_by_classes(make_run, sweep):
    scored(make_run, "erm", 0, forward=0.8)
    scored(make_run, "erm", 1, forward=0.9)
    scored(make_run, "eos", 0)
    (picture,) = prior_shift_section(rows_of(sweep)).pictures
    assert "eos: from 0.900 to 0.700; erm: from 0.850 to 0.700" in picture.alt
    scored(make_run, "other", 0, counts=(9, 5, 1))
    assert len(prior_shift_section(rows_of(sweep)).pictures) == 2


def test_a_row_has_a_dashed_line_where_its_runs_know_the_prior(make_run, sweep, monkeypatch):
    drawn = []
    target = "lightning_imb.reports.html.calibration.prior_shift_figure"
    monkeypatch.setattr(target, lambda *given: drawn.append(given) or prior_shift_figure(*given))
    told = {f"test__prior_shift_known__{shift}": 0.8 for shift in ("forward_2", "uniform")}
    scored(make_run, "erm", 0)
    scored(make_run, "eos", 0, **told)
    scored(make_run, "eos", 1, **told | {"test__prior_shift_known__uniform": 0.9})
    prior_shift_section(rows_of(sweep))
    ((_, known),) = drawn
    assert set(known) == {"eos"}
    assert {shift: mean for shift, (mean, _) in known["eos"].items()} == pytest.approx(
        {"forward_2": 0.8, "uniform": 0.85}
    )


def test_at_most_eight_lines_share_a_picture_and_the_rest_is_counted(make_run, sweep):
    for k in range(9):
        add_diagnostics(scored(make_run, f"m{k}", 0))
    for section in (prior_shift_section(rows_of(sweep)), progress_section(rows_of(sweep))):
        assert "of the first 8 of 9 rows" in section.notes[0]


def test_progress_is_the_mean_over_the_seeds_that_have_it(make_run, sweep, monkeypatch):
    drawn = []
    target = "lightning_imb.reports.html.progress.progress_comparison_figure"
    monkeypatch.setattr(target, lambda runs: drawn.append(runs) or progress_comparison_figure(runs))
    add_diagnostics(make_run("erm/0", seed=0), minor=0.1)
    add_diagnostics(make_run("erm/1", seed=1), minor=0.3)
    make_run("erm/2", seed=2)
    make_run("eos/0", method="eos")
    (picture,) = progress_section(rows_of(sweep)).pictures
    assert picture.caption == "erm: 2 runs."
    minor = [row["diagnostics/recall_minor"] for row in drawn[0]["erm"] if "diagnostics/recall_minor" in row]
    np.testing.assert_allclose(minor, [0.2] * EPOCHS)


@pytest.mark.parametrize("measured", [True, False])
def test_the_page_has_the_sections_that_were_measured(make_run, sweep, tmp_path, measured):
    if measured:
        add_diagnostics(scored(make_run, "erm", 0))
    else:
        make_run("erm/0")
    page = write_html(sweep, tmp_path / "report.html", ("method",), ("test/bacc",)).read_text()
    for anchor in ("reliability", "prior_shift", "progress"):
        assert (f'href="#{anchor}"' in page) == measured
