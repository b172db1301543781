"""Kept results: what one json per row holds, how seeds come together, what is refused."""

import json

import numpy as np
import pytest

from lightning_imb.phases import Phase
from lightning_imb.reports.collect import collect
from lightning_imb.reports.kept.cell import read_cell, read_cells
from lightning_imb.reports.kept.keep import keep
from lightning_imb.tracking.csv_table import MetricsTable
from lightning_imb.utils.atomic import write_json_atomic
from lightning_imb.utils.errors import InputError

RULES = "paper, best epoch on TEST"


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "kept"


def test_a_row_is_a_file_with_its_runs(make_whole_run, sweep, kept):
    for seed in (1, 0):
        make_whole_run(f"eos/{seed}", method="eos", seed=seed, settings={"resampler": {"k": 10}}.items())
    make_whole_run("erm/0")
    files = keep(collect(sweep), ["method", "resampler.k"], kept)
    assert sorted(path.name for path in files) == ["method=eos,resampler.k=10.json", "method=erm.json"]
    eos, erm = read_cells(kept)
    assert (eos.row, eos.seeds) == ({"method": "eos", "resampler.k": "10"}, (0, 1))
    assert (erm.dataset, erm.train_counts, erm.class_names) == ("digits", (40, 4), ("c0", "c1"))
    run = erm.runs[0]
    assert (run.config_hash, run.fingerprint, run.precision, run.wall_s) == ("hash-erm/0", "data", "32-true", 20.0)
    assert (run.versions["torch"], run.hardware["cpu"], run.phase_1) == ("2.15.0", "AMD EPYC", "trained")


def test_bits_give_the_score_back(make_whole_run, sweep, kept):
    make_whole_run("erm/0", right=(6, 3), test__recall=[0.6, 0.3])
    keep(collect(sweep), ["method"], kept)
    run = read_cells(kept)[0].runs[0]
    assert run.right(0).tolist() == [True] * 6 + [False] * 4
    assert run.support == (10, 10)
    assert (run.scores["test/recall/c0"], run.scores["test/recall/c1"]) == (0.6, 0.3)
    assert np.mean([run.right(k).mean() for k in range(2)]) == pytest.approx(run.scores["test/bacc"])


def test_seeds_that_come_later_join_the_others_and_equal_ones_are_renewed(make_whole_run, sweep, kept, tmp_path):
    make_whole_run("erm/0", right=(6, 4))
    make_whole_run("erm/1", seed=1)
    keep(collect(sweep), ["method"], kept)
    (sweep / "erm" / "0" / "metrics.json").unlink()
    (sweep / "erm" / "1" / "metrics.json").unlink()
    make_whole_run("erm/2", seed=2)
    make_whole_run("erm/again", seed=1, right=(10, 10))
    keep(collect(sweep), ["method"], kept)
    cell = read_cells(kept)[0]
    assert cell.seeds == (0, 1, 2)
    assert cell.of_seed(1).scores["test/bacc"] == 1.0
    assert cell.of_seed(0).scores["test/bacc"] == 0.5


def test_other_settings_do_not_mix_with_what_is_kept(make_whole_run, sweep, kept):
    run = make_whole_run("erm/0")
    keep(collect(sweep), ["method"], kept)
    before = (kept / "method=erm.json").read_text()
    run.metrics_file.unlink()
    make_whole_run("erm/1", seed=1, settings={"epochs": 7}.items())
    with pytest.raises(InputError, match=r"method=erm\.json holds this row with other settings or data"):
        keep(collect(sweep), ["method"], kept)
    assert (kept / "method=erm.json").read_text() == before


def test_nothing_is_written_where_one_row_is_refused(make_whole_run, sweep, kept):
    make_whole_run("a/0", method="a")
    make_whole_run("b/0", method="b")
    make_whole_run("b/1", method="b", seed=1, settings={"epochs": 7}.items())
    with pytest.raises(InputError, match="epochs"):
        keep(collect(sweep), ["method"], kept)
    assert not kept.exists()


def test_the_place_of_the_data_is_no_setting_and_no_folder_of_the_machine_is_kept(make_whole_run, sweep, kept):
    for seed, root in enumerate(("/here/photos", "/there/photos")):
        words = f"imb-train --config-dir /etc/mine dataset.root={root} represent_from=/x seed={seed} hydra.run.dir=/y"
        data = {"dataset": {"name": "digits", "root": root}}.items()
        make_whole_run(f"erm/{seed}", seed=seed, settings=data, command=words)
        keep([record for record in collect(sweep) if record.seed == seed], ["method"], kept)
    text = (kept / "method=erm.json").read_text()
    assert "/here" not in text
    assert "/etc" not in text
    assert read_cells(kept)[0].runs[1].command == "imb-train dataset.root=photos seed=1"


SETTINGS = {"epochs": 3, "retrain": {"enabled": False, "epochs": 3, "start_from": "last"}}


@pytest.mark.parametrize("retrain", [False, True])
def test_of_an_epoch_chosen_on_the_test_set_the_last_one_is_kept_beside_it(make_whole_run, sweep, kept, retrain):
    settings = SETTINGS | {"retrain": SETTINGS["retrain"] | {"enabled": retrain}}
    facts = {"protocol": RULES, "selected_on": "test", "test__macro_f1": 0.5}
    run = make_whole_run("erm/0", settings=settings.items(), **facts)
    table = MetricsTable()
    for epoch, bacc in enumerate((0.2, 0.5, 0.4)):
        table.update(Phase.REPRESENT, epoch, epoch, {"test/bacc": bacc, "test/macro_f1": bacc / 2})
        if retrain:
            table.update(Phase.RETRAIN, epoch, epoch, {"retrain/test/bacc": bacc + 0.3, "retrain/test/macro_f1": bacc})
    table.write(run.metrics_csv)
    keep(collect(sweep), ["method"], kept)
    scores = read_cells(kept)[0].runs[0].scores
    assert scores["test/bacc"] == 0.5
    assert scores["last/test/bacc"] == pytest.approx(0.7 if retrain else 0.4)
    assert scores["choice/test/bacc"] == pytest.approx(0.5 - scores["last/test/bacc"])
    assert scores["last/test/macro_f1"] == pytest.approx(0.4 if retrain else 0.2)


@pytest.mark.parametrize(
    "changes",
    [
        {"selected_on": "val"},
        {"before_posthoc__test__bacc": 0.5},
        {"settings": (SETTINGS | {"epochs": 4}).items()},  # the last epoch was not looked at
        {"settings": (SETTINGS | {"retrain": {"enabled": True, "epochs": 3, "start_from": "auto"}}).items()},
    ],
)
def test_no_last_epoch_where_the_curves_do_not_tell_it(make_whole_run, sweep, kept, changes):
    run = make_whole_run("erm/0", **({"selected_on": "test", "settings": SETTINGS.items()} | changes))
    table = MetricsTable()
    for phase, prefix in ((Phase.REPRESENT, ""), (Phase.RETRAIN, "retrain/")):
        table.update(phase, 2, 2, {f"{prefix}test/bacc": 0.1, f"{prefix}test/macro_f1": 0.1})
    table.write(run.metrics_csv)
    keep(collect(sweep), ["method"], kept)
    assert not [name for name in read_cells(kept)[0].runs[0].scores if name.startswith("last/")]


def test_numbers_of_analyses_are_kept_with_the_run(make_whole_run, sweep, kept):
    run = make_whole_run("erm/0")
    numbers = {"after/gap": 17.0, "after/few/gap": 30.0, "after/matched": None}
    write_json_atomic(run.path / "analysis" / "gap" / "result.json", {"numbers": numbers})
    keep(collect(sweep), ["method"], kept)
    scores = read_cells(kept)[0].runs[0].scores
    assert {name: value for name, value in scores.items() if name.startswith("analysis/")} == {
        "analysis/gap/after/gap": 17.0
    }


def test_wall_time_is_that_of_all_launches_and_phase_1_came_from_where_the_first_found_it(make_whole_run, sweep, kept):
    launches = [{"phase_1": "store", "wall_s": 5.0}, {"phase_1": "resumed"}, {"skipped": True, "wall_s": 0.5}]
    make_whole_run("erm/0", launches=launches)
    keep(collect(sweep), ["method"], kept)
    run = read_cells(kept)[0].runs[0]
    assert (run.wall_s, run.phase_1) == (5.5, "store")


def test_time_and_phase_1_of_a_superseded_run_are_not_kept(make_whole_run, sweep, kept):
    launches = [{"phase_1": "trained", "wall_s": 36000.0}, {"superseded": "0", "phase_1": "store", "wall_s": 60.0}]
    make_whole_run("erm/0", launches=launches)
    keep(collect(sweep), ["method"], kept)
    run = read_cells(kept)[0].runs[0]
    assert (run.wall_s, run.phase_1) == (60.0, "store")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda held: held | {"format": 99}, "has format 99"),
        (lambda held: {k: v for k, v in held.items() if k != "runs"}, "damaged"),
        (lambda held: held | {"more": 1}, "damaged"),
    ],
)
def test_a_damaged_file_is_named(make_whole_run, sweep, kept, damage, words):
    make_whole_run("erm/0")
    path = keep(collect(sweep), ["method"], kept)[0]
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
    with pytest.raises(InputError, match=rf"method=erm\.json.*{words}"):
        read_cell(path)


def test_a_file_that_is_no_json_is_named(tmp_path):
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match=r"x\.json is damaged"):
        read_cells(tmp_path)


def test_a_key_that_no_run_has_is_refused(make_whole_run, sweep, kept):
    make_whole_run("erm/0")
    with pytest.raises(InputError, match="no setting 'wrong'"):
        keep(collect(sweep), ["wrong"], kept)


def test_runs_on_other_data_do_not_join_a_row(make_whole_run, sweep, kept):
    make_whole_run("erm/0")
    keep(collect(sweep), ["method"], kept)
    run = make_whole_run("erm/1", seed=1)
    run.write_data(run.read_data() | {"fingerprint": "other"})
    with pytest.raises(InputError, match="different data"):
        keep(collect(sweep), ["method"], kept)
    assert read_cells(kept)[0].seeds == (0,)


def test_rows_that_would_share_a_file_are_refused(make_whole_run, sweep, kept):
    for name, value in (("a", "x y"), ("b", "x/y")):
        make_whole_run(f"{name}/0", settings={"kind": value}.items())
    with pytest.raises(InputError, match=r"both be kept as kind=x_y\.json"):
        keep(collect(sweep), ["kind"], kept)
    assert not kept.exists()


def test_a_row_without_any_setting_has_a_name(make_whole_run, sweep, kept):
    make_whole_run("erm/0")
    make_whole_run("eos/0", settings={"resampler": {"k": 10}}.items())
    names = [path.name for path in keep(collect(sweep), ["resampler.k"], kept)]
    assert sorted(names) == ["all.json", "resampler.k=10.json"]


def test_predictions_that_do_not_give_the_score_are_refused(make_whole_run, sweep, kept):
    make_whole_run("erm/0", bacc=0.9)
    with pytest.raises(InputError, match=r"do not give test/bacc=0\.9"):
        keep(collect(sweep), ["method"], kept)


def test_a_run_that_lacks_what_is_kept_is_refused(make_run, sweep, kept):
    make_run("erm/0")
    with pytest.raises(InputError, match="lacks config_hash"):
        keep(collect(sweep), ["method"], kept)


def test_a_damaged_analysis_is_named(make_whole_run, sweep, kept):
    run = make_whole_run("erm/0")
    write_json_atomic(run.path / "analysis" / "gap" / "result.json", {"other": 1})
    with pytest.raises(InputError, match=r"gap.result\.json is damaged"):
        keep(collect(sweep), ["method"], kept)


def test_where_phase_1_came_from_may_be_unknown(make_whole_run, sweep, kept):
    make_whole_run("erm/0", launches=({"wall_s": 1.0},))
    keep(collect(sweep), ["method"], kept)
    assert read_cells(kept)[0].runs[0].phase_1 == "unknown"
