"""The search: trial after trial until enough are finished."""

import statistics
from pathlib import Path

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from lightning_imb.tuning.origin import check_data
from lightning_imb.tuning.question import Question
from lightning_imb.tuning.results import trial_line, write_results
from lightning_imb.tuning.space import suggest
from lightning_imb.tuning.study import complete, next_trial
from lightning_imb.tuning.trial import measure, spread
from lightning_imb.utils.errors import InputError, one_line
from lightning_imb.utils.hints import explain_in_task


def search(study: Study, question: Question, folder: Path, n_trials: int, max_failures: int) -> None:
    """Carry out trials until ``n_trials`` have a score, those of earlier launches included.

    Args:
        study: The study.
        question: What it asks.
        folder: Its folder.
        n_trials: Finished trials in total.
        max_failures: Failed trials in a row that end the search.

    Raises:
        InputError: If so many have failed, the data have changed, or the machine lets no trial go on.
    """
    in_a_row = 0
    while len(complete(study)) < n_trials:
        check_data(study, question, folder)  # each time: a search takes days, in which somebody may add images
        ended = _carry_out(next_trial(study, question), question, folder)
        write_results(study, question, folder)
        print(trial_line(study, ended, question, folder), flush=True)
        in_a_row = in_a_row + 1 if ended.state is TrialState.FAIL else 0
        if in_a_row >= max_failures:
            raise InputError(
                f"{in_a_row} trials in a row failed, the last one because {ended.user_attrs['error']}: correct the "
                f"settings or the space, or raise max_failures; the logs are in {folder / 'trials'}"
            )


def _carry_out(trial: Trial, question: Question, folder: Path) -> FrozenTrial:
    """Train and judge a trial, and record it.

    A signal, a full disk, or a folder that another process holds says nothing of its values: they end the command and
    leave the trial running, to be gone on with.
    """
    values = suggest(trial, question.space)
    try:
        scores = _known(trial) or measure(question, values, folder, trial.number)
    except Exception as error:
        sentence = explain_in_task(error) or f"{type(error).__name__}: {one_line(error)}"
        if _of_the_machine(error):
            raise InputError(f"{sentence} (trial {trial.number} is gone on with by the same command)") from error
        trial.set_user_attr("error", sentence)
        return trial.study.tell(trial, state=TrialState.FAIL)
    trial.set_user_attr("seeds", scores)
    trial.set_user_attr("std", spread(scores))
    return trial.study.tell(trial, statistics.fmean(scores))


def _of_the_machine(error: BaseException | None) -> bool:
    """Whether files or locks are the cause: what is written of them for people keeps the system's error behind it."""
    return error is not None and (isinstance(error, OSError) or _of_the_machine(error.__cause__))


def _known(trial: Trial) -> list[float] | None:
    """The scores of an earlier trial with the same values, which would come out again: runs are functions of them."""
    twins = [one for one in complete(trial.study) if one.params == trial.params]
    if not twins:
        return None
    trial.set_user_attr("same_as", twins[0].user_attrs.get("same_as", twins[0].number))
    scores: list[float] = twins[0].user_attrs["seeds"]
    return scores
