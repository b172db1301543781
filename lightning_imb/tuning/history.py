"""The scores of a study, trial by trial, as a figure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState

from lightning_imb.reports.style import BLUE, GREY, ORANGE, new_figure, tidy
from lightning_imb.utils.atomic import atomic_file

HISTORY = "history.png"


def save_history(study: Study, metric: str, folder: Path) -> None:
    """Write ``history.png`` into the study folder."""
    trials = study.get_trials(deepcopy=False)
    figure = history_figure(trials, metric, study.direction is StudyDirection.MAXIMIZE)
    with atomic_file(folder / HISTORY) as file:
        figure.savefig(file, format="png")


def history_figure(trials: Sequence[FrozenTrial], metric: str, maximize: bool) -> Figure:
    """Draw the score of every trial and the best one so far.

    Args:
        trials: In the order of their numbers. Failed ones are marked at the lower edge.
        metric: Name of the score.
        maximize: Whether a larger score is better.
    """
    done = [trial for trial in trials if trial.state is TrialState.COMPLETE]
    failed = [trial.number for trial in trials if trial.state is TrialState.FAIL]
    figure = new_figure(8, 4.2)
    axes = figure.subplots()
    if done:
        _draw_scores(axes, done, maximize)
    if failed:
        edge = axes.get_xaxis_transform()  # y in shares of the height
        axes.plot(failed, [0.02] * len(failed), "x", color=GREY, transform=edge, label=f"failed ({len(failed)})")
    axes.set_xlabel("trial")
    axes.set_ylabel(metric)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(f"Search by {metric}: {len(done)} finished trials", fontsize=12, fontweight="bold", loc="left")
    if trials:
        figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)  # nothing is hidden by it
    tidy(axes)
    return figure


def _draw_scores(axes: Axes, done: Sequence[FrozenTrial], maximize: bool) -> None:
    numbers, scores = [trial.number for trial in done], [trial.values[0] for trial in done]
    deviations = [trial.user_attrs.get("std") for trial in done]
    if any(std is not None for std in deviations):
        axes.errorbar(
            numbers,
            scores,
            [std or 0.0 for std in deviations],
            fmt="none",
            ecolor=BLUE,
            alpha=0.35,
            label="std over seeds",
        )
    so_far = np.maximum.accumulate(scores) if maximize else np.minimum.accumulate(scores)
    best = scores.index(max(scores) if maximize else min(scores))
    axes.step(numbers, so_far, where="post", color=ORANGE, linewidth=1.5, label="best so far")
    axes.plot(numbers, scores, "o", color=BLUE, markersize=5, label="trial, mean over seeds")
    axes.plot(
        numbers[best],
        scores[best],
        "o",
        color=ORANGE,
        markersize=9,
        label=f"best: {scores[best]:.4f}, trial {numbers[best]}",
    )
