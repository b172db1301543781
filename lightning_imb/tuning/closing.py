"""The end of a study: the best trial, what it scores on the test set, and the command that trains it again."""

import statistics
import warnings
from collections import Counter
from pathlib import Path

import optuna
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from lightning_imb.tuning.history import HISTORY, save_history
from lightning_imb.tuning.question import Question
from lightning_imb.tuning.results import BEST, TRIALS, best_trial, mean_std, place_of, settings, write_results
from lightning_imb.tuning.study import complete, in_state
from lightning_imb.tuning.trial import launches, run_of, spread

_HOW = {"store": "from the store", "run": "from represent_from"}
_ENOUGH = 10  # trials, below which a ranking of the settings would be noise


def close(study: Study, question: Question, folder: Path) -> None:
    """Write the files of the study, draw its history and print the result.

    Args:
        study: A study with at least one finished trial.
        question: What it asked.
        folder: Its folder.
    """
    write_results(study, question, folder)  # once more: the last launch may have been killed before it did
    save_history(study, question.metric, folder)
    best = best_trial(study)
    assert best is not None, "the search goes on until there are finished trials"
    finished, failed = len(complete(study)), len(in_state(study, TrialState.FAIL))
    print(f"\nbest of {finished} trials ({failed} failed): trial {best.number}, {question.metric} {mean_std(best)}")
    print(f"  {settings(best.params)}")
    print(f"  {_test_score(best, question, folder)}")
    for line in (_importances(study, question), _shared(study, question, folder)):
        if line:
            print(line)
    print(f"train it again:\n  {question.command(best.params)}")
    print(f"files in {folder}: {BEST}, {TRIALS}, {HISTORY}; runs of the best trial in {place_of(best, folder)}")


def _test_score(best: FrozenTrial, question: Question, folder: Path) -> str:
    """Of the chosen trial alone: test scores of the others would tempt to choose by them."""
    name = question.metric.replace("val/", "test/", 1)
    number = best.user_attrs.get("same_as", best.number)
    found = [run_of(folder, number, seed).read_metrics().get(name) for seed in question.seeds]
    scores = [float(score) for score in found if score is not None]
    if not scores:
        return f"{name} is not defined for these data"
    std = spread(scores)
    text = f"{statistics.fmean(scores):.4f}" + ("" if std is None else f" ± {std:.4f}")
    return f"on the test set, read now for this trial alone (selected on {question.metric}): {name} {text}"


def _importances(study: Study, question: Question) -> str:
    """Watanabe et al. 2023, arXiv 2304.10255; shares that sum to 1."""
    trials = complete(study)
    if len(trials) < _ENOUGH or len(question.space) < 2 or len({trial.values[0] for trial in trials}) < 2:
        return ""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ties, after which it gives equal shares
        shares = optuna.importance.get_param_importances(study)
    listed = ", ".join(f"{key} {share:.2f}" for key, share in shares.items())
    return f"what good trials have in common (PED-ANOVA importance): {listed}"


def _shared(study: Study, question: Question, folder: Path) -> str:
    every = [one for trial in study.get_trials(deepcopy=False) for one in launches(question, folder, trial.number)]
    sources = Counter(str(one["phase_1"]) for one in every if "phase_1" in one)
    listed = ", ".join(f"{n} {_HOW.get(source, source)}" for source, n in sources.items())
    return f"phase 1: {listed}" if listed else ""
