"""imb-tune as people call it: whole studies of real runs, killed, interrupted and gone on with."""

import csv
import json
import re
import shlex
import shutil
import signal

import optuna
import pytest
import yaml
from helpers.commands import assert_one_sentence, script
from helpers.conf import composed, groups

SEARCH_FILE = """# A search of the test's own.
name: small
metric: val/bacc
direction: maximize
sampler: tpe
sampler_seed: 0
startup_trials: 2
space:
  resampler.k: {type: int, low: 5, high: 50, log: true}
  retrain.optimizer.lr: {type: float, low: LOW, high: HIGH, log: true}
"""
RUNS = ("epochs=3", "retrain.epochs=3", "retrain.scheduler.warmup_epochs=0", "model.extractor.width=4", "logger=csv")
FIXED = (*RUNS, "threads=1", "accelerator.precision=32-true", "paths.store=store")
SEARCH = ("--config-dir", "conf", "search=small", "seeds=[0,1]", "n_trials=3", "study=study", *FIXED)
QUIET = (("without_figures",),)  # of the runs; the study draws its own


def study_in(folder, low="1e-3", high="1.0"):
    """A folder to call imb-tune in, with a search of learning rates in it."""
    (folder / "conf" / "search").mkdir(parents=True)
    text = SEARCH_FILE.replace("LOW", low).replace("HIGH", high)
    (folder / "conf" / "search" / "small.yaml").write_text(text)
    return folder


def outcome(folder):
    """Everything in trials.csv but the times."""
    rows = list(csv.DictReader((folder / "study" / "trials.csv").open()))
    return [{key: value for key, value in row.items() if key != "wall_s"} for row in rows]


@pytest.fixture
def tune(console):
    """imb-tune with these words in a folder."""
    return lambda folder, *words: console.script("tune", *SEARCH, *words, cwd=folder, accidents=QUIET)


@pytest.fixture(scope="module")
def whole(console, tmp_path_factory):
    """A study that nobody disturbed: its folder, and how the command ended."""
    folder = study_in(tmp_path_factory.mktemp("whole"))
    return folder, console.script("tune", *SEARCH, cwd=folder, accidents=QUIET)


@pytest.mark.slow
def test_a_study_finds_the_best_of_its_trials(whole):
    folder, end = whole
    assert end.code == 0, end.err
    rows = outcome(folder)
    best = yaml.safe_load((folder / "study" / "best.yaml").read_text())
    assert len(rows) == 3
    assert best["val/bacc"] == max(float(row["val/bacc"]) for row in rows)
    for row in rows:
        seeds = [json.loads((folder / row["folder"] / f"seed={s}" / "metrics.json").read_text()) for s in (0, 1)]
        assert [float(row[f"val/bacc seed={s}"]) for s in (0, 1)] == [metrics["val/bacc"] for metrics in seeds]
        assert float(row["val/bacc"]) == pytest.approx(sum(metrics["val/bacc"] for metrics in seeds) / 2)
    assert (folder / "study" / "history.png").is_file()


@pytest.mark.slow
def test_the_screen_has_a_line_per_trial_and_the_test_score_of_the_best_one_at_the_end(whole):
    folder, end = whole
    lines = end.out.splitlines()
    assert [line[:9] for line in lines if line.startswith("trial ")] == ["trial   0", "trial   1", "trial   2"]
    assert len(lines) < 15
    assert end.err == ""
    (at,) = [number for number, line in enumerate(lines) if "test/bacc" in line]
    assert "selected on val/bacc" in lines[at]
    assert at > max(number for number, line in enumerate(lines) if line.startswith("trial "))
    assert "recall per class" in (folder / "study/trials/0/seed=0/train.log").read_text()


@pytest.mark.slow
def test_trials_that_differ_after_phase_1_share_it(whole):
    folder, end = whole
    launches = [json.loads(file.read_text())["launches"] for file in folder.glob("study/trials/*/*/launches.json")]
    sources = [launch[0]["phase_1"] for launch in launches]
    assert sorted(sources) == ["store"] * 4 + ["trained"] * 2
    assert "phase 1: 2 trained, 4 from the store" in end.out


@pytest.mark.slow
def test_the_command_of_the_best_trial_trains_it_again(console, whole):
    folder, _ = whole
    best = yaml.safe_load((folder / "study" / "best.yaml").read_text())
    program, *words = shlex.split(best["command"])
    assert (program, words[0], words[-1]) == ("imb-train", "-m", "seed=0,1")
    alone = (*words[1:-1], "seed=1", "hydra.run.dir=again", "store=off")
    again = console.script("train", *alone, cwd=folder, accidents=QUIET)
    assert again.code == 0, again.err
    assert json.loads((folder / "again" / "metrics.json").read_text())["val/bacc"] == best["seeds"]["1"]


@pytest.mark.slow
def test_the_same_command_has_nothing_left_to_do(tune, whole):
    folder, _ = whole
    before = {path: path.stat().st_mtime_ns for path in folder.glob("study/trials/**/*")}
    end = tune(folder)
    assert (end.code, "3 of 3 trials are finished" in end.out) == (0, True)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("study/trials/**/*")} == before


@pytest.mark.slow
@pytest.mark.parametrize(("noted", "words"), [("code", "other code of lightning_imb"), ("data", "study of other data")])
def test_no_trial_is_added_with_other_code_or_data_but_what_is_there_is_shown(tune, whole, tmp_path, noted, words):
    folder = shutil.copytree(whole[0], tmp_path / "copy")
    study = optuna.load_study(study_name="imb-tune", storage=f"sqlite:///{folder}/study/study.db")
    study.set_user_attr(noted, dict.fromkeys(study.user_attrs[noted], "another"))
    assert "best of 3 trials" in tune(folder).out
    before = outcome(folder)
    assert_one_sentence(tune(folder, "n_trials=4"), words, "study=")
    assert outcome(folder) == before


@pytest.mark.slow
def test_a_study_that_is_killed_twice_and_interrupted_once_ends_as_if_nothing_had_happened(
    console, tune, whole, tmp_path
):
    folder = study_in(tmp_path)

    def ended_by(*accident):
        return console.script("tune", *SEARCH, cwd=folder, accidents=(*QUIET, accident))

    runs = "study/trials/{}/seed={}"
    for number, step, left in ((0, "checkpoints/represent/last.ckpt", 2), (1, "metrics.json", 1)):
        end = ended_by("die_at_file_step", f"replace {runs.format(number, 0)}/{step}", left)
        assert end.code == 128 + signal.SIGKILL, end
    assert (folder / runs.format(0, 0) / "metrics.json").is_file()
    assert (folder / runs.format(1, 0) / "config.yaml").is_file()
    end = ended_by("signal_at", signal.SIGTERM, "retrain", 1, 0)
    assert end.code == 128 + signal.SIGTERM, end
    assert (folder / runs.format(1, 1) / "config.yaml").is_file()
    assert re.search(r"interrupted by SIGTERM.*the same command goes on in study", end.out + end.err)
    end = tune(folder)
    assert end.code == 0, end.err
    assert outcome(folder) == outcome(whole[0])


@pytest.mark.slow
def test_a_failing_run_is_a_failed_trial_with_its_sentence_in_the_log(tune, tmp_path):
    folder = study_in(tmp_path, low="1e+37", high="1e+38")
    assert_one_sentence(tune(folder, "seeds=0", "max_failures=2"), "2 trials in a row failed", "NaN")
    rows = outcome(folder)
    assert [row["state"] for row in rows] == ["fail", "fail"]
    assert all("NaN" in row["error"] for row in rows)
    assert "[ERROR] the loss or the weights became NaN" in (folder / "study/trials/0/seed=0/train.log").read_text()


@pytest.mark.slow
def test_two_commands_do_not_work_on_one_study(tune, tmp_path):
    from lightning_imb.utils.lock import locked

    folder = study_in(tmp_path)
    with locked(folder / "study" / "lock", lambda: None):
        end = tune(folder)
    assert_one_sentence(end, "another imb-tune", "study")
    assert [path.name for path in (folder / "study").iterdir()] == ["lock"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-m"], ["leave -m out"]),
        (["sweep=demo"], ["leave sweep=demo out"]),
        (["search=eos"], ["eos_head"]),
        (["n_trial=3"], ["did you mean 'n_trials'"]),
        (["dataset=image_folder"], ["dataset.root has no value"]),
        (["protocol=paper"], ["validation images"]),
    ],
)
def test_a_mistake_is_one_sentence_and_leaves_nothing(console, tmp_path, arguments, words):
    assert_one_sentence(console.script("tune", *arguments, cwd=tmp_path), *words)
    assert list(tmp_path.iterdir()) == []


def test_help_is_quick_and_lists_own_keys_and_all_groups(tmp_path):
    end = script("tune", "--help", cwd=tmp_path, env={"PYTHONPROFILEIMPORTTIME": "1"})
    assert end.code == 0
    assert end.out.startswith("imb-tune: ")
    own = set(composed(config="tune")) - set(composed()) - set(groups())
    listed = set(re.findall(r"^  (\w+)(?:=\S+)?  +\S", end.out.partition("Groups")[0], re.MULTILINE))
    assert own <= listed
    for group in groups():
        assert f"\n{group}: {', '.join(sorted(groups()[group]))}\n" in end.out
    imported = set(re.findall(r"\|\s+(\S+)$", end.err, re.MULTILINE))
    assert {"torch", "optuna", "numpy", "matplotlib"}.isdisjoint(imported)
    assert list(tmp_path.iterdir()) == []
