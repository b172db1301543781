"""Commands without the folders of a machine."""

import shlex

import pytest

from lightning_imb.utils.portable import portable, without_folders


@pytest.mark.parametrize(
    "words",
    [
        "hydra.run.dir=/home/me/runs/a",
        "hydra.sweep.subdir=x",
        "hydra.launcher.submitit_folder=/scratch/me",
        "+hydra.searchpath=[file:///home/me/conf]",
        "--config-dir /home/me/conf",
        "--config-dir conf",
        "--config-dir=/home/me/conf",
        "-cd conf",
        "-cp=/home/me/conf",
        "represent_from=runs/a",
        "run_dir=/home/me/a",
        "++run_dir=a",
        "paths.store=/scratch/me",
        "++paths.data=~/data",
    ],
)
def test_settings_that_say_where_things_are_are_left_out(words):
    assert portable(f"imb-train method=eos {words} seed=1") == "imb-train method=eos seed=1"


@pytest.mark.parametrize(
    "words",
    [
        "-m sweep=busi method=erm,eos resampler.k=10,50",
        "sweep=demo hydra.mode=RUN",
        "hydra.sweeper.n=2 hydra/launcher=joblib",
        "--config-name mine seed=1",
        "dataset.root=photos/mine dataset.csv=../a.csv",
        "~scheduler ~callbacks/lines=x +epochs=2",
        "epochs=2 note=a:b logger.url=https://tracker.org/me",
        "dataset.mean=null dataset.share=1/2 root=/",
    ],
)
def test_all_else_stays(words):
    assert shlex.split(portable(f"imb-train {words}")) == ["imb-train", *words.split()]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("dataset.root=/home/me/photos", "dataset.root=photos"),
        ("dataset.root=/photos", "dataset.root=photos"),
        ("dataset.root=/home/me/photos/", "dataset.root=photos"),
        ("dataset.csv=~/me/a.csv", "dataset.csv=a.csv"),
        ("dataset.csv=~me/a.csv", "dataset.csv=a.csv"),
        ("+dataset.splits={root:/home/me/x}", "+dataset.splits={root:x}"),
        ("+dataset.splits={train: /home/me/x,val:/home/me/y}", "+dataset.splits={train: x,val:y}"),
        ("files=[{path:/home/me/f},{path:~/g}]", "files=[{path:f},{path:g}]"),
        ("files=[/home/me/f,/home/me/g]", "files=[f,g]"),
        ("dataset.root=/home/me/a,/home/me/b", "dataset.root=a,b"),
        ("dataset.root=/home/me/my photos", "dataset.root=my photos"),
        ("dataset.root=/home/me/my photos/of cats", "dataset.root=of cats"),
        ("dataset.root='/home/me/my, photos (2)/x'", "dataset.root='x'"),
        ('files=["/home/me/a, b","/home/me/c"]', 'files=["a, b","c"]'),
        (r"dataset.root=/home/me/a\,b/c\,d", r"dataset.root=c\,d"),
        ("root=${oc.env:DATA,/home/me/data}", "root=${oc.env:DATA,data}"),
        ("search.storage=sqlite:////home/me/s.db", "search.storage=sqlite:s.db"),
    ],
)
def test_paths_are_shortened_to_their_last_part_wherever_they_stand(given, expected):
    found = portable(shlex.join(["imb-train", given, "seed=1"]))
    assert shlex.split(found) == ["imb-train", expected, "seed=1"]


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ("dataset.root=/home/me/my photos/of cats", ["dataset.root=of cats"]),
        ("a={root: /home/me/x, csv: /home/me/y} --config-dir /etc/mine", ["a={root: x, csv: y}"]),
        ("dataset.root=/home/it's/mine photos", ["dataset.root=mine photos"]),
    ],
)
def test_values_with_blanks_that_a_record_does_not_quote_are_put_together_again(recorded, expected):
    assert shlex.split(portable(f"imb-train {recorded} seed=1")) == ["imb-train", *expected, "seed=1"]


@pytest.mark.parametrize(
    ("program", "expected"), [("train.py", "imb-train"), ("/home/me/bin/imb-train", "imb-train"), ("", "''")]
)
def test_the_program_is_the_installed_one(program, expected):
    assert portable(program) == expected


def test_what_is_portable_stays_as_it_is():
    once = portable("imb-train dataset.root='/home/me/my photos' --config-dir x 'a={b: /c/d}' e=/f/it\\'s")
    assert portable(once) == once


def test_sentences_are_shortened_too():
    assert without_folders("of another launch (dataset.root=/home/me/x), the config") == (
        "of another launch (dataset.root=x), the config"
    )
