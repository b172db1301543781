"""Figures of the features of classes: what is drawn, what is left out, and that no text lies upon another."""

import itertools

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation

from lightning_imb.reports.analysis.chosen_classes import chosen_classes
from lightning_imb.reports.analysis.density_figure import density_figure
from lightning_imb.reports.analysis.diversity_figure import diversity_figure, measures_by_class_figure
from lightning_imb.reports.analysis.match_figure import magnitude_figure, match_figure
from lightning_imb.reports.analysis.overlap_figure import overlap_figure
from lightning_imb.reports.analysis.point_labels import label_points
from lightning_imb.reports.analysis.segments import readable_on
from lightning_imb.reports.analysis.top_features_figure import top_features_figure
from lightning_imb.reports.style import new_figure

NAMES, COUNTS = ["few", "many", "none"], [5, 100, 30]
FEATURES = np.array([[3, 0], [0, 7], [-1, -1]])
MEASURES = pd.DataFrame(
    {
        "log_r_tp": np.log([0.5, 1, np.nan]),
        "log_r_fn": np.log([0.25, 0.75, 2]),
        "abs_log_r_tp": [0.7, 0.2, np.nan],
        "null_abs_log_r_tp": [0.4, 0.1, np.nan],
        "null_abs_log_r_tp_sd": [0.1, np.nan, np.nan],
    }
)
SHARES = np.array([[0.9, 0.1], [0.99, 0.01], [np.nan, np.nan]])


def written(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


def segments(axes):
    """Left end, right end and height of each bar."""
    boxes = [patch.get_bbox() for container in axes.containers for patch in container]
    return sorted((round(box.y0 + 0.39), round(box.x0, 6), round(box.x1, 6)) for box in boxes)


def test_segments_are_shares_with_the_index_of_the_feature():
    axes = top_features_figure(FEATURES, SHARES, NAMES, COUNTS, "x").axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["many", "none", "few"]
    assert segments(axes) == [(0, 0, 0.99), (0, 0.99, 1), (2, 0, 0.9), (2, 0.9, 1)]
    assert written(axes) == ["0", "3", "0", "not defined"]  # the segment of 7 is too narrow
    assert axes.get_ylim() == (2.6, -0.6)  # the largest class on top


def test_shared_features_have_the_darker_shade():
    axes = top_features_figure(FEATURES, SHARES, NAMES, COUNTS, "x").axes[0]
    faces = {tuple(patch.get_bbox().intervalx.round(2)): patch.get_facecolor() for c in axes.containers for patch in c}
    assert faces[0.0, 0.99] == faces[0.9, 1.0] != faces[0.0, 0.9] == faces[0.99, 1.0]


def test_of_many_classes_both_ends_are_shown():
    counts = list(range(100, 0, -2))
    order, note = chosen_classes(counts, most=6)
    assert order == [0, 1, 2, 47, 48, 49]
    assert "3 largest and the 3 smallest of 50" in note
    assert chosen_classes(counts[:6], most=6) == (list(range(6)), "")


def test_a_density_of_one_has_length_one():
    rate = np.array([[0.5, 2], [1, 1], [np.nan, np.nan]])
    axes = density_figure(rate, np.array([4, 6]), NAMES, COUNTS, reference=1).axes[0]
    assert segments(axes) == [(0, 0, 1), (0, 1, 2), (2, 0, 0.5), (2, 0.5, 2.5)]
    assert "against many" in axes.get_title(loc="left")


def test_the_reference_is_shown_even_from_the_middle_of_many_classes():
    names = [f"c{k}" for k in range(50)]
    axes = density_figure(np.ones((50, 1)), np.array([0]), names, list(range(50, 0, -1)), reference=25).axes[0]
    assert axes.get_yticklabels()[0].get_text() == "c25"


def test_magnitudes_are_bars_from_head_to_tail():
    values = [np.array([1.0, 2, 3]), np.array([4.0, 5, np.nan]), np.array([7.0, 8, 9])]
    figure = magnitude_figure(values, NAMES, COUNTS, "x", 10)
    heights = [[bar.get_height() for bar in container] for container in figure.axes[0].containers]
    np.testing.assert_array_equal(heights, [[2, 3, 1], [5, np.nan, 4], [8, 9, 7]])
    assert [text.get_text() for text in figure.legends[0].get_texts()][1] == "test, true positives"


def test_ratios_are_drawn_against_the_size_and_named_once():
    ratio, distance = match_figure(MEASURES, (-0.7, np.nan), NAMES, COUNTS, "x").axes
    right, wrong, even = ratio.lines
    np.testing.assert_allclose(right.get_ydata(), [0.5, 1, np.nan])
    np.testing.assert_allclose(wrong.get_ydata(), [0.25, 0.75, 2])
    assert set(even.get_ydata()) == {1}
    assert sorted(written(ratio)) == sorted(NAMES)
    assert ratio.get_xscale() == distance.get_xscale() == "log"
    assert distance.xaxis.get_major_formatter()(1000, 0) == "1,000"


def test_what_chance_gives_stands_beside_the_match():
    figure = match_figure(MEASURES, (-0.7, np.nan), NAMES, COUNTS, "x")
    distance = figure.axes[1]
    null, raw = distance.lines
    np.testing.assert_allclose(null.get_ydata(), [0.4, 0.1, np.nan])
    np.testing.assert_allclose(raw.get_ydata(), [0.7, 0.2, np.nan])
    few, many = (segment[:, 1] for segment in distance.collections[0].get_segments()[:2])
    np.testing.assert_allclose([few, many], [[0.3, 0.5], [0.1, 0.1]])  # one division has no deviation
    assert "-0.70, of what is beyond chance not defined" in distance.get_title(loc="left")
    assert [text.get_text() for text in figure.legends[0].get_texts()][2].startswith("chance: random divisions")


def test_diversity_stands_against_size_and_recall():
    figure = diversity_figure(
        np.array([12.0, 20, np.nan]), np.array([0.1, 0.9, 0.5]), NAMES, COUNTS, (0.5, np.nan), "x"
    )
    left, right = figure.axes
    assert left.lines[0].get_xdata().tolist() == COUNTS
    assert right.lines[0].get_xdata().tolist() == [0.1, 0.9, 0.5]
    assert [axes.get_title(loc="left")[17:] for axes in figure.axes] == ["+0.50", "not defined"]
    assert written(left) == ["few", "many"]  # "none" has no place


def test_overlap_leaves_out_zeros_and_what_is_not_defined():
    matrix = np.array([[np.nan, 0.5, 0], [0.5, np.nan, 0.2], [0, 0.2, np.nan]])
    axes = overlap_figure(matrix, NAMES, "t", "class").axes[0]
    assert written(axes) == ["50", "50", "20", "20"]
    assert axes.images[0].get_clim() == (0, 0.5)


@pytest.mark.parametrize("matrix", [np.full((2, 2), np.nan), np.zeros((2, 2))])
def test_overlap_of_nothing_is_drawn(matrix):
    assert overlap_figure(matrix, NAMES[:2], "t", "class").axes[0].images[0].get_clim() == (0, 1)


def test_measures_of_models_have_a_panel_each():
    panels = {
        "diversity": {"a": np.array([1.0, 2, 3]), "b": np.array([4.0, 5, 6])},
        "recall": {"a": np.ones(3), "b": np.ones(3)},
    }
    figure = measures_by_class_figure(panels, NAMES, COUNTS, "t")
    first, second = figure.axes
    assert [[bar.get_height() for bar in c] for c in first.containers] == [[2, 3, 1], [5, 6, 4]]
    assert (first.get_ylabel(), second.get_ylabel()) == ("diversity", "recall")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


@pytest.mark.parametrize("close", [0.0, 0.01, 1.0])
def test_names_of_points_lie_upon_nothing(close):
    rng = np.random.default_rng(0)
    figure = new_figure(6, 4)
    axes = figure.subplots()
    x, y = close * rng.random((2, 15))
    axes.plot(x, y, "o")
    label_points(axes, [(a, b, f"class number {k}") for k, (a, b) in enumerate(zip(x, y, strict=True))])
    figure.draw_without_rendering()
    shown = [t for t in axes.texts if isinstance(t, Annotation) and t.get_text()]
    boxes = [matplotlib.text.Text.get_window_extent(text) for text in shown]
    assert 1 <= len(shown) <= 15
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert all(axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1 for box in boxes)


def test_points_without_a_place_have_no_name():
    axes = new_figure(6, 4).subplots()
    label_points(axes, [(float("nan"), 1.0, "a"), (0.5, 0.5, "b")])
    assert written(axes) == ["b"]


def test_text_is_dark_on_light_colours():
    assert [readable_on(face) for face in ("#FFFFFF", "#000000", "#154F7D")] == ["#222222", "white", "white"]
