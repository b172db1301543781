import numpy as np
import pandas as pd
import pytest

from lightning_imb.analysis.alignment import align
from lightning_imb.analysis.alignment_table import (
    ALL_IMAGES,
    FOUND,
    MEAN_OF_CLASSES,
    MEASURES,
    MISSED,
    POSITIVES,
    alignment_table,
    headline,
    image_entry,
)
from lightning_imb.analysis.region_bank import RegionBank
from lightning_imb.analysis.seed_spread import seed_spread

SIZE = (10, 10)
NAMES = ["benign", "malignant", "normal"]
LABELS = [0, 0, 0, 0, 1, 1]
PREDICTED = [0, 0, 1, 2, 0, 0]  # no true positive of class 1


def square(top, left, side=3):
    region = np.zeros(SIZE, dtype=bool)
    region[top : top + side, left : left + side] = True
    return region


@pytest.fixture
def bank():
    bank = RegionBank(seed=0)
    for row, label in enumerate(LABELS):
        bank.add(row, label, square(row, 6 - row, 2 + row % 3))
    return bank


@pytest.fixture
def heats():
    heats = np.random.default_rng(0).random((len(LABELS), *SIZE)).astype(np.float32)
    heats[3] = 0  # a map that lights nothing
    heats[0, 0, 0] = heats[0, 5, 5] = 1  # two brightest pixels
    return heats


@pytest.fixture
def images(bank, heats):
    entries = [image_entry(heat, bank, row, draws=10, threshold=0.5, top=1) for row, heat in enumerate(heats)]
    return pd.DataFrame(entries).assign(label=LABELS, predicted=PREDICTED)


@pytest.fixture
def table(images):
    return alignment_table(images, NAMES).set_index(["class", "group", "measure"])


def test_an_entry_holds_the_own_region_and_the_mean_over_others(bank, heats):
    entry = image_entry(heats[1], bank, 1, draws=10, threshold=0.5, top=1)
    own = align(heats[1], bank.region(1)[None], 0.5, 1)
    others = [align(heats[1], bank.region(row)[None], 0.5, 1) for row in (0, 2, 3)]
    for name in ("iou", "iobb", "ior", "hard_iou", "hard_iobb", "hard_ior", "hits", "hit"):
        assert entry[name] == pytest.approx(getattr(own, name)[0])
        assert entry[f"{name}_chance"] == pytest.approx(np.mean([getattr(other, name)[0] for other in others]))
    assert entry["area"] == 9 / 100
    assert entry["points"] == own.points


def test_rows_of_the_table(table):
    assert set(table.index.get_level_values("class")) == {"benign", "malignant", ALL_IMAGES, MEAN_OF_CLASSES}
    assert len(table) == 4 * 3 * len(MEASURES)


@pytest.mark.parametrize("measure", ["iou", "iobb", "ior", "hard_iou"])
def test_means_over_maps(table, images, measure):
    mine = images[images["label"] == 0]
    row = table.loc[("benign", POSITIVES, measure)]
    assert row["images"] == 4
    assert row["score"] == pytest.approx(sum(mine[measure]) / 4)
    assert row["sd"] == pytest.approx(np.std(mine[measure], ddof=1))
    assert row["chance"] == pytest.approx(sum(mine[f"{measure}_chance"]) / 4)
    assert row["above_chance"] == pytest.approx(row["score"] - row["chance"])


def test_a_constant_map_scores_the_area_but_covers_every_region(table, images):
    area = images["area"].mean()
    for measure in ("iou", "ior", "hard_iou", "pointing_macro"):
        row = table.loc[(ALL_IMAGES, POSITIVES, measure)]
        assert row["constant"] == pytest.approx(area)
        assert row["above_constant"] == pytest.approx(row["score"] - area)
    for measure in ("iobb", "hard_iobb"):
        assert table.loc[(ALL_IMAGES, POSITIVES, measure), "constant"] == 1


def test_pointing_sums_points_and_skips_maps_of_zeros(table, images):
    assert images["points"].tolist() == [2, 1, 1, 0, 1, 1]
    row = table.loc[("benign", POSITIVES, "pointing")]
    assert row["images"] == 3
    assert row["score"] == pytest.approx(images["hits"][:3].sum() / 4)
    assert row["chance"] == pytest.approx(images["hits_chance"][:3].sum() / 4)


def test_macro_pointing_counts_maps_of_zeros_as_misses(table, images):
    row = table.loc[("benign", POSITIVES, "pointing_macro")]
    assert row["images"] == 4
    assert row["score"] == pytest.approx(images["hit"][:3].sum() / 4)


def test_true_positives_and_false_negatives(table, images):
    found, missed = (table.loc[("benign", group, "iou")] for group in (FOUND, MISSED))
    assert found["score"] == pytest.approx(images["iou"][:2].mean())
    assert missed["score"] == pytest.approx(images["iou"][2:4].mean())


def test_a_class_without_true_positive_is_left_out_of_the_mean(table):
    nothing = table.loc[("malignant", FOUND, "iou")]
    assert nothing["images"] == 0
    assert np.isnan(nothing["score"])
    mean, benign = (table.loc[(name, FOUND, "iou")] for name in (MEAN_OF_CLASSES, "benign"))
    assert mean["score"] == benign["score"]


def test_mean_of_classes_and_mean_of_images_differ(table):
    scores = [table.loc[(name, POSITIVES, "iou"), "score"] for name in ("benign", "malignant")]
    assert table.loc[(MEAN_OF_CLASSES, POSITIVES, "iou"), "score"] == pytest.approx(np.mean(scores))
    assert table.loc[(ALL_IMAGES, POSITIVES, "iou"), "score"] == pytest.approx(np.average(scores, weights=[4, 2]))


def test_an_image_without_others_of_its_class_has_no_chance(bank, heats):
    bank.add(6, 2, square(2, 2))
    entries = [image_entry(heats[row % 6], bank, row, 10, 0.5, 1) for row in range(7)]
    table = alignment_table(pd.DataFrame(entries).assign(label=[*LABELS, 2], predicted=[*PREDICTED, 2]), NAMES)
    table = table.set_index(["class", "group", "measure"])
    assert np.isnan(table.loc[("normal", POSITIVES, "iou"), "chance"])
    assert not np.isnan(table.loc[("normal", POSITIVES, "iou"), "score"])
    compared = [entry["iou"] - entry["iou_chance"] for entry in entries[:6]]
    assert table.loc[(ALL_IMAGES, POSITIVES, "iou"), "above_chance"] == pytest.approx(np.mean(compared))


def test_looking_where_lesions_usually_are_is_no_better_than_chance():
    bank = RegionBank(seed=0)
    for row in range(6):
        bank.add(row, 0, square(3, 3, 4))  # all in the middle
    heat = square(3, 3, 4).astype(np.float32)
    entry = image_entry(heat, bank, 0, 5, 0.5, 1)
    assert entry["iou"] == pytest.approx(1)
    assert entry["iou_chance"] == pytest.approx(1)


def test_headline_takes_its_numbers_from_the_table(images, table):
    numbers = headline(alignment_table(images, NAMES))
    assert numbers["iou"] == table.loc[(ALL_IMAGES, POSITIVES, "iou"), "score"]
    assert numbers["pointing_above_chance"] == table.loc[(ALL_IMAGES, POSITIVES, "pointing"), "above_chance"]
    assert numbers["class_mean_iou_above_chance"] == table.loc[(MEAN_OF_CLASSES, POSITIVES, "iou"), "above_chance"]
    assert numbers["iou_tp_above_chance"] == table.loc[(ALL_IMAGES, FOUND, "iou"), "above_chance"]


class TestSeedSpread:
    def spread(self, **values):
        rows = [(name, value) for name, seeds in values.items() for value in seeds]
        return seed_spread(pd.DataFrame(rows, columns=["row", "iou"]), "row", ["iou"]).iloc[0]

    def test_between_methods_and_over_seeds(self):
        found = self.spread(ce=[0.1, 0.2, 0.3], focal=[0.4, 0.6])
        assert found["between"] == pytest.approx(np.std([0.2, 0.5], ddof=1))
        assert found["within"] == pytest.approx(((0.02 + 0.02) / 3) ** 0.5)
        assert (found["methods"], found["runs"]) == (2, 5)

    def test_p_value_of_the_analysis_of_variance(self):
        ce, focal = np.array([0.1, 0.2, 0.3]), np.array([0.5, 0.6, 0.8])
        t = (focal.mean() - ce.mean()) / np.sqrt((ce.var(ddof=1) + focal.var(ddof=1)) / 2 * 2 / 3)
        from scipy.stats import t as student  # two groups: the F test is the t test

        assert self.spread(ce=ce, focal=focal)["p_value"] == pytest.approx(2 * student.sf(abs(t), 4))

    def test_one_seed_each_has_no_spread_over_seeds(self):
        found = self.spread(ce=[0.1], focal=[0.4])
        assert np.isnan(found["within"])
        assert np.isnan(found["p_value"])

    def test_runs_without_the_measure_do_not_count(self):
        assert self.spread(ce=[0.1, 0.3, np.nan], focal=[0.4, 0.5])["runs"] == 4

    def test_one_method(self):
        assert np.isnan(self.spread(ce=[0.1, 0.3])["between"])
