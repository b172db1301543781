"""What may be asked of imb-report."""

from pathlib import Path

import pytest

from lightning_imb.reports.request import Request
from lightning_imb.utils.errors import InputError


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"form": "pdf"}, r"'pdf'.*rich, markdown, csv, latex, html"),
        ({"bold": "best"}, r"bold=best.*clear, mean, none"),
        ({"interval": "wilson", "compare": True}, r"interval=wilson.*t, bootstrap"),
        ({"interval": "bootstrap"}, r"interval= is .*compare=true"),
        ({"interval": "bootstrap", "order": ("a", "b"), "control": "reg_mse"}, r"interval= is .*compare=true"),
        ({"form": "html", "compare": True}, "leave out cols=, compare= and figures="),
        ({"form": "html", "cols": ("dataset",)}, "leave out cols=, compare= and figures="),
        ({"form": "html", "figures": Path("f")}, "leave out cols=, compare= and figures="),
        ({"out": Path("x.tex")}, r"x\.tex.*format=markdown or latex"),
        ({"form": "csv", "compare": True, "cols": ("dataset",)}, "pairs alone: leave out cols="),
        ({"form": "csv", "compare": True, "figures": Path("f")}, "one table: leave out figures="),
        ({"form": "csv", "order": ("a", "b")}, "one table: leave out order="),
        ({"order": ("a",)}, r"order=\[a\] must name at least two values"),
        ({"order": ("a", "b", "a")}, r"order=\[a,b,a\] must name at least two values, each of them once"),
        ({"blocks": ("seed",)}, r"blocks= is .*compare=true"),
        ({"control": "erm"}, r"control= is .*compare=true"),
        ({"order": ("a", "b"), "blocks": ("seed",)}, r"blocks= is .*compare=true"),
    ],
)
def test_what_makes_no_sense_or_would_be_ignored_is_refused(asked, sentence):
    request = Request(**{"folder": Path("x"), "rows": ("method",), "metrics": ("test/bacc",), **asked})
    with pytest.raises(InputError, match=sentence):
        request.check()


def test_what_belongs_together_passes():
    common = {"folder": Path("x"), "rows": ("method",), "metrics": ("test/bacc",)}
    Request(**common).check()
    Request(**common, compare=True, control="erm", form="csv", out=Path("x.csv")).check()
    Request(**common, compare=True, interval="bootstrap").check()
    Request(**common, order=("a", "b"), control="reg_mse", figures=Path("f")).check()
    Request(**common, compare=True, cols=("dataset",), figures=Path("f"), form="markdown").check()


def test_metrics_that_are_not_asked_for_are_those_of_the_task():
    request = Request(Path("x"), ("method",), (), metrics_of={"regression": ("test/mse", "test/mae")})
    assert request.settled("regression").metrics == ("test/mse", "test/mae")
    with pytest.raises(InputError, match=r"metric=test/bacc"):
        request.settled("classification")
    asked = Request(Path("x"), ("method",), ("test/gm",), metrics_of={"regression": ("test/mse",)})
    assert asked.settled("regression").metrics == ("test/gm",)
