"""Figures of units and layers: what they show of a lot, and how they name it."""

import io

import numpy as np
import pandas as pd
import pytest

from lightning_imb.reports.analysis.cka_figure import layers_figure, runs_figure
from lightning_imb.reports.analysis.dissection_figure import MOST_CONCEPTS, MOST_LAYERS, dissection_figure
from lightning_imb.reports.analysis.top_images_figure import MOST_UNITS, TopImage, UnitRow, top_images_figure

LONG = "a name of a class that is much too long for any figure, number {}"


def texts(figure):
    """All that is written in a figure."""
    found = [text.get_text() for axes in figure.axes for text in [axes.title, axes._left_title, *axes.texts]]
    for axes in figure.axes:
        found += [label.get_text() for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]]
        found += [axes.get_xlabel(), axes.get_ylabel()]
    return [figure._suptitle.get_text(), *found]


def concepts(layers=1, count=3, chance=0.01):
    rows = [
        {"layer": f"stage{layer}", "concept": f"concept {c}", "iou": 0.1 * c, "detectors": c}
        | {f"{name}_chance{end}": chance for name in ("iou", "detectors") for end in ("", "_min", "_max")}
        for layer in range(layers)
        for c in range(count)
    ]
    return pd.DataFrame(rows)


def test_a_dissection_names_layers_concepts_values_and_threshold():
    figure = dissection_figure(concepts(), 0.04)
    said = texts(figure)
    for words in ("layer stage0", "concept 2", "0.200", "2", "detectors (units whose best concept it is, IoU > 0.04)"):
        assert words in said
    left, right = figure.axes
    assert [bar.get_width() for bar in left.patches] == pytest.approx([0, 0.1, 0.2])
    assert [bar.get_width() for bar in right.patches] == [0, 1, 2]
    assert len(left.containers) == 2  # bars, and the level of chance
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "masks of other images (chance)" in legend


def test_a_dissection_without_shuffles_has_no_level_of_chance():
    figure = dissection_figure(concepts(chance=float("nan")), 0.04)
    figure.savefig(io.BytesIO(), format="png")
    assert len(figure.axes[0].containers) == 1


def test_a_dissection_says_what_it_leaves_out():
    said = texts(dissection_figure(concepts(MOST_LAYERS + 2, MOST_CONCEPTS + 5), 0.04))
    assert "2 earlier layers and 5 more concepts in the table" in said[0]
    assert f"layer stage{MOST_LAYERS + 1}" in said
    assert "layer stage0" not in said


def test_layers_beside_their_references():
    matrix = np.array([[1, 0.25, np.nan], [0.25, 1, 0.5], [np.nan, 0.5, 1]])
    figure = layers_figure(matrix, {"untrained network": np.array([0.125, 0.75, np.nan])}, ["a", LONG, "logits"])
    said = texts(figure)
    assert said.count("0.25") == 2
    assert {"0.12", "0.75", "untrained network", "debiased linear CKA"} <= set(said)
    assert not any("nan" in text for text in said)
    figure.savefig(io.BytesIO(), format="png")
    alone = layers_figure(matrix, {}, ["a", "b", "c"])
    assert "with its own layers" in texts(alone)


@pytest.mark.parametrize("untrained", [True, False])
def test_runs_of_a_sweep_one_panel_per_layer(untrained):
    matrix = np.full((2, 3), 0.5)
    matrix[0, 0] = np.nan
    figure = runs_figure({"stage1": matrix, "logits": matrix}, ["erm", LONG], untrained)
    said = texts(figure)
    assert {"stage1", "logits", "erm"} <= set(said)
    assert ("untrained" in said) == untrained
    bold = [text for axes in figure.axes for text in axes.texts if text.get_fontweight() == "bold"]
    assert len(bold) == 2  # what differs in its seed alone, where there are two of it


def test_many_runs_and_layers_still_fit():
    matrices = {f"layer{i}": np.full((30, 31), 0.5) for i in range(8)}
    said = texts(runs_figure(matrices, [LONG.format(i) for i in range(30)], True))
    assert "2 earlier layers in the table" in said[0]
    assert "0.50" not in said  # no room for numbers


def image(channels=3, region=None, part=True, own=True):
    return TopImage(
        np.full((channels, 8, 8), 200, np.uint8), np.pad(np.full((4, 4), part), 2), LONG.format(own), own, region
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_top_images_mark_their_class_and_cut_its_name(channels):
    rows = [UnitRow(f"unit 7\n{LONG}", [image(channels), image(channels, own=False)]), UnitRow("unit 3", [image()])]
    figure = top_images_figure(rows, "a title")
    said = texts(figure)
    titles = [text for text in said if text.endswith("r True") or text.endswith("r False")]
    assert len(titles) == 3
    figure.savefig(io.BytesIO(), format="png")
    assert sum(text.startswith("● ") for text in titles) == 2
    assert all(len(text) <= 16 for text in titles)
    assert all(len(line) <= 20 for text in said if text.startswith("unit") for line in text.split("\n"))


def test_what_excites_the_unit_is_bright_and_marked_regions_have_a_line():
    figure = top_images_figure([UnitRow("unit 0", [image(region=np.eye(8, dtype=bool)), image(part=False)])], "a title")
    first, second = figure.axes
    shown = first.images[0].get_array()
    assert shown[4, 4, 0] == pytest.approx(200 / 255)
    assert shown[0, 0, 0] < 0.7 * 200 / 255
    assert (len(first.collections), len(second.collections)) == (2, 0)


def test_more_units_than_fit_are_counted():
    said = texts(top_images_figure([UnitRow("unit", [image()])] * (MOST_UNITS + 3), "a title"))
    assert said[0] == f"a title, the first {MOST_UNITS} of {MOST_UNITS + 3} units"
