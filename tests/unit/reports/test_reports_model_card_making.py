"""How a run was made, as its model card tells it: command, day and time."""

import pytest

from lightning_imb.launches import FILE
from lightning_imb.reports.collect import collect
from lightning_imb.reports.model_card.card import model_card
from lightning_imb.utils.atomic import write_json_atomic


@pytest.fixture
def card(make_run):
    """A function that writes a run and returns the text of its card."""

    def make(launches=(), overrides=None, settings=(), **facts):
        run = make_run("erm/0", settings=dict(settings), dataset="digits", test__top1=0.5, **facts)
        run.write_data(run.read_data() | {"image_size": [3, 32, 32], "fingerprint": "abc"})
        started = [{"started": "2030-01-02T03:04:05+00:00", "host": "secret", **one} for one in launches]
        write_json_atomic(run.path / FILE, {"launches": started})
        if overrides is not None:
            (run.path / ".hydra").mkdir()
            (run.path / ".hydra" / "overrides.yaml").write_text(overrides)
        return model_card(collect(run.path)[0], {})

    return make


def test_folders_of_the_machine_are_left_out(card, tmp_path):
    root = tmp_path / "photos"
    settings = {"dataset": {"name": "csv", "root": str(root)}}
    text = card(command=f"imb-train method=erm dataset.root={root} hydra.run.dir={tmp_path}", settings=settings)
    assert str(tmp_path) not in text
    assert "\nimb-train method=erm dataset.root=photos\n" in text


def test_a_command_that_is_not_known_is_a_comment_without_folders(card):
    settings = {"dataset": {"name": "digits", "root": "/there"}}
    text = card(command="imb-train -m", settings=settings, overrides="[dataset.root=/here/photos]")
    assert "\n# not known: .hydra/overrides.yaml is of another launch (dataset.root=photos)" in text


def test_time_and_day_are_those_of_the_launches(card):
    text = card([{"wall_s": 100.0}, {"wall_s": 23.0}])
    assert "| trained | 2030-01-02 |" in text
    assert "| wall time | 123 s |" in text
    assert "secret" not in text


def test_the_day_is_that_of_the_run_and_not_of_one_that_it_superseded(card):
    text = card([{"started": "2029-12-31T00:00:00+00:00"}, {"superseded": "0"}])
    assert "| trained | 2030-01-02 |" in text


@pytest.mark.parametrize(
    ("launches", "expected"),
    [
        ([{"phase_1": "trained", "wall_s": 9.0}, {"phase_1": "resumed", "wall_s": 1.0}], "10 s"),
        ([{"phase_1": "store", "wall_s": 9.0}], "9 s, without phase 1, taken from the store"),
        ([{"phase_1": "run", "wall_s": 9.0}], "9 s, without phase 1, taken from another run"),
        ([{"phase_1": "trained"}, {"phase_1": "resumed", "wall_s": 9.0}], "at least 9 s"),
        ([{"phase_1": "store"}, {"wall_s": 9.0}], "at least 9 s, without phase 1, taken from the store"),
        ([{"phase_1": "store"}, {"superseded": "0", "phase_1": "trained", "wall_s": 9.0}], "9 s"),
    ],
)
def test_wall_time_says_what_it_leaves_out(card, launches, expected):
    assert f"| wall time | {expected} |" in card(launches)
