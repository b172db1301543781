"""Dissection, similarity and top images of runs on images with planted lesions."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers.conf import node_of
from helpers.images import write_image
from helpers.runs import assert_refused, own_images, trained
from hydra.utils import instantiate
from pandas.testing import assert_frame_equal

from lightning_imb.analysis.cka import linear_cka
from lightning_imb.analysis.dissect import Dissection as Settings
from lightning_imb.analysis.dissect import dissect
from lightning_imb.analysis.dissection import detectors
from lightning_imb.runs import RunFolder
from lightning_imb.studies.concepts import read_concepts
from lightning_imb.studies.features import untrained
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.similarity_of_runs import averaged, matrices
from lightning_imb.studies.subject import Subject

SIDE = 16
COUNTS = {"benign": 20, "malignant": 12, "normal": 10}


def planted(root):
    """Images in ``images/``, masks of benign and malignant ones in ``masks/``, of left halves in ``masks/left/``."""
    rng = np.random.default_rng(0)
    half = np.repeat(np.array([[255, 0]], np.uint8), SIDE // 2, axis=1).repeat(SIDE, axis=0)
    for level, (name, count) in zip((255, 0, 0), COUNTS.items(), strict=True):
        for i in range(count):
            image = rng.integers(90, 160, (SIDE, SIDE, 3)).astype(np.uint8)
            mask = np.zeros((SIDE, SIDE), np.uint8)
            if name != "normal":
                top, left = rng.integers(0, SIDE - 6, 2)
                image[top : top + 6, left : left + 6] = level
                mask[top : top + 6, left : left + 6] = 255
                write_image(root / "masks" / name / f"{i:02d}.png", mask)
            write_image(root / "images" / name / f"{i:02d}.png", image)
            write_image(root / "masks" / "left" / name / f"{i:02d}.png", half)
    return root


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs that differ in their seed, the first with phases 2 and 3."""
    folder = tmp_path_factory.mktemp("runs")
    root = planted(folder / "data")
    common = ("dataset.channels=3", f"dataset.image_size={SIDE}", "accelerator.precision=32-true")
    retrained = trained(folder / "0", *own_images(root, *common, "method=eos", "retrain.epochs=1"))
    return [retrained, trained(folder / "1", *own_images(root, *common, "seed=1"))]


def opened(run, row="erm", batch_size=256):
    return Subject(run, row=row, batch_size=batch_size, quiet=True)


@pytest.fixture
def subject(runs):
    return opened(runs[0])


def study(name, **changes):
    return replace(instantiate(node_of("analysis", name)), **changes)


def dissection(**changes):
    return study("dissection", split="train", quantile=0.9, draws=3, **changes)


def test_dissection_finds_regions_masks_of_ones_own_and_textures(subject):
    found = dissection(concepts={"left half": "masks/left"}).look(subject)
    table = found.tables["concepts"].set_index("concept")
    named = ["lesion", "benign lesion", "malignant lesion", "left half"]
    assert table.index.tolist() == [*named, "dark", "bright", "edges", "smooth"]
    labels = subject.labels("train")
    marked, benign, malignant = ((labels < 2).sum(), (labels == 0).sum(), (labels == 1).sum())
    assert table["images"].tolist()[:4] == [marked, marked, marked, len(labels)]
    assert table["showing"].tolist()[:4] == [marked, benign, malignant, len(labels)]
    of_regions = [36 / 256, 36 / 256 * benign / marked, 36 / 256 * malignant / marked]
    assert table["area"].tolist()[:4] == pytest.approx([*of_regions, 0.5])
    assert (table["iou"] <= table["ceiling"]).all()
    assert table.loc["dark", "iou"] > table.loc["dark", "iou_chance_max"]  # lesions are black or white
    assert found.numbers["dissection/stage3/dark/iou"] == table.loc["dark", "iou"]
    assert found.numbers["dissection/stage3/detectors"] == found.tables["units"]["detector"].sum()
    assert found.numbers["bacc"] == subject.run.read_metrics()["test/bacc"]
    assert found.remarks == (f"{marked} of {len(labels)} images have a marked region.",)
    assert set(found.figures) == set(found.captions) == {"concepts"}
    assert "regions of a class: in all with a region" in found.captions["concepts"]


def test_units_that_know_lesions_but_no_classes_detect_lesions(subject):
    labels = subject.labels("train")
    concepts = read_concepts(subject, "train", range(len(labels)), "lesion", {}, None)
    lesion, benign = (concepts.masks.read(concepts.masks.own())[0][:, c].astype(np.float32) for c in (0, 1))
    noise = np.random.default_rng(0).normal(size=(len(labels), 60, SIDE * SIDE)).astype(np.float32)
    known = np.repeat([lesion, benign], 30, axis=0).swapaxes(0, 1)
    maps = torch.from_numpy(known + 0.5 * noise).unflatten(2, (SIDE, SIDE))
    found = dissect(lambda: [{"x": maps}], concepts.masks, [], Settings(0.9, "pixels", 0, 0, None))["x"]
    assert detectors(found.iou, 0.04).concept.tolist() == [0] * 30 + [1] * 30


def test_units_on_in_too_few_pixels_to_tell_lesions_from_those_of_a_class_are_remarked_on(subject):
    share = (subject.labels("train") < 2).mean() * 36 / 256
    doubt = replace(dissection(textures=False), quantile=0.99).look(subject).remarks[1]
    assert "0.01 of all pixels" in doubt
    assert f"'lesion' fills {share:.2g}" in doubt
    assert f"quantile={1 - share:.2g}" in doubt


def test_concepts_are_counted_inside_the_marked_regions_alone(subject):
    own = dissection(textures=False, concepts={"left half": "masks/left"}, concept_count="components").look(subject)
    alone = dissection(textures=False, concept_count="components").look(subject)
    counts = own.tables["concept_counts"].set_index("class")
    assert counts.index.tolist() == ["benign", "malignant", "all"]
    assert counts.loc["all", "images"] == (subject.labels("train") < 2).sum()
    assert own.numbers["dissection/stage3/concept_count"] == counts.loc["all", "mean"]
    assert_frame_equal(own.tables["concept_counts"], alone.tables["concept_counts"])


def test_units_name_their_best_concept(subject):
    units = dissection(layers=["stage1", "stage3"]).look(subject).tables["units"]
    assert units.groupby("layer", sort=False).size().to_dict() == {"stage1": 4, "stage3": 16}
    every = units.filter(like="iou/")
    assert np.allclose(units["iou"], every.max(axis=1))
    assert (units["concept"] == every.idxmax(axis=1).str.removeprefix("iou/").where(units["iou"] > 0, "none")).all()


def test_a_network_dissects_alike_in_batches_of_any_size(runs):
    one, other = (
        dissection(layers="stage2", textures=False).look(opened(runs[0], batch_size=size)) for size in (7, 64)
    )
    assert one.numbers == pytest.approx(other.numbers, abs=1e-3)


def test_lesions_sought_in_all_images_are_harder_to_find(subject):
    labelled, every = (
        dissection(textures=False, images=images).look(subject).tables["concepts"].set_index("concept")
        for images in ("labelled", "all")
    )
    assert (every["images"] == len(subject.labels("train"))).all()
    assert (every["iou"] <= labelled["iou"]).all()


def test_fewer_images_are_spread_over_the_classes(subject):
    found = dissection(max_images=6).look(subject)
    assert found.tables["concepts"]["images"].tolist() == [4, 4, 4, 6, 6, 6, 6]


def test_what_cannot_be_dissected_is_refused(subject):
    assert_refused(lambda: dissection(layers="stage9").look(subject), "stage9", "stage3")
    assert_refused(lambda: dissection(layers="pool").look(subject), "pool", "maps")
    assert_refused(lambda: dissection(concepts={"dark": "masks/left"}).look(subject), "two concepts", "dark")
    assert_refused(lambda: dissection(concepts={"right": "masks/right"}).look(subject), "concepts.right=masks/right")
    assert_refused(lambda: dissection(threshold=2), "threshold", "2")
    assert_refused(lambda: dissection(images="some"), "images", "some", "labelled")


def test_data_without_regions_have_textures_and_a_remark(subject, monkeypatch):
    monkeypatch.setattr(Subject, "has_regions", False)
    found = dissection().look(subject)
    assert found.tables["concepts"]["concept"].tolist() == ["dark", "bright", "edges", "smooth"]
    assert "no regions" in found.remarks[0]
    assert "region" not in found.captions["concepts"]
    assert_refused(lambda: dissection(textures=False).look(subject), "no concepts", "textures=true")


def similarity(**changes):
    return study("similarity", split="train", n_probe=20, **changes)


def test_similarity_compares_layers_stages_and_an_untrained_network(subject):
    found = similarity().look(subject)
    layers = ["stage1", "stage2", "stage3", "logits"]
    pairs = found.tables["layers"].set_index(["layer", "other"])["cka"]
    assert len(pairs) == 10
    assert [pairs[layer, layer] for layer in layers] == pytest.approx([1] * 4)
    z = subject.embeddings("train")  # the mean of stage3
    rows = similarity()._probe().rows(subject)
    assert pairs["logits", "stage3"] == pytest.approx(
        linear_cka(subject.logits("train")[rows], z[rows], True), abs=1e-4
    )
    numbers = [found.numbers[f"similarity/{layer}/before"] for layer in layers]
    assert numbers[:3] == pytest.approx([1] * 3)  # the extractor is frozen
    assert numbers[3] < 0.9999
    assert all(found.numbers[f"similarity/{layer}/untrained"] < 0.9999 for layer in layers)
    classes = found.tables["per_class"]
    assert set(classes["class"]) == set(COUNTS)
    assert classes["images"].max() <= 7


def test_similarity_without_references_and_flattened(subject):
    found = similarity(untrained=False, per_class=False, pooling="flatten", layers="stage2").look(subject)
    assert list(found.tables) == ["layers", "references"]
    assert set(found.numbers) == {"similarity/stage2/before", "similarity/logits/before", "bacc"}
    assert "flattened" in found.captions["layers"]


def test_an_untrained_network_is_drawn_by_its_own_seed(subject):
    subject.model()  # which draws weights before it reads its own
    state = torch.get_rng_state()
    first, same, other = (untrained(subject, seed).extractor.stage1[0].weight for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert not untrained(subject, 0).training


@pytest.mark.parametrize("pooling", ["mean", "flatten"])
def test_a_sweep_compares_layers_between_runs(runs, pooling):
    subjects = [opened(runs[0]), opened(runs[1]), opened(runs[1], "other")]
    subjects[2].names = lambda split: ["another image"]
    found = similarity(pooling=pooling).compare(subjects, [None] * 3)
    table = found.tables["runs"].set_index(["layer", "row", "other"])
    assert not table["same_seed"].any()
    assert found.remarks == ("1 runs with other images or other layers are left out.",)
    assert table["pairs"].to_dict() == {
        (layer, "erm", other): pairs
        for layer in ("stage1", "stage2", "stage3", "logits")
        for other, pairs in (("erm", 1), ("untrained", 2))
    }
    assert (table["cka"] < 1).all()
    assert similarity().compare(subjects[1:], [None] * 2) == Findings(remarks=found.remarks)


def test_runs_of_other_data_are_left_out_by_name(runs, tmp_path):
    shutil.copytree(runs[1].path, tmp_path / "run")
    moved = RunFolder(tmp_path / "run")
    moved.write_data(moved.read_data() | {"fingerprint": "of other images that are called the same"})
    subjects = [opened(runs[0]), opened(moved, "other"), opened(runs[1])]
    found = similarity().compare(subjects, [None] * 3)
    assert found.remarks == ("Left out, for other data than those of erm, seed 0: other, seed 1.",)
    assert set(found.tables["runs"]["row"]) == {"erm"}
    assert similarity().compare(subjects[:2], [None] * 2) == Findings(remarks=found.remarks)


def test_images_of_other_labels_are_not_compared(runs):
    subjects = [opened(runs[0]), opened(runs[1])]
    labels = subjects[1].labels("train")
    subjects[1].labels = lambda split: labels[::-1]
    assert similarity().compare(subjects, [None] * 2).tables == {}


def pair(row, other, value, same_seed=False):
    return {"layer": "x", "row": row, "other": other, "same_seed": same_seed, "cka": value, "biased": 2 * value}


def test_pairs_of_runs_are_averaged_whatever_their_order():
    pairs = [("a", "b", 0.2), ("b", "a", 0.4), ("a", "a", 0.9), ("b", "untrained", 0.1)]
    entries = [pair(a, b, value) for a, b, value in pairs]
    found = averaged([*entries, pair("a", "b", 0.7, True), pair("a", "c", 0.6, True)])
    rows = [tuple(row) for row in found[["row", "other", "same_seed", "pairs"]].itertuples(index=False)]
    apart = [("a", "b", False, 2), ("a", "a", False, 1), ("b", "untrained", False, 1)]
    assert rows == [*apart, ("a", "b", True, 1), ("a", "c", True, 1)]
    assert found["cka"].tolist() == pytest.approx([0.3, 0.9, 0.1, 0.7, 0.6])
    assert found["biased"].tolist() == pytest.approx([0.6, 1.8, 0.2, 1.4, 1.2])
    assert found["sd"][0] == pytest.approx(0.1 * 2**0.5)
    drawn = matrices(found, ["x"], ["a", "b", "c"])["x"]
    nan = float("nan")
    expected = [[0.9, 0.3, 0.6, nan], [0.3, nan, nan, 0.1], [0.6, nan, nan, nan]]
    np.testing.assert_allclose(drawn, expected)  # runs of one seed only where there are no others


def top(**changes):
    return study("top_images", split="train", n_units=3, n_images=4, **changes)


def test_top_images_are_those_of_the_largest_values(subject):
    found = top(value="mean").look(subject)
    z, names = subject.embeddings("train"), subject.names("train")
    for unit, shown in found.tables["top_images"].groupby("unit"):
        order = np.argsort(-z[:, unit], kind="stable")[:4]
        assert np.allclose(shown["value"], z[order, unit], atol=1e-5)
        assert [names[row] for row in shown["row"]] == shown["name"].tolist()
        assert [subject.class_names[c] for c in subject.labels("train")[shown["row"]]] == shown["class"].tolist()
    assert set(found.figures) == set(found.captions) == {"top_images"}


def test_units_of_the_last_stage_are_those_of_the_largest_weights(subject):
    units = top().look(subject).tables["units"]
    weight = subject.head().weight
    assert units["reason"].unique().tolist() == ["largest weight of the class"]
    assert units["class"].tolist() == ["benign", "malignant", "normal"]  # from the largest class to the smallest
    first = units.iloc[0]
    assert (first["unit"], first["score"]) == (weight[0].argmax(), pytest.approx(weight[0].max()))
    assert units["unit"].is_unique


def test_units_of_other_layers_are_the_most_selective(subject):
    found = top(layer="stage1").look(subject)
    assert found.tables["units"]["reason"].unique().tolist() == ["most selective for the class"]
    purity = found.tables["top_images"].merge(found.tables["units"], on="unit")
    assert found.numbers["top_images/purity"] == pytest.approx((purity["class_x"] == purity["class_y"]).mean())


def test_units_by_number(subject):
    found = top(units=[5, 0], value="max").look(subject)
    assert found.tables["units"]["unit"].tolist() == [5, 0]
    assert np.isnan(found.numbers["top_images/purity"])
    assert_refused(lambda: top(units=[16]).look(subject), "units=[16]", "0 to 15")
    assert_refused(lambda: top(units="some"), "units", "some")
    assert_refused(lambda: top(value="sum"), "value", "sum")
