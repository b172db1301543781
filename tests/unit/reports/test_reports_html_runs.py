"""The list of runs: commands, configs, launches, and those that are not done."""

from omegaconf import OmegaConf

from lightning_imb.reports.collect import collect
from lightning_imb.reports.html import reproduce
from lightning_imb.reports.html.facts import facts
from lightning_imb.reports.html.reproduce import run_list
from lightning_imb.reports.html.rows import row_runs
from lightning_imb.reports.html.unfinished import unfinished_section
from lightning_imb.utils.atomic import write_json_atomic


def launched(run, *launches):
    """Record launches, each a dict of what differs from a finished one."""
    usual = {"started": "2030-01-02T03:04:05+00:00", "host": "here", "pid": 1, "state": "done", "error": None}
    write_json_atomic(run.path / "launches.json", {"launches": [usual | launch for launch in launches]})


def listed(tmp_path, *metrics):
    folder = tmp_path / "sweep"
    return run_list(row_runs(collect(folder), ["method"]), folder, metrics)


def test_each_run_has_its_config_its_scores_and_its_launches(make_run, tmp_path):
    run = make_run("erm/0", bacc=0.25)
    launched(run, {"state": "running", "phase_1": "trained"}, {"wall_s": 1234.5, "phase_1": "resumed"})
    ((label, (entry,)),) = listed(tmp_path, "test/bacc").rows
    assert (label, entry.title) == ("erm", "seed 0")
    assert dict(entry.facts) == {
        "folder": "erm/0",
        "launched": "2030-01-02T03:04:05+00:00 on here",
        "wall time": "1,234.5 s",
        "launches": "2",
        "phase 1": "trained",
        "test/bacc": "0.2500",
    }
    assert OmegaConf.create(entry.config) == run.read_config()


def test_launches_of_a_superseded_run_are_told_nowhere(make_run, tmp_path):
    done, failed = make_run("done"), make_run("failed")
    failed.metrics_file.unlink()
    earlier = {"started": "2029-12-31T00:00:00+00:00", "phase_1": "trained", "wall_s": 36000.0}
    for run in (done, failed):
        launched(run, earlier, earlier, {"superseded": "0", "phase_1": "store", "wall_s": 60.0})
    ((_, (entry,)),) = listed(tmp_path).rows
    assert entry.facts[1:] == (
        ("launched", "2030-01-02T03:04:05+00:00 on here"),
        ("wall time", "60.0 s"),
        ("phase 1", "store"),
    )
    assert dict(facts(collect(tmp_path / "sweep"), rows=1))["trained"] == "2030-01-02"
    (table,) = unfinished_section(tmp_path / "sweep").tables
    assert table.rows[0][2].text == "1"


def test_runs_of_a_row_are_ordered_by_seed(make_run, tmp_path):
    for seed in (10, 9):
        make_run(f"erm/{seed}", seed=seed)
    ((_, entries),) = listed(tmp_path).rows
    assert [entry.title for entry in entries] == ["seed 9", "seed 10"]


def test_of_too_many_runs_the_first_of_a_row_shows_its_config(make_run, tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "MAX_CONFIGS", 3)
    for method in ("erm", "eos"):
        for seed in (0, 1):
            make_run(f"{method}/{seed}", method=method, seed=seed)
    found = listed(tmp_path)
    assert [[entry.config is not None for entry in entries] for _, entries in found.rows] == [[True, False]] * 2
    assert found.note.startswith("Of 4 runs only the first of each row")


def test_what_is_not_done_is_listed_with_its_reason(make_run, tmp_path):
    for name, launch in {
        "failed": {"state": "failed", "error": "ValueError: bad"},
        "killed": {"state": "running"},
        "stopped": {"state": "interrupted", "error": "SIGTERM"},
    }.items():
        run = make_run(name)
        run.metrics_file.unlink()
        launched(run, {"state": "failed"}, launch)
    make_run("old").metrics_file.unlink()
    launched(make_run("done"), {})
    (table,) = unfinished_section(tmp_path / "sweep").tables
    assert [[cell.text for cell in row] for row in table.rows] == [
        ["failed", "failed", "2", "2030-01-02T03:04:05+00:00", "ValueError: bad"],
        ["killed", "running, or killed without a word", "2", "2030-01-02T03:04:05+00:00", ""],
        ["old", "unknown", "0", "", ""],
        ["stopped", "interrupted", "2", "2030-01-02T03:04:05+00:00", "SIGTERM"],
    ]


def test_a_refused_run_has_launches_only_and_is_listed(make_run, tmp_path):
    run = make_run("refused")
    launched(run, {"state": "failed", "error": "no such file"})
    for file in (run.metrics_file, run.config_file):
        file.unlink()
    (table,) = unfinished_section(tmp_path / "sweep").tables
    assert [row[0].text for row in table.rows] == ["refused"]


def test_unfinished_runs_are_chosen_as_the_others_are(make_run, tmp_path):
    for method in ("erm", "eos"):
        make_run(method, method=method).metrics_file.unlink()
    refused = make_run("refused")
    for file in (refused.metrics_file, refused.config_file):
        file.unlink()
    launched(refused, {"state": "failed"})
    (table,) = unfinished_section(tmp_path / "sweep", {"method": ("eos",)}).tables
    assert [row[0].text for row in table.rows] == ["eos", "refused"]


def test_superseded_runs_and_hydras_copies_are_no_runs(make_run, tmp_path):
    make_run("cell/.superseded/abc").metrics_file.unlink()
    hydra = make_run("cell").path / ".hydra"
    hydra.mkdir()
    (hydra / "config.yaml").write_text("seed: 0\n")
    assert unfinished_section(tmp_path / "sweep").tables == ()


def test_damaged_launches_are_said(make_run, tmp_path):
    for name in ("a", "b"):
        (make_run(name, method=name).path / "launches.json").write_text("{")
    (tmp_path / "sweep" / "b" / "metrics.json").unlink()
    (table,) = unfinished_section(tmp_path / "sweep").tables
    assert "is damaged" in table.rows[0][-1].text
    ((_, (entry,)),) = listed(tmp_path).rows
    assert "is damaged" in dict(entry.facts)["launches"]


def test_facts_name_what_all_runs_share_or_how_many_have_it(make_run, tmp_path):
    hardware = {"cpu": "X", "cores": 2}
    for seed, version in enumerate(("2.6", "2.6", "2.7")):
        launched(
            make_run(f"{seed}", seed=seed, hardware=hardware, versions={"torch": version}),
            {"started": f"2030-01-0{seed + 1}T00:00:00+00:00"},
        )
    found = dict(facts(collect(tmp_path / "sweep"), rows=1))
    assert found["runs"] == "3 finished in 1 row"
    assert found["seeds"] == "0, 1, 2"
    assert found["hardware"] == "cpu X, cores 2"
    assert found["versions"] == "torch 2.6 (2 runs); torch 2.7 (1 run)"
    assert found["trained"] == "2030-01-01 to 2030-01-03"
    assert found["precision"] == "not recorded"
