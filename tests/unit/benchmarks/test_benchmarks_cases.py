"""Every case runs at a toy size, in this process; what is measured is not looked at."""

import contextlib
import io
import json
import sys

import pytest

from benchmarks.cases import case_names, comparison, load_case, startup
from benchmarks.compare import WORK

IN_PROCESSES = ("comparison", "startup")  # these start commands; tested on their own below


class OverError(Exception):
    """No more turns."""


class Turns:
    """Turns in the test's own process: as many as wanted, then an end."""

    def __init__(self, number=1):
        self.left = number
        self.facts = []

    def begin(self):
        if self.left == 0:
            raise OverError
        self.left -= 1

    def end(self, units=1.0, **facts):
        assert units > 0
        self.facts.append(facts)


def played(side, settings, number=1):
    """The facts of a side's turns."""
    turns = Turns(number)
    with contextlib.suppress(OverError):
        side.work(turns, settings, **side.arguments)
    assert len(turns.facts) == number
    return turns.facts


def test_every_file_of_cases_is_a_case_that_says_what_it_is():
    assert set(IN_PROCESSES) <= set(case_names())
    for name in case_names():
        assert load_case(name).summary


@pytest.mark.parametrize("name", sorted(set(case_names()) - set(IN_PROCESSES)))
def test_both_sides_of_a_case_do_the_same_work(name, settings):
    for pair in load_case(name).pairs(settings)[:1]:
        facts = [played(side, settings)[0] for side in (pair.baseline, pair.ours)]
        told = {fact[WORK] for fact in facts if WORK in fact}
        assert len(told) <= 1


def test_the_epochs_of_a_fit_are_one_turn_each(settings):
    side = load_case("train_epoch_best").pairs(settings)[0].ours
    assert len(played(side, settings, number=settings.rounds)) == settings.rounds


@pytest.fixture
def in_this_process(monkeypatch):
    """Commands of the comparison run as calls."""
    from benchmarks import peer_script
    from lightning_imb.train import main as imb_train

    def command(settings, arguments):
        module, *words = arguments[1:]
        monkeypatch.setattr(sys, "argv", [module, *words])
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            try:
                (imb_train if module == "lightning_imb.train" else peer_script.main)()
            except SystemExit as end:
                if end.code:
                    raise
        return printed.getvalue()

    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setattr(comparison, "_command", command)
    monkeypatch.setattr(comparison, "METHODS", ("retrain", "eos"))


@pytest.mark.usefixtures("in_this_process")
def test_a_comparison_shares_phase_1_and_its_peers_do_not(settings):
    (pair,) = comparison.pairs(settings)
    (peers,) = played(pair.baseline, settings)
    (ours,) = played(pair.ours, settings)
    assert peers["phase_1_epochs"] == 2 * ours["phase_1_epochs"]
    assert set(peers["stages"]["eos"]) >= {"phase 1, training", "phase 2, over-sampling", "phase 3"}
    runs = [settings.scratch / "comparison1" / method for method in ("retrain", "eos")]
    first, second = ((run / "checkpoints" / "represent" / "last.ckpt").read_bytes() for run in runs)
    assert first == second


def test_the_extrapolation_adds_the_epochs_that_were_not_run():
    from benchmarks.compare import Result
    from benchmarks.timing import Sample

    epochs = comparison.EPOCHS
    baseline = Sample(100.0, 0.0, 1.0, {"phase_1_epochs": 5 * epochs, "epoch_s": 36.0})
    ours = Sample(50.0, 0.0, 1.0, {"phase_1_epochs": epochs, "epoch_s": 18.0})
    (line,) = comparison.extrapolate([Result("comparison", None, [baseline], [ours])])
    more = comparison.PUBLISHED_EPOCHS - epochs
    expected = (100 + 5 * more * 36) / (50 + more * 18)
    assert "computed, not measured" in line
    assert f"{expected:.1f} x" in line


def test_start_up_runs_a_command_to_its_end_and_counts_nothing_of_its_own(settings):
    assert played(startup.Side("any", startup.command, {"arguments": ["-c", "pass"]}), settings, number=2) == [{}, {}]


def test_the_first_step_of_a_run_ends_the_process(settings, monkeypatch, tmp_path):
    from lightning_imb.train import main as imb_train

    class Ended(BaseException):
        pass

    def end(code):
        assert code == 0
        raise Ended

    monkeypatch.setattr("benchmarks.stamps.os._exit", end)
    monkeypatch.setattr(sys, "argv", ["imb-train", *startup.FIRST_STEP[2:], f"hydra.run.dir={tmp_path / 'run'}"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Ended):
        imb_train()
    assert json.loads((tmp_path / "run" / "data.json").read_text())["dataset"] == "digits"
