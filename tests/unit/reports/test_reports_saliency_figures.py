"""Pictures of where networks look."""

import numpy as np
import pandas as pd
import pytest

from lightning_imb.reports.analysis.alignment_figure import alignment_figure
from lightning_imb.reports.analysis.alignment_scatter_figure import Axis, alignment_scatter_figure
from lightning_imb.reports.analysis.saliency_figure import PER_BAND, Example, saliency_figure


def example(label="cat", predicted="cat", channels=3, region=True):
    rng = np.random.default_rng(0)
    mark = np.zeros((8, 10), dtype=bool)
    mark[0:4, 6:10] = True  # reaches the edge of the image
    image = rng.integers(0, 256, (channels, 8, 10), dtype=np.uint8)
    return Example(image, mark if region else None, label, predicted, {"grad_cam": rng.random((8, 10))})


def table(names, methods=("grad_cam",), missing=()):
    rows = [
        {
            "method": method,
            "class": name,
            "group": group,
            "measure": measure,
            "score": np.nan if name in missing else 0.4,
        }
        for method in methods
        for name in [*names, "(all images)", "(mean of classes)"]
        for group in ("positives", "true positives", "false negatives")
        for measure in ("iou", "iobb", "ior", "pointing", "pointing_macro")
    ]
    return pd.DataFrame(rows).assign(chance=0.2, constant=0.1)


def bar_heights(axes):
    return [round(bar.get_height(), 3) for bar in axes.patches]


def tick_labels(axes):
    return [text.get_text() for text in axes.get_xticklabels()]


class TestExamples:
    def test_bands_of_several_images(self, tmp_path):
        figure = saliency_figure([example() for _ in range(PER_BAND + 1)])
        figure.savefig(tmp_path / "figure.png")
        assert sum(bool(axes.get_title()) for axes in figure.axes) == PER_BAND + 1
        assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()][:4] == ["image", "Grad-CAM"] * 2

    def test_titles_say_in_words_what_is_wrong(self):
        figure = saliency_figure([example(), example(predicted="dog")])
        assert [axes.get_title() for axes in figure.axes[:2]] == ["cat\n✓ predicted", "cat\n✗ as dog"]

    def test_long_names_are_cut(self):
        figure = saliency_figure([example(label="a name of fifty letters " * 2, predicted="$x_1")])
        first, second = figure.axes[0].get_title().split("\n")
        assert len(first) <= 20
        assert second == "✗ as $x_1"

    def test_the_region_is_outlined_on_image_and_map(self):
        with_region, without = (saliency_figure([example(region=region)]) for region in (True, False))
        assert [len(axes.collections) for axes in with_region.axes[:2]] == [1, 1]
        assert [len(axes.collections) for axes in without.axes[:2]] == [0, 0]

    def test_grey_images_and_maps_of_zeros(self, tmp_path):
        dark = example(channels=1)._replace(maps={"grad_cam": np.zeros((8, 10))})
        saliency_figure([dark]).savefig(tmp_path / "figure.png")


class TestAlignment:
    def test_classes_from_head_to_tail_and_their_mean(self):
        figure = alignment_figure(table(["rare", "common"]), ["rare", "common", "normal"], [5, 50, 20])
        assert tick_labels(figure.axes[-1]) == ["common", "rare", "mean of classes"]
        assert figure.axes[-1].get_xlabel() == "class, from head to tail"

    def test_a_class_without_value_says_so(self):
        axes = alignment_figure(table(["a", "b"], missing=["b"]), ["a", "b"], [50, 5]).axes[0]
        assert [text.get_text() for text in axes.texts] == ["n/a", "n/a"]
        assert bar_heights(axes) == [0.4, 0, 0.4] * 2

    def test_chance_stands_on_every_bar(self):
        axes = alignment_figure(table(["a", "b"]), ["a", "b"], [50, 5]).axes[0]
        chance = axes.collections[0].get_segments()
        assert len(chance) == 3
        assert {y for line in chance for _, y in line} == {0.2}

    def test_many_classes_are_grouped_by_rank(self):
        names = [f"c{k}" for k in range(40)]
        rows = table(names)
        for k, name in enumerate(names):
            rows.loc[rows["class"] == name, "score"] = k
        figure = alignment_figure(rows, names, list(range(40, 0, -1)))
        assert tick_labels(figure.axes[-1])[:2] == ["1–4", "5–8"]
        assert "means of groups" in figure.axes[-1].get_xlabel()
        assert bar_heights(figure.axes[0])[:2] == [1.5, 5.5]

    @pytest.mark.parametrize(("names", "rotation"), [(["a", "b"], 0), (["a long class name"] * 2, 45)])
    def test_long_names_are_slanted_where_they_would_meet(self, names, rotation):
        names = [f"{name}{k}" for k, name in enumerate(names)]
        figure = alignment_figure(table(names, ("grad_cam", "occlusion")), names, [5, 4])
        assert figure.axes[-1].get_xticklabels()[0].get_rotation() == rotation


class TestScatter:
    @pytest.fixture
    def runs(self):
        return pd.DataFrame(
            {"row": [f"m{i // 2}" for i in range(20)], "bacc": np.linspace(0.5, 0.7, 20), "x": np.linspace(0, 0.1, 20)}
        )

    def marks(self, figure):
        return [(handle.get_color(), handle.get_marker()) for handle in figure.legends[0].legend_handles]

    def test_every_method_has_its_own_mark(self, runs, tmp_path):
        figure = alignment_scatter_figure(runs, [Axis("x", "grad_cam")], ["bacc"])
        figure.savefig(tmp_path / "figure.png")
        assert len(set(self.marks(figure))) == 10

    def test_runs_without_a_value_are_not_drawn(self, runs):
        runs.loc[runs["row"] == "m0", "x"] = np.nan
        runs.loc[2, "x"] = np.nan
        axes = alignment_scatter_figure(runs, [Axis("x", "grad_cam")], ["bacc"]).axes[0]
        small = [line for line in axes.lines if line.get_markersize() == 4]
        assert [len(line.get_xdata()) for line in small] == [1] + [2] * 8
