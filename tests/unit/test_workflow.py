"""A folder of a sweep that held another run."""

import pytest
from helpers.runs import config, trained

from lightning_imb import workflow
from lightning_imb.launches import launch, launches_of
from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder
from lightning_imb.utils.errors import InputError
from lightning_imb.workflow import train

SHORT = ("retrain.epochs=1", "threads=1", "logger=csv", "batch_size=64")


@pytest.fixture
def sweeping(monkeypatch):
    monkeypatch.setattr(workflow, "in_sweep", lambda: True)


def launched(folder, *overrides):
    with launch(folder):
        train(config(folder, *SHORT, *overrides))
    return RunFolder(folder)


@pytest.mark.usefixtures("sweeping")
@pytest.mark.parametrize("finished", [True, False])
def test_a_changed_cell_is_trained_anew_and_the_earlier_run_is_kept(tmp_path, finished):
    first = launched(tmp_path / "cell", "epochs=1")
    before = first.checkpoint(Phase.REPRESENT, "last").read_bytes()
    if not finished:
        first.metrics_file.unlink()
    second = launched(tmp_path / "cell", "epochs=2")
    alone = trained(tmp_path / "alone", *SHORT, "epochs=2")
    assert second.metrics_file.read_bytes() == alone.metrics_file.read_bytes()
    assert second.metrics_csv.read_bytes() == alone.metrics_csv.read_bytes()
    (kept,) = second.superseded()
    assert kept.finished == finished
    assert kept.checkpoint(Phase.REPRESENT, "last").read_bytes() == before
    assert [one["phase_1"] for one in launches_of(second.path)] == ["trained", "trained"]
    assert launches_of(second.path)[1]["superseded"] == "0"


@pytest.mark.usefixtures("sweeping")
def test_what_auto_meant_for_the_earlier_run_says_nothing_about_the_new_one(tmp_path):
    auto = trained(tmp_path / "alone", *SHORT, "epochs=2", "retrain=none").read_config().accelerator.precision
    other = ({"32-true", "bf16-mixed"} - {auto}).pop()
    launched(tmp_path / "cell", "epochs=1", f"accelerator.precision={other}", "retrain=none")
    run = launched(tmp_path / "cell", "epochs=2", "retrain=none")
    assert run.read_config().accelerator.precision == auto


@pytest.mark.usefixtures("sweeping")
def test_an_unchanged_cell_is_skipped(tmp_path):
    run = launched(tmp_path / "cell", "epochs=1")
    scores = run.metrics_file.stat().st_mtime_ns
    launched(tmp_path / "cell", "epochs=1")
    assert run.metrics_file.stat().st_mtime_ns == scores
    assert launches_of(run.path)[1]["skipped"] is True


def test_the_folder_of_a_single_run_is_never_cleared(tmp_path):
    run = launched(tmp_path / "run", "epochs=1")
    with pytest.raises(InputError, match=r"holds a run with other settings \(epochs.*choose another hydra\.run\.dir"):
        launched(run.path, "epochs=2")
    assert run.finished
    assert not run.superseded()
