"""Runs that are in no table."""

from lightning_imb.reports.unfinished import Unfinished, unfinished, unfinished_rows


def test_unfinished_runs_are_counted_by_the_rows_they_would_be_in(make_run, sweep):
    make_run("done")
    for name, method in (("a", "erm"), ("b", "eos"), ("c", "eos")):
        make_run(name, method=method).metrics_file.unlink()
    (sweep / "c" / "config.yaml").write_text("[")  # damaged
    (sweep / "refused").mkdir()
    (sweep / "refused" / "launches.json").write_text('{"launches": []}')
    assert [path.name for path in unfinished(sweep)] == ["a", "b", "c", "refused"]
    found = unfinished_rows(sweep, ["method", "dataset"], {})
    assert found == Unfinished({"erm digits": 1, "eos digits": 1}, nameless=2)
    assert found.sentence() == "4 unfinished (erm digits: 1, eos digits: 1, of unknown rows: 2)"


def test_without_unfinished_runs_there_is_little_to_say(make_run, sweep):
    make_run("done")
    found = unfinished_rows(sweep, ["method"], {})
    assert (found.total, found.sentence()) == (0, "0 unfinished")
