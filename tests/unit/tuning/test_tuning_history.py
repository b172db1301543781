"""The figure shows every score, the best so far, and what failed."""

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from lightning_imb.tuning.history import HISTORY, history_figure, save_history


def trials(*scores, stds=()):
    """One trial per score; None failed."""
    study = optuna.create_study(direction="maximize")
    for number, score in enumerate(scores):
        state = TrialState.FAIL if score is None else TrialState.COMPLETE
        noted = {"std": stds[number] if stds else None}
        study.add_trial(create_trial(state=state, value=score, user_attrs=noted))
    return study


def drawn(figure, label):
    (axes,) = figure.axes
    (line,) = [one for one in axes.lines if str(one.get_label()).startswith(label)]
    return [list(map(float, data)) for data in line.get_data()]


@pytest.mark.parametrize(
    ("maximize", "so_far", "best"), [(True, [0.3, 0.3, 0.5], [4.0, 0.5]), (False, [0.3, 0.2, 0.2], [2.0, 0.2])]
)
def test_scores_and_the_best_so_far(maximize, so_far, best):
    figure = history_figure(trials(0.3, None, 0.2, None, 0.5).get_trials(), "val/bacc", maximize)
    assert drawn(figure, "trial") == [[0, 2, 4], [0.3, 0.2, 0.5]]
    assert drawn(figure, "best so far") == [[0, 2, 4], so_far]
    assert drawn(figure, "best:") == [[best[0]], [best[1]]]
    assert drawn(figure, "failed (2)")[0] == [1, 3]
    assert figure.axes[0].get_ylabel() == "val/bacc"


def test_seeds_have_a_spread_and_one_seed_has_none():
    (axes,) = history_figure(trials(0.3, 0.4, stds=(0.1, 0.2)).get_trials(), "val/bacc", True).axes
    (bars,) = axes.collections
    assert [segment[:, 1].tolist() for segment in bars.get_segments()] == [
        pytest.approx([0.2, 0.4]),
        pytest.approx([0.2, 0.6]),
    ]
    assert not history_figure(trials(0.3, 0.4).get_trials(), "val/bacc", True).axes[0].collections


def test_the_file_is_a_picture(tmp_path):
    save_history(trials(0.3, None, 0.2), "val/bacc", tmp_path)
    assert (tmp_path / HISTORY).read_bytes().startswith(b"\x89PNG")
