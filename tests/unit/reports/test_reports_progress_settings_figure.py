"""Figures of the progress of training beyond those of a single run with diagnostics, and the means they draw."""

import numpy as np
import pytest

from lightning_imb.reports.analysis.progress_settings_figure import progress_settings_figure
from lightning_imb.reports.analysis.recall_curves_figure import recall_curves_figure
from lightning_imb.reports.mean_rows import mean_rows


def rows(**values):
    return [{"epoch": float(epoch)} | {f"diagnostics/{name}": v for name, v in values.items()} for epoch in range(3)]


def test_a_row_of_panels_has_one_scale():
    wide = rows(gradient_major=0.01, gradient_minor=1.0, gradient_ratio=3.0)
    figure = progress_settings_figure({"step": {"erm": wide}, "exp": {"erm": rows(gradient_major=0.5)}})
    gradients, ratios = figure.axes[4:6], figure.axes[6:8]
    assert {axes.get_yscale() for axes in gradients} == {"log"}
    assert {axes.get_yscale() for axes in ratios} == {"linear"}
    assert gradients[0].get_ylim() == gradients[1].get_ylim()
    assert (
        gradients[0].yaxis.get_major_formatter()(100.0) == "100"
    )  # no mathematical text, which an html page shows raw


def test_what_a_setting_did_not_record_is_said_in_its_panel():
    figure = progress_settings_figure({"step": {"erm": rows(minor_to_major=0.5)}, "exp": {"mfw": rows(recall_major=1)}})
    said = [[text.get_text() for text in axes.texts] for axes in figure.axes[:4]]
    assert said == [["not recorded"], [], [], ["not recorded"]]  # recall of both settings, then minor to major


def test_colours_of_classes_go_by_their_number_of_images():
    curves = {c: {1: 0.1 * c} for c in range(3)}
    figure = recall_curves_figure(curves, {"major": {1: 0.5}, "middle": {}, "minor": {}}, [5, 50, 500], "val")
    *classes, mean = figure.axes[0].lines
    assert list(mean.get_xdata()) == [2]  # epochs count from 1 for the reader
    np.testing.assert_allclose([line.get_color()[2] for line in classes], [0.0, 0.5, 0.7], atol=0.1)  # orange to blue
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["major"]


def test_classes_of_one_size_have_one_colour():
    figure = recall_curves_figure({0: {0: 0.5}, 1: {0: 0.7}}, {"middle": {0: 0.6}}, [9, 9], "test")
    assert len({line.get_color() for line in figure.axes[0].lines[:2]}) == 1


def test_means_are_over_the_runs_that_have_an_epoch():
    first = [{"epoch": 0.0, "a/x": 1.0, "b": 9.0}, {"epoch": 1.0, "a/x": 3.0}]
    second = [{"epoch": 0.0, "a/x": 2.0}]
    found = {row["epoch"]: row["a/x"] for row in mean_rows([first, second], "a/")}
    assert found == {0.0: pytest.approx(1.5), 1.0: 3.0}
    assert not any("b" in row for row in mean_rows([first, second], "a/"))
