import pytest

from lightning_imb.utils.errors import InputError
from lightning_imb.utils.marks import filled

TEXT = "a\n<!-- x: one (how) -->\nold\n<!-- x: end -->\nb <!-- x: two --> <!-- x: end --> c <!-- y: three -->"


def test_each_piece_stands_between_its_marks_and_all_else_stays():
    made = filled(TEXT, "x", str.upper)
    first, second = "<!-- x: one (how) -->\n\nONE\n\n<!-- x: end -->", "<!-- x: two -->\n\nTWO\n\n<!-- x: end -->"
    assert made == f"a\n{first}\nb {second} c <!-- y: three -->"
    assert filled(made, "x", str.upper) == made


@pytest.mark.parametrize(
    "text", ["", "<!-- x: end -->", "<!-- x: one -->", "<!-- x: one --> <!-- x: two --> <!-- x: end -->"]
)
def test_marks_that_do_not_belong_together_are_refused(text):
    with pytest.raises(InputError, match="lacks the line '<!-- x: "):
        filled(text, "x", str)
