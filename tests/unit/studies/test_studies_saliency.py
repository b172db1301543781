"""Heat maps of a run with planted lesions: bright squares, and networks that look at them or elsewhere."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.conf import CONF
from hydra.utils import instantiate
from omegaconf import OmegaConf
from torch import nn

from lightning_imb.studies.saliency import Saliency
from lightning_imb.studies.subject import ImageBatch
from lightning_imb.utils.errors import InputError

SIDE = 16
NAMES = ["benign", "malignant", "normal"]
LABELS = np.array([0] * 8 + [1] * 6 + [2] * 4)
LESIONS = LABELS < 2  # normal images have none
STUDY = Saliency(
    methods=["grad_cam"],
    split="test",
    stages="all",
    target="label",
    layer="auto",
    scaling="before_upsampling",
    threshold=0.5,
    top=1,
    draws=5,
    max_images=None,
    n_examples=4,
    steps=2,
    baseline="mean",
    evidence="positive",
    smooth=0.0,
    window=0.25,
    chunk=4,
    seed=0,
)
FAST = replace(STUDY, n_examples=0, stages="after")


class Units(nn.Module):
    """One map of bright and one of dark pixels."""

    def forward(self, images):
        return torch.cat([images.relu(), (-images).relu()], dim=1)


class Network(nn.Module):
    """Sees a class in what is bright, or in what is not."""

    def __init__(self, looks_at_lesions):
        super().__init__()
        self.extractor_module = nn.Sequential()
        self.extractor_module.add_module("stage1", Units())
        self.extractor_module.add_module("pool", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
        self.looks_at_lesions = looks_at_lesions

    def forward(self, images):
        z = self.extractor_module(images)
        return z[:, [0, 0, 0]] if self.looks_at_lesions else z[:, [1, 1, 1]]


class PlantedSubject:
    """As much of a `Subject` as the study asks for."""

    class_names, train_counts, protocol, stages = NAMES, [90, 40, 10], "paper, last epoch", ("before", "after")
    device = torch.device("cpu")

    def __init__(self, has_regions=True, row="erm", seed=0, bacc=0.7, final_looks_at_lesions=True):
        self.has_regions, self.row, self.seed = has_regions, row, seed
        rng = np.random.default_rng(seed)
        self.regions = np.zeros((len(LABELS), SIDE, SIDE), dtype=bool)
        for region, (top, left) in zip(self.regions, rng.integers(0, SIDE - 4, (len(LABELS), 2)), strict=True):
            region[top : top + 4, left : left + 4] = True
        self.regions[~LESIONS] = False
        self.pixels = np.where(self.regions, 250, 20).astype(np.uint8)[:, None]
        self.networks = {"before": Network(False), "after": Network(final_looks_at_lesions)}
        self.run = SimpleNamespace(read_metrics=lambda: {"test/bacc": bacc, "test/auroc": 0.9, "test/ap": None})
        self.data = SimpleNamespace(
            image_shape=(1, SIDE, SIDE), transform=SimpleNamespace(normalise=lambda images: images.float() / 255 - 0.5)
        )

    def labels(self, split):
        return LABELS

    def names(self, split):
        return [f"{k}/{i}.png" for i, k in enumerate(LABELS)]

    def predicted(self, split, stage="after"):
        return np.where(np.arange(len(LABELS)) % 2, LABELS, 2) if stage == "after" else np.full_like(LABELS, 2)

    def model(self, stage="after"):
        return self.networks[stage]

    def region(self, split, row):
        return self.regions[row] if LESIONS[row] else None

    def image_batches(self, split):
        for rows in np.array_split(np.arange(len(LABELS)), 3):
            images = torch.from_numpy(self.pixels[rows])
            yield ImageBatch(rows, images, self.data.transform.normalise(images))

    def track(self, items, description, total=None):
        return iter(items)


@pytest.fixture(scope="module")
def found():
    return STUDY.look(PlantedSubject())


def table(found, **wanted):
    rows = found.tables["alignment"]
    for column, value in wanted.items():
        rows = rows[rows[column.rstrip("_")] == value]
    return rows


def test_a_network_that_looks_at_the_lesions(found):
    assert found.numbers["saliency/grad_cam/iou"] == pytest.approx(1, abs=1e-4)
    assert found.numbers["saliency/grad_cam/pointing"] == 1
    assert found.numbers["saliency/grad_cam/iou_above_chance"] > 0.5


def test_a_network_that_looks_elsewhere(found):
    assert found.numbers["saliency/before/grad_cam/ior"] == pytest.approx(0)
    assert found.numbers["saliency/before/grad_cam/iou_above_chance"] < 0


def test_images_without_a_lesion_are_left_out_and_counted(found):
    assert found.numbers["saliency/images"] == LESIONS.sum()
    assert "4 images have no marked region and are left out (normal 4)" in found.remarks
    assert set(found.tables["images"]["label"]) == {"benign", "malignant"}


def test_every_image_has_a_row_per_stage_and_method(found):
    images = found.tables["images"]
    assert len(images) == 2 * LESIONS.sum()
    assert images.columns[:6].tolist() == ["stage", "method", "row", "name", "label", "predicted"]
    first = images[(images["stage"] == "after") & (images["row"] == 0)].iloc[0]
    assert (first["name"], first["predicted"], first["area"]) == ("0/0.png", "normal", 16 / SIDE**2)


def test_true_positives_are_those_of_the_stage(found):
    after = table(found, stage="after", group="true positives", measure="iou", class_="benign")
    before = table(found, stage="before", group="true positives", measure="iou", class_="benign")
    assert after["images"].item() == 4
    assert before["images"].item() == 0


def test_classes_without_true_positive_are_named():
    subject = PlantedSubject()
    subject.predicted = lambda split, stage="after": np.where(LABELS == 1, 0, LABELS)
    assert any("no true positive" in remark and "malignant" in remark for remark in STUDY.look(subject).remarks)


def test_chunks_and_batches_do_not_matter(found):
    again = replace(STUDY, chunk=100).look(PlantedSubject())
    pd.testing.assert_frame_equal(found.tables["images"], again.tables["images"])


def test_at_most_so_many_images_spread_over_the_classes():
    found = replace(STUDY, max_images=6, stages="after").look(PlantedSubject())
    assert found.tables["images"]["label"].value_counts().to_dict() == {"benign": 3, "malignant": 3}
    assert "6 of 14 images with a marked region were compared (max_images)" in found.remarks
    assert not any(name.startswith("saliency/before") for name in found.numbers)


def test_maps_of_the_predicted_class():
    class OneUnitPerClass(Network):
        def forward(self, images):
            z = self.extractor_module(images)
            return z[:, [0, 0, 1]]  # "normal" is seen in what is dark

    subject = PlantedSubject()
    subject.networks["after"] = OneUnitPerClass(True)
    of_label = replace(STUDY, stages="after").look(subject).tables["images"]
    of_predicted = replace(STUDY, stages="after", target="predicted").look(subject).tables["images"]
    taken_for_normal = (of_label["predicted"] == "normal").to_numpy()
    assert np.allclose(of_label["iou"], 1)
    assert np.allclose(of_predicted["iou"][~taken_for_normal], 1)
    assert np.allclose(of_predicted["iou"][taken_for_normal], 0)


def test_figures_have_captions_that_say_protocol_and_layer(found):
    assert set(found.figures) == set(found.captions) == {"alignment", "examples"}
    assert "stage1" in found.captions["examples"]
    assert all("paper, last epoch" in caption for caption in found.captions.values())


def test_examples_are_right_and_wrong_ones(found):
    titles = [axes.get_title() for axes in found.figures["examples"].axes if axes.get_title()]
    assert [title.split("\n")[1][0] for title in titles] == ["✓", "✓", "✗", "✗"]


def test_without_regions_there_are_maps_only():
    found = STUDY.look(PlantedSubject(has_regions=False))
    assert set(found.figures) == {"examples"}
    assert not found.tables
    assert found.numbers == {"saliency/images": 0}
    assert "no regions" in found.remarks[0]


def test_without_regions_and_examples_no_image_is_explained():
    subject = PlantedSubject(has_regions=False)
    subject.model = lambda stage="after": SimpleNamespace(extractor_module=PlantedSubject().model().extractor_module)
    assert not replace(STUDY, n_examples=0).look(subject).figures


def test_every_method_works(tmp_path):
    methods = ["grad_cam", "integrated_gradients", "input_x_gradient", "occlusion"]
    found = replace(STUDY, methods=methods, baseline="black", n_examples=2).look(PlantedSubject())
    assert found.tables["images"]["method"].unique().tolist() == methods
    for name, figure in found.figures.items():
        figure.savefig(tmp_path / f"{name}.png")


class TestSweep:
    @pytest.fixture(scope="class")
    def subjects(self):
        ways = {"erm": False, "eos": True}
        return [
            PlantedSubject(row=row, seed=seed, bacc=0.5 + 0.2 * looks + 0.01 * seed, final_looks_at_lesions=looks)
            for row, looks in ways.items()
            for seed in range(3)
        ]

    @pytest.fixture(scope="class")
    def compared(self, subjects):
        return FAST.compare(subjects, [FAST.look(subject) for subject in subjects])

    def test_one_row_per_run_with_its_scores(self, compared):
        runs = compared.tables["runs"]
        assert runs[["row", "seed"]].to_numpy().tolist() == [[r, s] for r in ("erm", "eos") for s in range(3)]
        assert runs["bacc"].tolist() == pytest.approx([0.5, 0.51, 0.52, 0.7, 0.71, 0.72])
        assert "ap" not in runs  # no run has it

    def test_means_and_deviations_over_seeds(self, compared):
        runs, rows = compared.tables["runs"], compared.tables["rows"].set_index("row")
        for row in ("erm", "eos"):
            mine = runs.loc[runs["row"] == row, "grad_cam/iou_above_chance"]
            assert rows.loc[row, "runs"] == 3
            assert rows.loc[row, "grad_cam/iou_above_chance"] == pytest.approx(mine.mean())
            assert rows.loc[row, "grad_cam/iou_above_chance sd"] == pytest.approx(mine.std(ddof=1))

    def test_methods_that_differ_by_more_than_their_seeds(self, compared):
        spread = compared.tables["spread"].set_index("measure")
        assert spread.loc["grad_cam/class_mean_iou_above_chance", "p_value"] < 0.01
        assert spread.loc["auroc", "between"] == 0

    def test_the_figure_has_a_panel_per_score(self, compared, tmp_path):
        figure = compared.figures["alignment_and_scores"]
        assert [axes.get_xlabel() for axes in figure.axes] == ["balanced accuracy", "AUROC, mean of classes"]
        figure.savefig(tmp_path / "figure.png")

    def test_runs_without_regions_are_left_out(self, subjects):
        mixed = [*subjects[:2], PlantedSubject(has_regions=False)]
        compared = FAST.compare(mixed, [FAST.look(subject) for subject in mixed])
        assert len(compared.tables["runs"]) == 2
        assert "1 run" in compared.remarks[0]

    def test_nothing_to_compare(self):
        without = [PlantedSubject(has_regions=False) for _ in range(2)]
        assert FAST.compare(without, [FAST.look(subject) for subject in without]) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"methods": "grad_cam"},
        {"methods": []},
        {"methods": ["grad-cam"]},
        {"split": "training"},
        {"stages": "before"},
        {"target": "logit"},
        {"scaling": "none"},
        {"threshold": 0},
        {"draws": 0},
        {"max_images": 0},
        {"n_examples": -1},
        {"top": 1.5},
        {"baseline": "blur"},
        {"evidence": "negative"},
        {"window": 2},
    ],
)
def test_settings_out_of_range(wrong):
    with pytest.raises(InputError, match=str(next(iter(wrong)))):
        replace(STUDY, **wrong)


def test_more_pixels_than_an_image_has_cannot_point():
    subject = PlantedSubject()
    assert replace(FAST, top=SIDE**2).look(subject).numbers["saliency/grad_cam/pointing"] > 0
    subject.model = lambda stage="after": pytest.fail("explained before it was refused")
    with pytest.raises(InputError, match=r"saliency\.top=257 is more than the 256 pixels of images of 16 x 16"):
        replace(FAST, top=SIDE**2 + 1).look(subject)


def test_a_layer_that_is_not_there():
    with pytest.raises(InputError, match="stage7"):
        replace(STUDY, layer="stage7").look(PlantedSubject())


def test_the_yaml_has_every_setting():
    study = instantiate(OmegaConf.load(CONF / "analysis" / "saliency.yaml"))
    assert isinstance(study, Saliency)
