"""Findings of imb-analyze on the html page: numbers of rows, pictures, remarks, and what is damaged."""

import io
import math
import os
import shutil

import pytest
from PIL import Image

from lightning_imb.reports.collect import collect
from lightning_imb.reports.html import inside, write_html
from lightning_imb.reports.html.inside import inside_sections
from lightning_imb.reports.html.rows import row_runs
from lightning_imb.utils.atomic import write_json_atomic

HOSTILE = "</script><img src=http://evil.example/x onerror=alert(1)>"


def png(width=30, height=20):
    file = io.BytesIO()
    Image.new("L", (width, height)).save(file, format="png")
    return file.getvalue()


def looked(
    folder, name="gap", title="Gap", numbers=None, captions=None, remarks=(), settings=None, size=(30, 20), of=()
):
    """Write findings as imb-analyze does; returns their folder."""
    place = folder / "analysis" / name
    place.mkdir(parents=True)
    captions = {"bars": "Bars."} if captions is None else captions
    for figure in captions:
        (place / f"{figure}.png").write_bytes(png(*size))
    found = {"name": name, "title": title, "numbers": numbers or {}, "captions": captions, "runs": list(of)}
    write_json_atomic(place / "result.json", found | {"remarks": list(remarks), "settings": settings or {}})
    return place


@pytest.fixture
def runs(make_run):
    """Run folders of two methods, two seeds each, by name."""
    return {
        f"{method}/{seed}": make_run(f"{method}/{seed}", method=method, seed=seed).path
        for method in ("erm", "eos")
        for seed in (0, 1)
    }


def sections(folder, *keys):
    keys = keys or ("method",)
    return inside_sections(keys, row_runs(collect(folder), keys), folder)


def texts(table):
    return [[column.name for column in table.columns], *([cell.text for cell in row] for row in table.rows)]


def test_without_findings_there_is_no_section(runs, sweep):
    (runs["erm/0"] / "analysis" / "embeddings").mkdir(parents=True)
    assert sections(sweep) == ()


def test_numbers_are_means_over_the_seeds_of_a_row(runs, sweep):
    for (name, folder), value in zip(runs.items(), (0.1, 0.2, 1234.0, 2345.5), strict=True):
        looked(folder, numbers={"raw": value, "matched": 0.5 if name == "eos/0" else math.nan, "never": math.nan})
    (section,) = sections(sweep)
    (table,) = section.tables
    assert texts(table) == [
        ["method", "n", "raw", "matched", "never"],
        ["eos", "2", "1,790 ± 786", "0.5000 (n=1)", "–"],
        ["erm", "2", "0.1500 ± 0.071", "–", "–"],
    ]
    assert [row[2].key for row in table.rows] == ["1790", "0.1500"]
    assert (section.anchor, section.title, section.notes) == ("inside-gap", "Looking inside: Gap", ())


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([44.0, 44.0], "44 ± 0"),
        ([12.0, 13.0], "12.50 ± 0.71"),
        ([123456.0, 123457.5], "123,457 ± 1.1"),
        ([0.00001234, 0.00002234], "1.734e-05 ± 7.1e-06"),
        ([-0.25, 0.25], "0 ± 0.35"),
    ],
)
def test_numbers_have_as_many_digits_as_say_something(runs, sweep, values, text):
    for seed, value in enumerate(values):
        looked(runs[f"erm/{seed}"], numbers={"x": value})
    assert texts(sections(sweep)[0].tables[0])[1][2] == text


def test_numbers_of_one_group_share_a_table(runs, sweep):
    names = ["bacc", "before/gap", "after/gap", "before/bacc", "map/grad_cam/iou", "map/grad_cam/lesion/iou", "top1"]
    looked(runs["erm/0"], numbers=dict.fromkeys(names, 1.0))
    (section,) = sections(sweep)
    assert [(table.title.split(",")[0], texts(table)[0][2:]) for table in section.tables] == [
        ("Numbers", ["bacc", "top1"]),
        ("before", ["gap", "bacc"]),
        ("after", ["gap"]),
        ("map/grad_cam", ["iou", "lesion/iou"]),
    ]


def test_pictures_of_the_comparison_come_first_then_those_of_the_first_run_of_each_row(runs, sweep):
    looked(sweep, captions={"all": "All rows."}, size=(50, 10))
    for name in ("erm/0", "erm/1", "eos/1"):
        looked(runs[name], captions={"bars": f"Bars of {name}.", "map": "Map."})
    (section,) = sections(sweep)
    assert [(picture.title, picture.caption) for picture in section.pictures] == [
        ("all runs", "All rows."),
        ("eos, seed 1", "Bars of eos/1."),
        ("erm, seed 0", "Bars of erm/0."),
        ("eos, seed 1", "Map."),
        ("erm, seed 0", "Map."),
    ]
    assert [(p.width, p.height) for p in section.pictures[:2]] == [(50, 10), (30, 20)]
    assert len({picture.alt for picture in section.pictures}) == 5
    assert section.notes == ("Not looked into by gap: eos (1 of 2 runs).",)
    assert section.tables == ()  # no numbers were given


def test_a_run_alone_is_no_comparison_of_runs(runs):
    looked(runs["erm/0"], numbers={"raw": 0.25})
    (section,) = sections(runs["erm/0"])
    assert [picture.title for picture in section.pictures] == ["erm, seed 0"]
    assert texts(section.tables[0]) == [["method", "n", "raw"], ["erm", "1", "0.2500"]]


def test_rows_beyond_the_eighth_have_numbers_and_no_pictures(runs, sweep, monkeypatch):
    monkeypatch.setattr(inside, "MAX_ROWS", 1)
    for folder in runs.values():
        looked(folder, numbers={"raw": 1.0})
    (section,) = sections(sweep)
    assert [picture.title for picture in section.pictures] == ["eos, seed 0"]
    assert section.notes == ("Pictures of the first 1 of 2 rows; the others are in analysis/ of each run.",)
    assert len(section.tables[0].rows) == 2


def test_numbers_that_are_too_many_are_counted(runs, sweep, monkeypatch):
    monkeypatch.setattr(inside, "MAX_NUMBERS", 2)
    looked(runs["erm/0"], numbers={f"gap/{i}": 1.0 for i in range(5)})
    (section,) = sections(sweep)
    assert texts(section.tables[0])[0] == ["method", "n", "0", "1"]
    assert "The first 2 of 5 numbers gap/...; result.json of each run has all." in section.notes


def test_a_comparison_of_other_runs_says_so(runs, sweep):
    place = looked(sweep, of=[os.path.relpath(folder, sweep) for folder in runs.values()])
    assert not any("comparison" in note for note in sections(sweep)[0].notes)
    shutil.rmtree(place)
    looked(sweep, of=[os.path.relpath(runs["erm/0"], sweep), "gone"])
    assert sections(sweep)[0].notes[0].startswith("The comparison is of 2 runs and this page of 4")


def test_a_remark_says_of_which_runs_it_is_unless_of_all(runs, sweep, monkeypatch):
    looked(sweep, remarks=["Compared by seed."])
    for name, folder in runs.items():
        extra = ["Class truck has no true positive."] if name.startswith("eos") else []
        looked(folder, remarks=["No masks.", *extra])
    (section,) = sections(sweep)
    assert section.notes == (
        "Compared by seed.",
        "No masks.",
        "eos, seed 0, eos, seed 1: Class truck has no true positive.",
    )
    monkeypatch.setattr(inside, "MAX_REMARKS", 1)
    assert sections(sweep)[0].notes == ("Compared by seed.", "2 more remarks are in result.json of the runs.")


def test_settings_are_said_and_must_agree(runs, sweep):
    looked(runs["erm/0"], settings={"seed": 0, "split": "test", "layers": ["a", "b"]})
    (section,) = sections(sweep)
    assert section.text.endswith('Settings: layers=["a", "b"], seed=0, split="test".')
    looked(runs["erm/1"], settings={"seed": 1, "split": "test", "layers": ["a", "b"]})
    (section,) = sections(sweep)
    assert "Settings" not in section.text
    assert section.notes[0].startswith("The findings were made with different settings (seed) and cannot be compared")


@pytest.mark.parametrize(
    "text", ["", "[]", '{"title": "x"}', '{"title": "x", "numbers": {"a": "b"}, "captions": {}, "remarks": []}']
)
def test_damaged_findings_are_named_and_the_others_shown(runs, sweep, text):
    broken = looked(runs["erm/0"]) / "result.json"
    broken.write_text(text)
    looked(runs["eos/0"], numbers={"raw": 1.0})
    (section,) = sections(sweep)
    assert section.notes[0] == f"{broken} is damaged and left out: run imb-analyze with force=true."
    assert [picture.title for picture in section.pictures] == ["eos, seed 0"]


def test_a_section_of_nothing_but_damaged_findings_says_so(runs, sweep):
    broken = looked(runs["erm/0"]) / "result.json"
    broken.write_text("{")
    (section,) = sections(sweep)
    assert section.title == "Looking inside: gap"
    assert (section.pictures, section.tables) == ((), ())
    assert str(broken) in write_html(sweep, sweep / "report.html", ["method"], ["test/bacc"]).read_text()


@pytest.mark.parametrize("content", [None, b"no png", png()[:20]])
def test_missing_and_damaged_pictures_are_named(runs, sweep, content):
    place = looked(runs["erm/0"], numbers={"raw": 1.0})
    (place / "bars.png").unlink() if content is None else (place / "bars.png").write_bytes(content)
    (section,) = sections(sweep)
    assert section.pictures == ()
    assert str(place / "bars.png") in section.notes[0]
    assert len(section.tables) == 1


def test_analyses_have_sections_of_their_own_on_the_page(runs, sweep):
    looked(runs["erm/0"], "gap", "Gap", captions={"bars": HOSTILE}, remarks=[HOSTILE], numbers={"a": 1.0})
    looked(runs["eos/0"], "head_norms", HOSTILE, settings={"x": HOSTILE})
    page = write_html(sweep, sweep / "report.html", ["method"], ["test/bacc"]).read_text()
    assert [page.count(f'<section id="inside-{name}">') for name in ("gap", "head_norms")] == [1, 1]
    starts = [page.index(f'<section id="inside-{name}">') for name in ("gap", "head_norms")]
    gap = page[slice(*starts)]
    assert gap.index("<table") < gap.index("erm, seed 0</p>") < gap.index("<img")
    assert HOSTILE not in page
    assert "http://evil.example" in page
