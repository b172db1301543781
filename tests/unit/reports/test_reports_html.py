"""The html report as a file: what is in it, what it needs, what it leaves out."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from lightning_imb.reports.html import write_html
from lightning_imb.utils.errors import InputError

METRICS = ("test/bacc", "test/unheard_of")
HOSTILE = "</script><img src=http://evil.example/x onerror=alert(1)>"


class Page(HTMLParser):
    """Elements and the text within them."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.text, self.source = [], "", text
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def sweep(make_run, add_files, tmp_path):
    """Two methods, two seeds."""
    for method, base in (("erm", 0.5), ("eos", 0.7)):
        for seed in (0, 1):
            add_files(make_run(f"{method}/{seed}", method=method, seed=seed, bacc=base + seed / 10))
    return tmp_path / "sweep"


def page(folder, rows=("method",)):
    return Page(write_html(folder, folder / "report.html", rows, METRICS).read_text(encoding="utf-8"))


def test_the_page_shows_every_part(sweep):
    found = page(sweep)
    assert [a["id"] for a in found.all("section")] == [
        *("results", "recall", "confusion", "curves", "counts", "unfinished", "runs")
    ]
    assert {a["href"] for a in found.all("a")} == {f"#{a['id']}" for a in found.all("section")}
    for text in ("0.550 ± 0.071", "0.750 ± 0.071", "4 finished in 2 rows", "holdout, best epoch on validation"):
        assert text in found.text
    # recall, a confusion matrix and learning curves of both rows, class counts
    assert len(found.all("img")) == 1 + 2 + 2 + 1
    assert len(found.all("details")) == 4


def test_the_page_needs_nothing_but_itself(sweep):
    found = page(sweep)
    assert all(a["src"].startswith("data:image/png;base64,") for a in found.all("img"))
    assert found.all("link") == []
    assert all("src" not in a for a in found.all("script"))
    assert "http-equiv" in str(found.all("meta"))
    assert re.search(r"url\(|@import|https?://", found.source) is None


def test_every_picture_says_what_it_shows(sweep):
    described = [a["alt"] for a in page(sweep).all("img")]
    assert all(len(alt) > 40 for alt in described)
    assert len(set(described)) == len(described)
    (confusion,) = [alt for alt in described if alt.startswith("Confusion matrix of erm")]
    assert "c1 taken for c0 (30%)" in confusion


def test_what_a_user_has_named_is_escaped(make_run, add_files, tmp_path):
    run = add_files(make_run("a", method=HOSTILE, class_names=[HOSTILE, "b"], settings={"note": HOSTILE}))
    found = page(run.path)
    assert "http://evil.example/x" in found.text  # shown as it is
    assert [a for a in found.all("img") if "onerror" in a] == []
    assert len(found.all("script")) == 1


def test_names_with_dollar_signs_are_no_formulas(make_run, add_files, tmp_path):
    run = add_files(make_run("a", method="$\\frac{$", class_names=["$\\nothing$", "$5 or $6"]))
    assert len(page(run.path).all("img")) == 4


def test_the_same_runs_make_the_same_file(sweep):
    first = write_html(sweep, sweep / "a.html", ["method"], METRICS).read_bytes()
    assert write_html(sweep, sweep / "b.html", ["method"], METRICS).read_bytes() == first


def test_scores_selected_on_the_test_set_carry_a_warning(make_run, tmp_path):
    make_run("a", selected_on="test")
    (warning,) = [a for a in page(tmp_path / "sweep").all("p") if a.get("class") == "warning"]
    assert warning["role"] == "alert"


def test_unfinished_runs_are_listed_and_not_counted(sweep, make_run):
    make_run("erm/2", seed=2).metrics_file.unlink()
    found = page(sweep)
    assert "4 finished in 2 rows" in found.text
    assert "erm/2" in found.text


def test_runs_without_predictions_or_curves_still_make_a_report(make_run, tmp_path):
    make_run("a")
    found = page(tmp_path / "sweep")
    assert "There is no" in found.text
    assert "predictions/test.npz" in found.text
    assert "1 of 1 runs wrote no csv file" in found.text


def test_data_sets_of_different_classes_have_recalls_of_their_own(make_run, tmp_path):
    make_run("two", counts=(40, 4), settings={"dataset": {"name": "two"}})
    make_run("three", counts=(40, 4, 4), settings={"dataset": {"name": "three"}})
    found = page(tmp_path / "sweep", rows=("dataset",))
    captions = found.text.count("Recall per class, mean ± std over seeds")
    assert captions == 2


@pytest.mark.slow
def test_hundreds_of_runs_and_classes_stay_small(make_run, tmp_path):
    for run in range(122):
        make_run(f"{run}", method=f"m{run // 2}", seed=run % 2, counts=[10] * 1000)
    found = page(tmp_path / "sweep")
    assert len(found.source) < 15e6
    for note in (
        "lists the 50 classes with the most and the 50 with the fewest training images of 1,000",
        "The first 60 of 61 rows; imb-report with format=csv writes all.",
        "61 of 61 rows have more than 60 classes",
    ):
        assert note in found.text


def test_a_file_that_cannot_be_written_is_bad_input(sweep):
    with pytest.raises(InputError, match=r"cannot be written to .*out=<file>\.html"):
        write_html(sweep, sweep, ["method"], METRICS)


def test_the_report_needs_no_torch(sweep):
    code = (
        "import sys; from pathlib import Path; from lightning_imb.reports.html import write_html; "
        f"write_html(Path({str(sweep)!r}), Path({str(sweep / 'r.html')!r}), ['method'], ['test/bacc']); "
        "print(sorted({'torch', 'pytorch_lightning', 'torchmetrics', 'torchvision'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
