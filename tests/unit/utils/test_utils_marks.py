import pytest

from lightning_imb.utils.errors import InputError
from lightning_imb.utils.marks import filled

ONE, TWO, END = "<!-- x: one (how) -->", "<!-- x: two -->", "<!-- x: end -->"
TEXT = f"a\n{ONE}\nold\n{END}\nb `<!-- x: no -->`\n{TWO}\n{END}\nc <!-- y: three -->"


def test_each_piece_stands_between_its_marks_and_all_else_stays():
    made = filled(TEXT, "x", str.upper)
    first, second = f"{ONE}\n\nONE\n\n{END}", f"{TWO}\n\nTWO\n\n{END}"
    assert made == f"a\n{first}\nb `<!-- x: no -->`\n{second}\nc <!-- y: three -->"
    assert filled(made, "x", str.upper) == made


@pytest.mark.parametrize(
    "text", ["", "<!-- x: end -->", "<!-- x: one -->", "<!-- x: one -->\n<!-- x: two -->\n<!-- x: end -->"]
)
def test_marks_that_do_not_belong_together_are_refused(text):
    with pytest.raises(InputError, match="lacks the line '<!-- x: "):
        filled(text, "x", str)
