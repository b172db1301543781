import pytest
import torch
from helpers.runs import config, trained

from lightning_imb.phases import Phase
from lightning_imb.reuse import phase_1_to_take_over
from lightning_imb.runs import RunFolder
from lightning_imb.tracking.csv_table import MetricsTable
from lightning_imb.utils.errors import InputError
from lightning_imb.workflow import train

SHORT = ("epochs=2", "retrain.epochs=2", "threads=1", "logger=csv")


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("runs") / "first", *SHORT, "method=eos")


def second(folder, first, *changes):
    return config(folder, *SHORT, f"represent_from={first.path}", *changes)


def test_only_phases_2_and_3_are_trained_and_the_scores_are_those_of_a_whole_run(tmp_path, first):
    whole = trained(tmp_path / "whole", *SHORT, "method=smote")
    train(second(tmp_path / "short", first, "method=smote"))
    short = RunFolder(tmp_path / "short")
    scores = [{k: v for k, v in run.read_metrics().items() if "test/" in k} for run in (whole, short)]
    assert scores[0] == scores[1]
    for phase in Phase:
        tables = [MetricsTable.read(run.metrics_csv).rows(phase) for run in (whole, short)]
        assert [row.keys() for row in tables[0]] == [row.keys() for row in tables[1]]
    weights = [
        torch.load(r.checkpoint(Phase.REPRESENT, "last"), weights_only=True)["state_dict"] for r in (first, short)
    ]
    assert all(torch.equal(value, weights[1][key]) for key, value in weights[0].items())


def test_the_choice_of_the_epoch_does_not_change_phase_1(tmp_path, first):
    changes = ("method=smote", "protocol.select=last")
    whole = trained(tmp_path / "whole", *SHORT, *changes)
    train(second(tmp_path / "short", first, *changes))
    short = RunFolder(tmp_path / "short").read_metrics()
    assert short["selected_on"] == "nothing"
    assert short["represent/test/bacc"] == whole.read_metrics()["represent/test/bacc"]


@pytest.mark.parametrize("change", ["seed=1", "imbalance.ratio=10", "loss=focal", "epochs=3", "optimizer.lr=0.2"])
def test_another_phase_1_is_refused(tmp_path, first, change):
    key = change.partition("=")[0]
    with pytest.raises(InputError, match=f"represent_from=.* trained phase 1 with other settings .*{key}"):
        train(second(tmp_path / "run", first, change))
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_other_data_are_refused(tmp_path, first):
    cfg = second(tmp_path, first, f"accelerator.precision={first.read_config().accelerator.precision}")
    with pytest.raises(InputError, match="trained on other data"):
        phase_1_to_take_over(cfg, RunFolder.create(tmp_path), fingerprint="another")


def test_a_run_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="is not a run folder"):
        train(config(tmp_path / "run", *SHORT, f"represent_from={tmp_path / 'nowhere'}"))


def test_a_phase_1_of_its_own_stays(tmp_path, first):
    run = RunFolder.create(tmp_path)
    own = run.checkpoint(Phase.REPRESENT, "last")
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    assert phase_1_to_take_over(second(tmp_path, first, "seed=1"), run, fingerprint="any") is None
    assert own.read_text() == "mine"


def test_diagnostics_that_phase_1_did_not_make_are_missed_aloud(tmp_path, first, caplog):
    own = f"accelerator.precision={first.read_config().accelerator.precision}"
    run, fingerprint = RunFolder.create(tmp_path), first.read_data()["fingerprint"]
    for every, said in ((0, False), (1, True)):
        cfg = second(tmp_path, first, own, f"callbacks.diagnostics_every={every}")
        assert phase_1_to_take_over(cfg, run, fingerprint).path == first.path
        assert ("without diagnostics" in caplog.text) == said
