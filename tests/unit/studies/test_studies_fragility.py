"""The features of the classes of a run: tables, numbers, remarks, and the comparison of runs."""

import inspect
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.arrays_subject import ArraysSubject
from helpers.studies import finished
from hydra.utils import instantiate
from matplotlib.figure import Figure
from omegaconf import OmegaConf
from torch import nn

from lightning_imb.analysis.archetypes import ARCHETYPES, archetype_counts, archetypes
from lightning_imb.analysis.top_features import top_features
from lightning_imb.resampling.rows import Search
from lightning_imb.runs import RunFolder
from lightning_imb.studies import fragility_compare, fragility_figures, fragility_parts
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.fragility import Fragility
from lightning_imb.studies.fragility_compare import sorted_differences
from lightning_imb.studies.fragility_figures import group_means
from lightning_imb.studies.kept import key_of_run
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.errors import InputError

CONF = Path(__file__).parents[3] / "conf" / "analysis" / "fragility.yaml"
STUDY = Fragility(
    embeddings=["ce", "fe"],
    ce_class="label",
    signed=False,
    top=3,
    matched_rows=None,
    repetitions=5,
    seed=0,
    reference=None,
    archetypes=True,
    twin=None,
)


class Run(ArraysSubject):
    """Embeddings beside an extractor, of which only the weights count."""

    def __init__(self, row="eos", seed=0, trained=(0.0, 0.0), hits=None, **arrays):
        super().__init__(row=row, seed=seed, **arrays)
        self.row, self.device, self.batch_size, self.quiet = row, torch.device("cpu"), 8, True
        self.run, self.root, self.forgotten = SimpleNamespace(path=Path("run")), "moved", 0
        self._trained, self._hits = dict(zip(("before", "after"), trained, strict=True)), hits or {}

    def model(self, stage="after"):
        module = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
        nn.init.constant_(module[0].weight, self._trained[stage])
        nn.init.zeros_(module[0].bias)
        module[1].running_mean += stage == "after"
        return SimpleNamespace(extractor_module=module)

    def forget(self):
        self.forgotten += 1

    def predicted(self, split, stage="after"):
        """Answers of the head, where they are not given."""
        return self._hits.get(split, super().predicted(split, stage))


def written_and_read(found, folder):
    """As a sweep finds what was kept: tables only, names read again as whatever they look like."""
    for name, table in found.tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return Findings(found.numbers, {name: pd.read_csv(folder / f"{name}.csv") for name in found.tables})


@pytest.fixture(scope="module")
def run():
    return Run()


@pytest.fixture(scope="module")
def found(run):
    return STUDY.look(run)


@pytest.fixture(autouse=True)
def undrawn(monkeypatch):
    """Drawing takes most of the time: what ``found`` drew before is enough, elsewhere pictures stay empty."""
    for module in (fragility_figures, fragility_compare):
        for name in [name for name in vars(module) if name.endswith("_figure")]:
            monkeypatch.setattr(module, name, lambda *_: Figure())


def test_top_features_are_those_of_plain_loops(run, found):
    table = found.tables["top_features"]
    z, labels, predicted = run.embeddings("test"), run.labels("test"), run.predicted("test")
    for c in range(3):
        rows = [i for i in range(len(z)) if labels[i] == predicted[i] == c]
        magnitude = np.mean([abs(z[i] * run.head().weight[c]) for i in rows], axis=0)
        mine = table[(table[["embedding", "stage", "split", "class"]] == ["ce", "after", "test", c]).all(axis=1)]
        assert mine["feature"].tolist() == np.argsort(-magnitude)[:3].tolist()
        np.testing.assert_allclose(mine["magnitude"], np.sort(magnitude)[::-1][:3], rtol=1e-5)
        assert mine["share"].sum() == pytest.approx(1)
        assert mine["frequency"].between(0, 1).all()


def test_every_view_has_its_rows_and_numbers(run, found):
    classes = found.tables["classes"]
    views = classes.groupby(["embedding", "stage"])
    assert views.size().to_dict() == dict.fromkeys([(k, s) for k in ("ce", "fe") for s in ("after", "before")], 3)
    for (kind, stage), table in views:
        prefix = "fragility/" + "before/" * (stage == "before") + "fe/" * (kind == "fe")
        for name in ("abs_log_r_tp", "excess_abs_log_r_tp", "null_overlap_train_test"):
            assert found.numbers[f"{prefix}{name}"] == pytest.approx(table[name].mean())
        assert found.numbers[f"{prefix}diversity_b"] == pytest.approx(table["diversity_b_train"].mean())
        rank = table[["excess_abs_log_r_tp", "train_images"]].corr("spearman").iloc[0, 1]
        assert found.numbers[f"{prefix}spearman_excess_abs_log_r_tp_count"] == pytest.approx(rank)
    for stage, name in {"after": "bacc", "before": "before/bacc"}.items():
        right = run.predicted("test", stage) == run.labels("test")
        assert found.numbers[name] == pytest.approx(np.mean([right[run.labels("test") == c].mean() for c in range(3)]))
    assert found.figures.keys() == found.captions.keys()
    assert all(figure.axes for figure in found.figures.values())


def test_match_is_test_over_train_at_the_features_of_training(run, found):
    table = found.tables["match"].query("embedding == 'fe' and stage == 'after' and `class` == 1")
    means = {}
    for split in ("train", "test"):
        z, labels, predicted = run.embeddings(split), run.labels(split), run.predicted(split)
        means[split, "tp"] = z[(labels == 1) & (predicted == 1)].mean(axis=0)
        means[split, "fn"] = z[(labels == 1) & (predicted != 1)].mean(axis=0)
    for part in ("tp", "fn"):
        ratio = means["test", part] / means["train", "tp"]
        np.testing.assert_allclose(table[f"r_{part}"], ratio[table["feature"]], rtol=1e-5)


def test_stages_share_features_where_they_share_the_extractor(found):
    assert found.numbers["fragility/fe/overlap_before_after"] == 1
    assert 0 < found.numbers["fragility/overlap_before_after"] <= 1
    trained_on = STUDY.look(Run(trained=(0.0, 1.0)))
    assert not any("overlap_before_after" in name for name in trained_on.numbers)
    assert any("trained on" in remark for remark in trained_on.remarks)


def test_density_refers_to_the_largest_class_or_the_one_named(found):
    assert found.tables["density"].query("`class` == 0")["rate"].tolist() == [1, 1, 1]
    named = replace(STUDY, reference="class 2").look(Run()).tables["density"]
    assert named.query("`class` == 2")["raw"].tolist() == [1, 1, 1]
    with pytest.raises(InputError, match="reference=horse is no class"):
        replace(STUDY, reference="horse").look(Run())


def test_archetypes_and_head_have_a_row_per_class(found):
    archetypes = found.tables["archetypes"]
    assert archetypes[["safe", "border", "rare", "outlier"]].sum(axis=1).tolist() == [40, 20, 8]
    head = found.tables["head_change"]
    np.testing.assert_allclose(head["frobenius"], 1 - 1 / np.array([2, 1.5, 1]), rtol=1e-5)
    assert found.numbers["fragility/head_change"] == pytest.approx(head["relative"].mean(), rel=1e-5)


def test_overlap_of_classes_is_a_matrix_and_names_the_closest(found):
    matrix = found.tables["class_overlap"].query("embedding == 'ce'")
    values = matrix[["class 0", "class 1", "class 2"]].to_numpy()
    assert np.isnan(np.diag(values)).all()
    np.testing.assert_array_equal(values, values.T)
    closest = found.tables["closest_classes"].query("embedding == 'ce'")
    np.testing.assert_allclose(closest["overlap"], np.nanmax(values, axis=1))


def test_a_class_without_true_positives_is_empty_and_said():
    labels = Run().labels("train")
    found = STUDY.look(Run(hits={"train": np.where(labels == 2, 0, labels)}))
    row = found.tables["classes"].query("embedding == 'ce' and stage == 'after' and `class` == 2").iloc[0]
    assert np.isnan(row["abs_log_r_tp"])
    assert row["note"].startswith("no true positive in train")
    assert np.isfinite(row["diversity_b_train"])
    assert any("No true positive in training: class 2;" in remark for remark in found.remarks)
    assert not ((found.tables["match"]["class"] == 2) & (found.tables["match"]["embedding"] == "ce")).any()


@pytest.mark.parametrize(("kind", "remark"), [("experts", "no single vector per class"), ("cosine", "cosine head")])
def test_heads_that_are_not_linear_are_told_of(kind, remark):
    found = STUDY.look(Run(kind=kind))
    assert any(remark in text for text in found.remarks)
    assert set(found.tables["classes"]["embedding"]) == ({"fe"} if kind == "experts" else {"ce", "fe"})


def test_a_run_with_one_stage_has_neither_before_nor_a_change():
    found = replace(STUDY, archetypes=False).look(Run(stages=("after",)))
    assert not any("before" in name or "head" in name or "safe" in name for name in found.numbers)
    assert found.tables.keys().isdisjoint({"head_change", "archetypes", "twin"})


def test_more_features_than_the_network_has_are_refused():
    with pytest.raises(InputError, match="top=7 features of 6"):
        replace(STUDY, top=7).look(Run())


def test_runs_are_compared_by_rows_and_by_a_shared_extractor(tmp_path):
    names = ["7", "08", "9"]  # read back from disk they are numbers
    runs = [Run("erm", 0, (0, 0), names=names), Run("eos", 0, (0, 0), names=names), Run("eos", 1, (1, 1), names=names)]
    looked = [STUDY.look(run) for run in runs]
    kept = [looked[0], *(written_and_read(found, tmp_path) for found in looked[1:])]
    compared = STUDY.compare(runs, kept)
    by_class = compared.tables["models_by_class"]
    assert by_class.groupby(["embedding", "row"]).size().to_dict() == {
        (k, r): 3 for k in ("ce", "fe") for r in ("erm", "eos")
    }
    assert set(by_class["class_name"]) == set(names)
    shared = compared.tables["models_overlap"]
    assert shared[["run", "other_run"]].to_numpy().tolist() == [["erm, seed 0", "eos, seed 0"]] * 2
    assert shared["overlap"].tolist() == [1, 1]
    assert compared.figures.keys() == compared.captions.keys() == {"models_by_class", "models_overlap"}
    assert [run.forgotten for run in runs] == [1, 1, 1]  # one network at a time


def test_means_of_a_row_are_over_its_seeds():
    labels = Run().labels("test")
    runs = [Run("erm", 0), Run("erm", 1, hits={"test": labels})]
    found = [STUDY.look(run) for run in runs]
    table = STUDY.compare(runs, found).tables["models_by_class"].query("embedding == 'ce'")
    recall = [f.tables["classes"].query("embedding == 'ce' and stage == 'after'")["recall"].to_numpy() for f in found]
    np.testing.assert_allclose(table["recall"], (recall[0] + 1) / 2)


def test_runs_with_other_classes_or_extractors_are_not_compared_by_identity():
    runs = [Run("erm", 0, (0, 0)), Run("eos", 0, (1, 1))]
    compared = STUDY.compare(runs, [STUDY.look(run) for run in runs])
    assert "models_overlap" not in compared.tables
    assert any("No two runs share" in remark for remark in compared.remarks)
    strange = [Run("erm"), Run("erm", names=["x", "y", "z"])]
    assert STUDY.compare(strange, [STUDY.look(run) for run in strange]) is None


def test_the_size_of_matched_rows_is_said_where_it_is_small_or_differs(found):
    assert set(found.tables["classes"]["matched_rows"]) == {8}
    assert not any("diversity_c_matched" in remark for remark in found.remarks)
    runs = [Run("erm"), Run("eos", counts=(40, 20, 5))]
    looked = [found, STUDY.look(runs[1])]
    assert any("diversity_c_matched is of 5 rows per class, fewer than 2 K = 6" in text for text in looked[1].remarks)
    assert any("diversity_c_matched is of 5 to 8 rows" in text for text in STUDY.compare(runs, looked).remarks)
    assert not any("diversity_c_matched" in text for text in STUDY.compare([runs[0]] * 2, [found] * 2).remarks)


def test_archetypes_of_a_cosine_head_go_by_the_features_that_it_reads():
    run = Run(kind="cosine")
    z, labels = run.embeddings("train"), run.labels("train")
    z *= np.random.default_rng(3).uniform(0.1, 10, (len(z), 1)).astype(np.float32)  # lengths mean nothing
    expected = archetype_counts(archetypes(z / np.linalg.norm(z, axis=1, keepdims=True), labels, Search()), labels, 3)
    assert (expected != archetype_counts(archetypes(z, labels, Search()), labels, 3)).any()
    table = STUDY.look(run).tables["archetypes"]
    assert table[list(ARCHETYPES)].to_numpy().tolist() == expected.tolist()


def test_a_kind_that_one_run_lacks_is_not_compared():
    runs = [Run("ride", kind="experts"), Run("erm")]
    compared = STUDY.compare(runs, [STUDY.look(run) for run in runs])
    assert set(compared.tables["models_overlap"]["embedding"]) == {"fe"}


def test_a_twin_stands_beside_each_class(monkeypatch):
    twin, opened = Run(counts=(40, 40, 40)), inspect.signature(Subject)
    asked = []
    monkeypatch.setattr(fragility_parts, "RunFolder", SimpleNamespace(open_finished=Path))
    monkeypatch.setattr(fragility_parts, "Subject", lambda *a, **k: asked.append(opened.bind(*a, **k)) or twin)
    found = replace(STUDY, twin="balanced").look(Run())
    table = found.tables["twin"].query("embedding == 'ce'")
    assert asked[0].arguments["root"] == "moved"
    assert table["train_images"].tolist() == [40, 20, 8]
    assert table["twin_train_images"].tolist() == [40, 40, 40]
    direct = STUDY.look(twin).tables["classes"].query("embedding == 'ce' and stage == 'after'")
    np.testing.assert_allclose(table["twin_diversity_b_train"], direct["diversity_b_train"])
    matched = (
        replace(STUDY, matched_rows=8).look(twin).tables["classes"].query("embedding == 'ce' and stage == 'after'")
    )
    np.testing.assert_allclose(table["twin_diversity_c_matched_train"], matched["diversity_c_matched_train"])
    assert "twin" in found.captions
    twin.class_names = ["x", "y", "z"]
    with pytest.raises(InputError, match="twin=balanced has other classes"):
        replace(STUDY, twin="balanced").look(Run())


def test_a_twin_that_is_trained_anew_is_looked_at_anew(tmp_path):
    run, twin = Run(), RunFolder(tmp_path / "twin")
    run.run = RunFolder(tmp_path / "run")
    run.run.write_metrics({"seed": 0})
    beside = replace(STUDY, twin=str(twin.path))
    assert STUDY.reads_also() == beside.reads_also() == ()  # not finished: `look` says so
    keys = []
    for seed in (1, 1, 2):
        twin.write_metrics({"seed": seed})
        keys.append(key_of_run(beside, run))
    assert keys[0] == keys[1] != keys[2]


def test_a_twin_equal_to_the_run_differs_in_nothing():
    own = np.array([[3.0, 1], [2, 2], [np.nan, np.nan]])
    same, double = sorted_differences(own, own), sorted_differences(2 * own, own)
    np.testing.assert_array_equal(same["twin_log_magnitude"], [0, 0, np.nan])
    np.testing.assert_allclose(double["twin_log_magnitude"], [np.log(2), np.log(2), np.nan])
    np.testing.assert_array_equal(double["twin_share_distance"], [0, 0, np.nan])
    other = sorted_differences(own[:1], own[1:2])
    np.testing.assert_allclose(other["twin_share_distance"], [0.25])


def test_means_of_groups_leave_out_what_is_not_defined():
    matrix = np.arange(16.0).reshape(4, 4)
    np.fill_diagonal(matrix, np.nan)
    np.testing.assert_allclose(group_means(matrix, 2), [[2.5, 4.5], [10.5, 12.5]])
    assert np.isnan(np.diag(group_means(matrix, 4))).all()


@pytest.mark.parametrize(
    ("setting", "value", "sentence"),
    [
        ("embeddings", [], "give a list of ce, fe"),
        ("embeddings", "ce", "give a list of ce, fe"),
        ("embeddings", ["pe"], "choose one of ce, fe"),
        ("ce_class", "own", "choose one of label, predicted"),
        ("signed", "no", "give true or false"),
        ("archetypes", 1, "give true or false"),
        ("top", 0, "top is 0"),
        ("matched_rows", 0, "matched_rows is 0"),
        ("repetitions", 0, "repetitions is 0"),
        ("seed", -1, "seed is -1"),
    ],
)
def test_impossible_settings_are_refused(setting, value, sentence):
    with pytest.raises(InputError, match=sentence):
        replace(STUDY, **{setting: value})


def test_a_real_run_is_looked_into_with_the_settings_of_the_yaml(tmp_path):
    run = finished(tmp_path, "method=erm")
    study = instantiate(OmegaConf.load(CONF))
    subject = Subject(run, quiet=True)
    found = study.look(subject)
    z, head = subject.embeddings("test"), subject.head()
    parts = [(z * head.weight[c]).sum(axis=1) + head.bias[c] for c in range(10)]
    np.testing.assert_allclose(np.array(parts).T, subject.logits("test"), atol=1e-4)
    magnitude = subject.embeddings("train")[subject.labels("train") == 0].mean(axis=0)
    table = found.tables["top_features"].query("embedding == 'fe' and stage == 'after' and split == 'train'")
    expected = top_features(magnitude[None].astype(np.float64), 10)[0].tolist()
    assert table.query("`class` == 0")["feature"].tolist() == expected
    assert found.figures.keys() == found.captions.keys()
