"""Figures with a number per class, of few classes and of many."""

import numpy as np
import pandas as pd
import pytest

from lightning_imb.reports.analysis.audit_figure import audit_figure
from lightning_imb.reports.analysis.class_panels import running_mean
from lightning_imb.reports.analysis.embedding_map_figure import MAX_CLASSES, embedding_map_figure
from lightning_imb.reports.analysis.gap_figure import gap_figure
from lightning_imb.reports.analysis.gap_runs_figure import gap_runs_figure
from lightning_imb.reports.analysis.head_norms_figure import head_norms_figure

FEW, MANY = 4, 30
SHARES = [f"{name}_share" for name in ("copy", "near_own", "near_enemy")]
PARTNERS = [f"partners_{name}_share" for name in ("copy", "same_class", "enemy")]


def names(classes):
    return [f"class {c}" for c in range(classes)]


def gaps(classes, factor=1.0):
    columns = ("gap", "matched", "matched_sd", "null", "recall")
    return pd.DataFrame({name: factor * (np.arange(classes) + 1) / classes for name in columns})


def drawn(figure, panel):
    """Heights of the bars of each series, or the points of each set of marks."""
    axes = figure.axes[panel]
    bars = [[bar.get_height() for bar in container] for container in axes.containers if hasattr(container, "patches")]
    return bars or [line.get_ydata().tolist() for line in axes.lines if line.get_marker() == "o"]


@pytest.mark.parametrize("classes", [FEW, MANY])
def test_gaps_are_drawn_from_head_to_tail(classes):
    counts = list(range(1, classes + 1))  # the last class is the largest
    figure = gap_figure({"before": gaps(classes), "after": gaps(classes, 0.5)}, names(classes), counts, "paper")
    for panel, column in enumerate(("gap", "matched", "recall")):
        expected = [gaps(classes, factor)[column][::-1].tolist() for factor in (1.0, 0.5)]
        assert [pytest.approx(values) for values in expected] == drawn(figure, panel)
    assert figure.axes[-1].get_xticklabels()[0].get_text() == f"class {classes - 1}"
    legend = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert legend[:2] == ["before", "after"]
    assert "chance" in legend[2]
    assert figure.get_supxlabel() == "protocol: paper"
    assert figure.axes[1].get_title(loc="left") == ""


@pytest.mark.parametrize("classes", [FEW, MANY])
def test_gaps_without_yardsticks_leave_their_places_empty(classes):
    after = gaps(classes).assign(matched=np.nan, matched_sd=np.nan, null=np.nan)
    figure = gap_figure({"before": gaps(classes), "after": after}, names(classes), [1] * classes, "paper")
    figure.canvas.draw()
    assert [np.isfinite(values).all() for values in drawn(figure, 0)] == [True, True]
    assert [np.isfinite(values).any() for values in drawn(figure, 1)] == [True, False]
    assert figure.axes[1].get_title(loc="left") == "not defined here (after)"


@pytest.mark.parametrize("classes", [FEW, MANY])
def test_head_norms_stand_above_the_class_sizes(classes):
    counts = list(range(1, classes + 1))
    figure = head_norms_figure({"after": np.arange(classes) + 1.0}, names(classes), counts)
    assert drawn(figure, 0) == [pytest.approx(np.arange(classes, 0, -1))]
    assert figure.axes[1].get_yscale() == "log"


@pytest.mark.parametrize("classes", [FEW, MANY])
@pytest.mark.parametrize("told", [True, False])
def test_audits_draw_what_is_told(classes, told):
    shares = np.tile([0.2, 0.3, 0.5], (classes, 1))
    shares[0] = np.nan
    columns = dict(zip(SHARES, shares.T, strict=True))
    if told:
        columns |= dict(zip(PARTNERS, shares.T, strict=True)) | {"eligible_share": np.full(classes, 0.4)}
    counts = np.arange(classes, 0, -1)
    figure = audit_figure(pd.DataFrame({"n": counts, "generated": classes - counts, **columns}), names(classes))
    assert len(figure.axes) == (3 if told else 2)
    if classes == FEW:
        assert drawn(figure, 1) == [pytest.approx([0, v, v, v]) for v in (0.2, 0.3, 0.5)]
        assert [text.get_text() for text in figure.axes[1].texts] == ["none\nmade"]


def test_runs_go_from_a_ring_to_a_point():
    rows = [(1, "a", stage, x, x, x / 10) for stage, x in (("before", 2.0), ("after", 1.0))]
    rows.append((2, "b", "after", 3.0, 3.0, 0.5))
    table = pd.DataFrame(rows, columns=["number", "line", "stage", "gap", "matched", "bacc"])
    figure = gap_runs_figure(table)
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    hollow = {tuple(line.get_xdata()) for line in marks if line.get_markerfacecolor() == "none"}
    full = {tuple(line.get_xdata()) for line in marks if line.get_markerfacecolor() != "none"}
    assert (2.0,) in hollow
    assert full == {(1.0,), (3.0,)}
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b", "ring: before"]


def test_stages_without_a_gap_leave_their_rings_alone():
    rows = [(1, "a", "before", 2.0, 2.0, 0.2), (1, "a", "after", 1.0, np.nan, 0.3)]
    figure = gap_runs_figure(pd.DataFrame(rows, columns=["number", "line", "stage", "gap", "matched", "bacc"]))
    figure.canvas.draw()
    panels = [[line for line in axes.lines if line.get_marker() == "o"] for axes in figure.axes]
    finite = [[float(x) for line in marks for x in line.get_xdata() if np.isfinite(x)] for marks in panels]
    assert finite == [[2.0, 1.0], [2.0]]
    assert panels[1][0].get_markerfacecolor() == "none"
    assert [axes.get_xlabel().endswith("(where defined)") for axes in figure.axes] == [False, True]


def test_maps_say_what_colours_and_marks_mean():
    shown = np.arange(MAX_CLASSES)
    kinds = np.resize(["train", "test", "synthetic"], MAX_CLASSES)
    points = pd.DataFrame({"x": shown, "y": shown, "kind": kinds, "shown": shown})
    cells = np.array([[-1, 0], [1, MAX_CLASSES]])
    called = ["$a", *names(MAX_CLASSES - 1)]
    figure = embedding_map_figure(points, {"before": cells, "after": cells}, (0, 1, 0, 1), called, "paper")
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["before", "after"]
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend[: MAX_CLASSES + 1] == [*called, "answer: another class"]
    assert set(legend[MAX_CLASSES + 1 :]) == {"training image", "test image", "synthetic"}
    figure.canvas.draw()  # "$a" is no formula


def test_trends_leave_out_what_is_not_defined():
    assert running_mean(np.array([1.0, np.nan, 3.0, 5.0])).tolist() == [1, 2, 4, 4]
