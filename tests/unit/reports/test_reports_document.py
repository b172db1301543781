"""The tables that answer a request."""

from pathlib import Path

import pytest

from lightning_imb.reports.collect import collect
from lightning_imb.reports.document import latex, make_csv, make_document, markdown
from lightning_imb.reports.request import Request


def request(sweep, **asked):
    return Request(**{"folder": sweep, "rows": ("method",), "metrics": ("test/bacc",), **asked})


@pytest.fixture
def records(make_run, sweep):
    for m, method in enumerate(("eos", "erm", "smote")):
        for seed in range(5):
            make_run(f"{method}/{seed}", method=method, seed=seed, bacc=0.5 + m / 10 + seed / 50 + m * seed / 100)
    return collect(sweep)


def titles(document):
    return [grid.title.split(",")[0] for grid in document.grids]


def test_scores_and_recalls_unless_told_otherwise(records, sweep):
    assert titles(make_document(records, request(sweep))) == ["Scores", "Recall per class"]
    assert titles(make_document(records, request(sweep, per_class=False))) == ["Scores"]


def test_one_score_by_columns(records, sweep):
    assert titles(make_document(records, request(sweep, cols=("dataset",)))) == ["test/bacc"]


def test_pairs_and_ranks_after_the_columns(records, sweep):
    document = make_document(records, request(sweep, cols=("dataset",), compare=True))
    assert [grid.title for grid in document.grids] == [
        "test/bacc, mean ± std (n) over seeds",
        "test/bacc, paired over blocks, difference = first - second",
        "test/bacc, average ranks, 1 is the best",
    ]


def test_too_few_blocks_are_told_and_no_figure_is_written(make_run, sweep, tmp_path):
    for method in ("eos", "erm", "smote"):
        make_run(method, method=method)
    document = make_document(collect(sweep), request(sweep, compare=True, figures=tmp_path / "f"))
    assert len(document.grids) == 1
    assert "at least 3 values of method and 5 blocks" in document.remarks[0]
    assert not (tmp_path / "f").exists()


def test_the_diagram_is_written_and_named(records, sweep, tmp_path):
    document = make_document(records, request(sweep, compare=True, figures=tmp_path / "f"))
    for name in ("critical_difference.png", "critical_difference.svg"):
        assert (tmp_path / "f" / name).stat().st_size > 0
        assert name in document.remarks[0]


def test_the_diagram_says_what_its_ranks_rest_on(make_run, sweep, tmp_path):
    for method in ("eos", "erm", "smote"):
        for seed in range(5):
            make_run(f"{method}/{seed}", method=method, seed=seed, selected_on="test", protocol="paper, best on TEST")
    make_document(collect(sweep), request(sweep, compare=True, figures=tmp_path))
    text = (tmp_path / "critical_difference.svg").read_text()
    for words in ("WARNING: the epoch was chosen on the TEST set", "test set; protocol: paper, best on TEST"):
        assert words in text


def test_rows_of_other_classes_have_no_recalls_and_the_reason_is_given(make_run, sweep):
    for name, counts in {"digits": (9, 8, 7), "flowers": (5, 5)}.items():
        make_run(name, counts=counts, settings={"dataset": {"name": name}}, dataset=name)
    document = make_document(collect(sweep), request(sweep, rows=("method", "dataset")))
    assert len(document.grids) == 1
    assert document.remarks == ("No recall per class: the rows have different classes.",)


def test_csv_holds_the_pairs_the_columns_or_the_scores(records, sweep):
    heads = [
        make_csv(records, request(sweep, **asked)).split(",")[0]
        for asked in ({}, {"cols": ("dataset",)}, {"compare": True})
    ]
    assert heads == ["method", "method", "metric"]


def test_latex_and_markdown_hold_all_tables_and_remarks(records, sweep):
    document = make_document(records, request(sweep, compare=True, figures=Path(sweep.parent / "f")))
    text = latex(document)
    assert text.startswith("% needs \\usepackage{booktabs}\n")
    assert text.count(r"\begin{table}") == 2
    assert "\n% critical-difference diagram: " in text
    assert markdown(document).count("| :-- |") == 2
