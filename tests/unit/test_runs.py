"""The run folder: paths, atomic files, what counts as finished."""

import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from lightning_imb.phases import Phase
from lightning_imb.runs import RunFolder
from lightning_imb.utils.atomic import atomic_file, write_json_atomic
from lightning_imb.utils.errors import InputError


def test_paths_are_those_of_the_contract(tmp_path):
    run = RunFolder(tmp_path)
    found = {
        str(path.relative_to(tmp_path))
        for path in (
            run.config_file,
            run.data_file,
            run.metrics_file,
            run.metrics_csv,
            run.log_file,
            run.figures,
            run.predictions_file("test"),
            run.predictions_file("represent_test"),
            *(run.checkpoint(phase, kind) for phase in Phase for kind in ("best", "last")),
        )
    }
    assert found == {
        "config.yaml",
        "data.json",
        "metrics.json",
        "csv/metrics.csv",
        "train.log",
        "figures",
        "predictions/test.npz",
        "predictions/represent_test.npz",
        "checkpoints/represent/best.ckpt",
        "checkpoints/represent/last.ckpt",
        "checkpoints/retrain/best.ckpt",
        "checkpoints/retrain/last.ckpt",
    }


def test_create_makes_an_empty_folder_and_keeps_a_present_one(tmp_path):
    run = RunFolder.create(tmp_path / "a" / "b")
    assert list(run.path.iterdir()) == []
    run.log_file.write_text("kept")
    assert RunFolder.create(run.path).log_file.read_text() == "kept"


def test_create_refuses_what_cannot_be_written_to(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/run cannot be written to .* hydra\.run\.dir="):
        RunFolder.create(tmp_path / "file" / "run")


def test_processes_of_one_run_may_create_its_folder_at_the_same_time(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        for number in range(50):
            for found in [pool.submit(RunFolder.create, tmp_path / str(number)) for _ in range(8)]:
                assert found.result().path.is_dir()


def test_open_finished_tells_no_run_from_an_unfinished_one(tmp_path):
    with pytest.raises(InputError, match="is not a run folder"):
        RunFolder.open_finished(tmp_path)
    run = RunFolder.create(tmp_path)
    run.write_config(OmegaConf.create({"seed": 0}))
    with pytest.raises(InputError, match=r"has not finished .* again to resume"):
        RunFolder.open_finished(tmp_path)
    assert not run.finished
    run.write_metrics({"test/bacc": 0.5})
    assert RunFolder.open_finished(tmp_path).read_metrics() == {"test/bacc": 0.5}


def test_config_is_written_resolved(tmp_path):
    run = RunFolder.create(tmp_path)
    cfg = OmegaConf.create({"a": {"b": 3, "c": [1, 2]}, "copy": "${a.b}", "name": "x-${copy}"})
    run.write_config(cfg)
    assert "${" not in run.config_file.read_text()
    assert OmegaConf.to_container(run.read_config()) == {"a": {"b": 3, "c": [1, 2]}, "copy": 3, "name": "x-3"}
    assert run.read_settings() == {"a.b": 3, "a.c": "[1, 2]", "copy": 3, "name": "x-3"}


def test_predictions_come_back_in_the_types_of_the_contract(tmp_path):
    run = RunFolder.create(tmp_path)
    logits = np.arange(6, dtype=np.float64).reshape(3, 2)
    run.write_predictions("test", logits, np.array([0, 1, 1], dtype=np.int32))
    back = run.read_predictions("test")
    assert (back.logits.dtype, back.targets.dtype) == (np.float32, np.int64)
    np.testing.assert_array_equal(back.logits, logits)
    np.testing.assert_array_equal(back.targets, [0, 1, 1])


def test_predictions_must_belong_together(tmp_path):
    run = RunFolder.create(tmp_path)
    with pytest.raises(ValueError, match=r"\(3, 2\) and \(2,\)"):
        run.write_predictions("test", np.zeros((3, 2)), np.zeros(2))
    assert not run.predictions_file("test").exists()


@pytest.mark.parametrize("name", ["read_config", "read_data", "read_metrics"])
def test_missing_files_are_named(tmp_path, name):
    with pytest.raises(InputError, match=r"config\.yaml|data\.json|metrics\.json"):
        getattr(RunFolder(tmp_path), name)()


def test_damaged_files_are_named(tmp_path):
    run = RunFolder.create(tmp_path)
    run.metrics_file.write_text('{"test/bacc": 0.')
    run.data_file.write_text("[1]")
    run.predictions.mkdir()
    run.predictions_file("test").write_bytes(b"PK\x03\x04 half a zip file")
    for read in (run.read_metrics, run.read_data, lambda: run.read_predictions("test")):
        with pytest.raises(InputError, match="is damaged"):
            read()
    with pytest.raises(InputError, match=r"represent_test\.npz"):
        run.read_predictions("represent_test")
    run.config_file.write_text("a: [1")
    with pytest.raises(InputError, match="is damaged"):
        run.read_config()


def test_json_holds_arrays_paths_and_no_nan(tmp_path):
    path = tmp_path / "deep" / "x.json"
    value = {
        "a": np.float32(0.5),
        "b": np.array([1.0, np.nan]),
        "c": (1, float("inf")),
        2: tmp_path,
        "d": "é",
    }
    write_json_atomic(path, value)
    assert json.loads(path.read_text(encoding="utf-8")) == {
        "a": 0.5,
        "b": [1.0, None],
        "c": [1, None],
        "2": str(tmp_path),
        "d": "é",
    }


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "x.json"
    write_json_atomic(path, {"old": 1})
    with pytest.raises(RuntimeError, match="power cut"), atomic_file(path) as file:  # noqa: PT012
        file.write(b'{"new"')
        raise RuntimeError("power cut")
    with pytest.raises(TypeError):
        write_json_atomic(path, {"new": object()})
    assert json.loads(path.read_text()) == {"old": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_atomic_files_are_as_readable_as_other_files(tmp_path):
    (tmp_path / "plain").write_text("")
    write_json_atomic(tmp_path / "atomic", {})
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "atomic")]
    assert modes[0] == modes[1]


def test_runs_and_reports_load_no_torch():
    code = (
        "import sys, lightning_imb.runs, lightning_imb.reports.figures, lightning_imb.reports.tables, "
        "lightning_imb.reports.header; print('torch' in sys.modules, 'matplotlib.pyplot' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["False", "False"]


def test_a_superseded_run_is_kept_and_leaves_the_folder_free(tmp_path):
    run = RunFolder.create(tmp_path)
    for number in range(2):
        run.write_metrics({"number": number})
        (tmp_path / "csv").mkdir()
        (tmp_path / "train.log").write_text("log")
        (tmp_path / ".launches.lock").touch()
        place = run.supersede()
        assert place == tmp_path / ".superseded" / str(number)
        assert RunFolder(place).read_metrics() == {"number": number}
        assert sorted(p.name for p in tmp_path.iterdir()) == [".launches.lock", ".superseded", "train.log"]


def test_a_crash_while_a_run_is_superseded_leaves_no_done_marker(tmp_path, monkeypatch):
    run = RunFolder.create(tmp_path)
    run.write_metrics({})
    run.write_data({})
    moved = []

    def first_only(self, target):
        if moved:
            raise KeyboardInterrupt
        moved.append(self.name)
        os.rename(self, target)

    monkeypatch.setattr(Path, "rename", first_only)
    with pytest.raises(KeyboardInterrupt):
        run.supersede()
    assert moved == ["metrics.json"]
    assert not run.finished


def test_a_launch_clears_away_what_a_killed_one_left_half_written(tmp_path):
    run = RunFolder.create(tmp_path)
    written = [run.config_file, run.data_file, run.metrics_file, run.metrics_csv, run.figures / "recall.png"]
    written += [run.checkpoint(Phase.RETRAIN, "last"), run.predictions_file("test")]
    drafts = [path.with_name(f".{path.name}.{'0a' * 16}") for path in written]
    kept = [tmp_path / ".hydra", tmp_path / ".metrics.json.txt", *written]
    for path in (*drafts, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half or whole")
    with run.claimed():
        assert not [path for path in drafts if path.exists()]
        assert all(path.exists() for path in kept)


@pytest.mark.parametrize(
    "place",
    [
        "eval/test.json",
        "export/model.onnx",
        "analysis/gap/curve.png",
        "report.html",
        "launches.json",
        "seed=1/config.yaml",
    ],
)
def test_a_launch_leaves_what_others_are_writing_alone(tmp_path, place):
    run = RunFolder.create(tmp_path)
    with atomic_file(tmp_path / place) as file, run.claimed():
        file.write(b"whole")
    assert (tmp_path / place).read_bytes() == b"whole"


CLAIM = """
import sys, time
from lightning_imb.runs import RunFolder
with RunFolder(sys.argv[1]).claimed():
    print("claimed", flush=True)
    time.sleep(600)
"""


def test_a_run_that_another_process_is_training_is_refused(tmp_path):
    other = subprocess.Popen([sys.executable, "-c", CLAIM, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert other.stdout.readline()
        with pytest.raises(InputError, match="another process is training the run in"), RunFolder(tmp_path).claimed():
            pass
    finally:
        other.kill()
        other.wait()
    with RunFolder(tmp_path).claimed():
        pass
