"""Finished runs as a card and as files, and predictions of these files."""

import re

import numpy as np
import pandas as pd
import pytest
from helpers.commands import assert_one_sentence
from helpers.images import write_image
from helpers.runs import assert_refused, classified, composed, digit_files
from helpers.studies import finished

from lightning_imb.exporting import writer
from lightning_imb.exporting.command import export
from lightning_imb.exporting.opened import open_exported
from lightning_imb.phases import Phase

NAMES = [f"digits/{number:04d}" for number in range(9)]
FILES = ("model.onnx", "model.pt2")


def exported(run, *overrides):
    """What imb-export returns."""
    return export(composed(f"run={run.path}", *overrides, config="export"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return finished(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return digit_files(tmp_path_factory.mktemp("images"), NAMES)


@pytest.fixture(scope="module")
def made(console, run, photos):
    """What the command leaves in the folder of the run, and what it says."""
    arguments = (f"run={run.path}", f"images={photos}")
    return run.path / "export", console.script("export", *arguments, cwd=run.path.parent)


def test_the_command_writes_files_that_were_checked(made):
    folder, end = made
    assert (end.code, end.err) == (0, "")
    assert {file.name for file in folder.iterdir()} == {*FILES, "model_card.md"}
    said = end.out.strip().splitlines()
    assert [str(folder / name) in line for name, line in zip((*FILES, "model_card.md"), said, strict=True)] == [
        True
    ] * 3
    for line in said[:2]:
        assert float(re.search(r"differs from the network by at most (\S+)", line)[1]) < 1e-4
        assert float(re.search(r"and (\S+) in a probability, 0 of 17 images in another class", line)[1]) < 1e-4
        assert "batches of 1 + 2 + 5 + 9 images: random ones, the last 9 given by images=" in line
    card = (folder / "model_card.md").read_text()
    for line in said[:2]:
        assert f"- `{line.partition(': ')[0].rpartition('/')[2]}`: {line.partition(': ')[2]}\n" in card


@pytest.mark.parametrize("name", FILES)
def test_a_file_predicts_what_its_run_predicts(console, made, run, photos, tmp_path, name):
    expected = classified(run, photos, tmp_path / "of_run.csv")
    model = made[0] / name
    moved = tmp_path / name
    moved.write_bytes(model.read_bytes())  # the run is not needed
    end = console.script(
        "predict", f"model={moved}", f"input={photos}", "output=of_file.csv", "batch_size=4", cwd=tmp_path
    )
    assert end.code == 0
    assert "9 images classified, written to of_file.csv" in end.out
    found, asked = (pd.read_csv(tmp_path / csv) for csv in ("of_file.csv", "of_run.csv"))
    assert found.columns.tolist() == expected.columns.tolist()
    pd.testing.assert_frame_equal(found, asked, atol=2e-5, rtol=0)


def test_a_file_knows_where_it_comes_from(made, run):
    metrics, data = run.read_metrics(), run.read_data()
    for name in FILES:
        description = open_exported(made[0] / name).description
        assert description.class_names == tuple(data["class_names"])
        assert description.image_size == (1, 8, 8)
        assert (description.config_hash, description.fingerprint) == (metrics["config_hash"], data["fingerprint"])
        assert (description.phase, description.checkpoint) == ("retrain", "best")


def test_what_the_card_prints_works_as_printed(made, run, photos, tmp_path, monkeypatch, capsys):
    card = (made[0] / "model_card.md").read_text()
    snippets = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    assert len(snippets) == 2
    write_image(tmp_path / "image.png", np.random.default_rng(0).integers(0, 256, (20, 12, 3), dtype=np.uint8))
    row = classified(run, tmp_path / "image.png", tmp_path / "p.csv").iloc[0]
    monkeypatch.chdir(tmp_path)
    for name in FILES:
        (tmp_path / name).write_bytes((made[0] / name).read_bytes())
    capsys.readouterr()
    for snippet in snippets:
        exec(compile(snippet, "model_card.md", "exec"), {})
        told = eval(capsys.readouterr().out, {"np": np})
        assert list(told.values()) == pytest.approx(row.drop(["name", "class"]).tolist(), abs=2e-5)


def test_another_phase_is_exported_without_the_card_of_the_last_one(run, tmp_path):
    out = f"out={tmp_path / 'first'}"
    assert_refused(lambda: exported(run, "phase=represent", out), "phase=retrain", "formats=[onnx,torch]")
    assert not (tmp_path / "first").exists()
    assert exported(run, "phase=represent", "formats=torch", out) == [tmp_path / "first" / "model.pt2"]
    assert open_exported(tmp_path / "first" / "model.pt2").description.phase == Phase.REPRESENT


def test_a_file_that_says_something_else_is_never_written(run, tmp_path, monkeypatch):
    true = writer.Program

    class Wrong(true):
        def forward(self, images):
            return super().forward(images) + 1

    monkeypatch.setattr(writer, "Program", Wrong)
    arguments = ("formats=[torch]", f"out={tmp_path}")
    assert_refused(lambda: exported(run, *arguments), "model.pt2 differs", "tolerance=0.0001")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["formats=[pdf]"], ("pdf", "card, onnx, torch")),
        (["formats=[]"], ("formats",)),
        (["opset=12"], ("opset", "18")),
        (["tolerance=-1"], ("tolerance", "-1")),
        (["phase=balance"], ("phase", "represent or retrain")),
        (["images=nowhere", "formats=torch"], ("nowhere", "does not exist")),
    ],
)
def test_settings_that_cannot_work_are_refused(run, tmp_path, overrides, words):
    assert_refused(lambda: exported(run, f"out={tmp_path}", *overrides), *words)
    assert list(tmp_path.iterdir()) == []


def test_an_out_that_is_no_folder_is_refused(run, tmp_path):
    (tmp_path / "file").touch()
    assert_refused(lambda: exported(run, f"out={tmp_path / 'file'}"), "out=", "another folder")


def test_prediction_takes_a_run_or_a_file(made, run, photos, tmp_path):
    model = f"file={made[0] / 'model.onnx'}"

    def predicted(*overrides):
        from lightning_imb.inference import classify

        classify(composed(f"input={photos}", f"output={tmp_path / 'p.csv'}", *overrides, config="predict"))

    both = (model, f"run={run.path}")
    assert_refused(lambda: predicted(*both), "give one of them")
    assert_refused(lambda: predicted(), "run=None and model=None", "give one of them")
    assert_refused(lambda: predicted(model, "phase=retrain"), "phase=retrain", "leave phase out")
    assert_refused(lambda: predicted(model, "checkpoint=last"), "checkpoint=last", "leave checkpoint out")
    assert_refused(lambda: predicted(f"file={run.config_file}"), "config.yaml", ".onnx or .pt2")
    assert not (tmp_path / "p.csv").exists()


def test_mistakes_are_one_sentence_on_the_console(console, tmp_path):
    (tmp_path / "model.pt2").write_text("text")
    end = console.script("predict", "model=model.pt2", "input=.", cwd=tmp_path)
    assert_one_sentence(end, "model.pt2 is damaged")
    assert_one_sentence(console.script("export", "run=nowhere", cwd=tmp_path), "not a run folder")
