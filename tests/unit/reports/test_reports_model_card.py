"""The model card of a run: numbers, intervals, limits, and what it keeps to itself."""

import math
import re

import numpy as np
import pytest
import yaml
from helpers.regression_runs import write_regression
from markdown_it import MarkdownIt

from lightning_imb.reports.collect import collect
from lightning_imb.reports.model_card import write_card
from lightning_imb.reports.model_card.card import model_card
from lightning_imb.reports.model_card.intervals import wilson

DATA = {"image_size": [3, 32, 32], "fingerprint": "abc", "skipped": {"train": 0, "test": 2}}
FACTS = {
    "dataset": "digits",
    "parameters": 1234,
    "precision": "32-true",
    "versions": {"torch": "2.6"},
    "hardware": {"cpu": "X", "cores": 2},
    "command": "imb-train method=erm",
    "test__top1": 0.5,
}


@pytest.fixture
def card(make_run):
    """A function that writes a run and returns the text of its card."""

    def make(files=(), names=None, support=None, settings=(), data=(), **facts):
        run = make_run("erm/0", settings=dict(settings), **(FACTS | facts))
        metrics = run.read_metrics()
        if names is not None:
            metrics["class_names"] = list(names)
        if support is not None:
            metrics["class_counts"]["test"] = list(support)
        run.write_metrics(metrics)
        run.write_data(run.read_data() | DATA | dict(data))
        return model_card(collect(run.path)[0], {name: f"CHECK of {name}" for name in files})

    return make


def limits(text):
    return text.partition("## Caveats")[2].partition("## How to use")[0]


def rows(text, heading):
    """Cells of the table below a line that begins with this title row."""
    lines = text[text.index(f"| {heading} |") :].split("\n\n")[0].splitlines()
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


# --- intervals


@pytest.mark.parametrize(("hits", "total"), [(0, 1), (1, 1), (3, 10), (0, 54), (54, 54), (37, 100)])
def test_intervals_are_those_of_wilson(hits, total):
    z, p = 1.959963984540054, hits / total
    middle = (p + z * z / (2 * total)) / (1 + z * z / total)
    half = z * math.sqrt(p * (1 - p) / total + z * z / (4 * total**2)) / (1 + z * z / total)
    found = wilson(hits, total)
    assert found == pytest.approx((max(0, middle - half), min(1, middle + half)), abs=1e-12)
    assert 0 <= found.low <= p <= found.high <= 1
    assert found.width > 0


# --- numbers


def test_every_class_has_its_scores_with_an_interval(card):
    recalls = [0.9, 0.3]
    text = card(test__recall=recalls, test__class_auroc=[0.75, None], test__class_ap=[0.5, 0.25])
    expected = [
        ["c0", "40", "10", "0.900", str(wilson(9, 10)), "0.750", "0.500"],
        ["c1", "4", "10", "0.300", str(wilson(3, 10)), "–", "0.250"],
    ]
    assert rows(text, "class | training images | test images | recall | 95 % interval | AUROC | AP") == expected
    assert ["accuracy (top-1)", "0.500", str(wilson(10, 20))] in rows(text, "score | value | 95 % interval")
    assert rows(text, "class | train | val | test")[-1] == ["**all**", "**44**", "**4**", "**20**"]


def test_a_class_without_test_images_has_no_recall(card):
    text = card(test__recall=[0.5, None], support=(10, 0))
    assert rows(text, "class | training images | test images | recall | 95 % interval | AUROC | AP")[1][2:5] == [
        "0",
        "–",
        "–",
    ]
    assert "1 class without a test image: nothing is known of them: c1." in limits(text)


def test_the_front_matter_is_yaml_and_leaves_the_licence_to_the_author(card):
    _, matter, rest = card().split("---\n", 2)
    known = yaml.safe_load(matter)
    assert "license" not in known
    assert "# license: TODO" in matter
    (result,) = known["model-index"][0]["results"]
    assert {m["name"]: m["value"] for m in result["metrics"]} == {"test/top1": 0.5, "test/bacc": 0.5}
    assert known["tags"][-1] == "erm"
    assert rest.count("TODO") >= 4


def test_more_than_a_hundred_classes_are_told_of_at_both_ends(card):
    counts = list(range(130, 0, -1))
    text = card(counts=counts)
    shown = [
        row[0] for row in rows(text, "class | training images | test images | recall | 95 % interval | AUROC | AP")
    ]
    assert shown == [f"c{k}" for k in (*range(10), *range(120, 130))]
    assert text.count("110 classes are left out") == 2


def test_names_of_the_user_are_no_markup(card):
    names = ("a|b", "*c* <img src=x> `d`\n# e")
    html = MarkdownIt("commonmark").enable("table").render(card(names=names))
    assert "<img" not in html
    assert "<td>a|b</td>" in html
    assert "<td>*c* &lt;img src=x&gt; `d` # e</td>" in html


# --- protocol


def test_a_choice_on_the_test_set_is_warned_of_twice(card):
    text = card(selected_on="test", protocol="paper, best epoch on TEST")
    assert text.count("WARNING: the epoch was chosen on the TEST set") == 2
    assert "WARNING" in limits(text)


def test_other_protocols_are_told_in_words(card):
    assert "chosen on 4 validation images" in card()
    assert "no epoch was chosen" in card(selected_on="nothing", protocol="holdout, last epoch")


# --- limits


def test_limits_follow_from_the_data(card):
    text = limits(card(test__recall=[1.0, 0.0], test__ece=0.25))
    assert "1 class of whose test images not one was recognised: c1." in text
    assert "1 class with fewer than 20 training images: c1." in text
    assert "Of 2 of 2 classes the interval of the recall is wider" in text
    assert "one seed (0)" in text
    assert "The test set is balanced (ratio 1), the training set is not (10)" in text
    assert "0.25 apart" in text


def test_limits_that_do_not_apply_are_not_told(card):
    text = limits(card(counts=(50, 40), test__recall=[0.9, 0.9], support=(500, 500), test__ece=0.01))
    for words in ("fewer than 20", "wider than", "apart", "not one", "never", "WARNING", "bf16"):
        assert words not in text


@pytest.mark.parametrize(("groups", "told"), [("patient_id", True), (None, False)])
def test_images_in_groups_are_not_independent(card, groups, told):
    text = limits(card(settings={"dataset": {"name": "image_folder", "groups": groups}}))
    assert ("Test images come in groups (patient\\_id)" in text) == told
    assert ("too narrow" in text) == told


def test_an_imbalanced_test_set_is_named(card):
    assert "test set is itself imbalanced (ratio 4;" in limits(card(support=(40, 10)))


def test_a_class_that_is_never_predicted_is_named(card, make_run):
    run = make_run("erm/0", counts=(40, 4), **FACTS)
    run.write_data(run.read_data() | DATA)
    run.write_predictions("test", np.tile([2.0, 1.0], (20, 1)), np.repeat([0, 1], 10))
    text = limits(model_card(collect(run.path)[0], {}))
    assert "1 class never predicted on the test set, so this model cannot find them: c1." in text


def test_rounding_of_half_precision_is_told(card):
    assert "made in bf16-mixed; exported files compute in float32" in limits(card(precision="bf16-mixed"))


# --- making and use


def test_the_method_is_described_and_one_of_the_users_own_is_named(card):
    assert "| paper | Cao et al. 2019" in card(method="ldam")
    assert "| method | mine |" in card(method="mine")


def test_what_else_was_done_is_named(card):
    settings = {"reweight": {"kind": "drw"}, "sampler": {"kind": "instance"}, "mix": {"_target_": "x.NoMixing"}}
    text = card(settings=settings, synthetic_images=7)
    assert "| reweight | drw |" in text
    assert "| sampler |" not in text
    assert "| mix |" not in text
    assert "7 synthetic images" in text
    assert "Unreadable and left out: 2 of test." in text


def test_an_imbalance_that_was_made_is_no_property_of_the_data(card):
    made = {"imbalance": {"name": "exp", "selection": "random", "seed": 0}}
    assert "The imbalance was made" in card(settings=made)
    assert "nothing was left out" in card(settings={"imbalance": {"name": "natural"}})


@pytest.mark.parametrize(("files", "fences"), [((), 2), (("model.onnx",), 4), (("model.onnx", "model.pt2"), 5)])
def test_only_files_that_are_there_are_explained(card, files, fences):
    text = card(files=files)
    assert text.count("```") == 2 * fences
    assert ("onnxruntime.InferenceSession" in text) == ("model.onnx" in files)
    assert ("torch.export.load" in text) == ("model.pt2" in files)
    assert ("makes files that predict" in text) == (not files)
    for name in files:
        assert f"- `{name}`: CHECK of {name}\n" in text


def test_a_file_that_was_written_before_is_said_to_be_checked_then(make_run, tmp_path):
    run = make_run("erm/0", **FACTS)
    run.write_data(run.read_data() | DATA)
    for name in ("model.onnx", "model.pt2"):
        (tmp_path / name).touch()
    text = write_card(run.path, tmp_path, {"model.pt2": "on random images"}).read_text()
    assert "- `model.onnx`: compared with the network when it was written" in text
    assert "- `model.pt2`: on random images\n" in text


# --- regressions


@pytest.fixture
def regression(tmp_path):
    """A function that writes a regression and returns the text of its card."""

    def make(**changes):
        run = write_regression(tmp_path / "run", **changes)
        run.write_data(run.read_data() | DATA)
        path = write_card(run.path, tmp_path / "out", {})
        assert path == tmp_path / "out" / "model_card.md"
        return run.read_metrics(), path.read_text()

    return make


def test_a_regression_is_told_bin_by_bin_against_the_constant(regression):
    metrics, text = regression(law="missing", slope=0.2)
    found = rows(text, "bin | training samples | test samples | MSE | MAE | bias | MSE of the training mean")
    assert [int(row[1].replace(",", "")) for row in found] == metrics["class_counts"]["train"]
    assert float(found[0][3]) == pytest.approx(metrics["test/bin_mse"][0], rel=1e-3)
    assert float(found[0][6]) == pytest.approx(metrics["test/baseline/train_mean_bin_mse"][0], rel=1e-3)
    compared = rows(text, "on the test set | MSE | RMSE | MAE")
    assert [row[0] for row in compared] == [
        "this model",
        "constant: training mean",
        "constant: training median",
        "constant: best on the test set",
        "noise floor",
    ]
    pairs = zip(metrics["test/bin_mse"], metrics["test/baseline/train_mean_bin_mse"], strict=True)
    worse = sum(own >= constant for own, constant in pairs)
    assert worse > 0
    assert f"{worse} bins in which the mean of the training targets, a constant, errs no more" in limits(text)
    assert "5 bins without a training sample" in limits(text)
    assert "pipeline_tag" not in text
    assert "Estimates sigma" in text


def test_a_regression_chosen_on_the_test_set_is_warned_of(regression):
    _, text = regression(selected_on="test")
    assert text.count("WARNING: the epoch was chosen on the TEST set") == 2
