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
        ({"metrics": ()}, "metric=test/bacc"),
        ({"form": "html", "compare": True}, "leave out cols= and compare="),
        ({"form": "html", "cols": ("dataset",)}, "leave out cols= and compare="),
        ({"out": Path("x.tex")}, r"x\.tex.*format=markdown or latex"),
        ({"form": "csv", "compare": True, "cols": ("dataset",)}, "pairs alone: leave out cols="),
        ({"form": "csv", "compare": True, "figures": Path("f")}, "pairs alone: leave out figures="),
        ({"blocks": ("seed",)}, r"blocks= is .*compare=true"),
        ({"control": "erm"}, r"control= is .*compare=true"),
        ({"figures": Path("f")}, r"figures= is .*compare=true"),
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
    Request(**common, compare=True, cols=("dataset",), figures=Path("f"), form="markdown").check()
