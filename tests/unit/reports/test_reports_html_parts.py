"""Tables of the page: what sorts as a number, what comes last."""

from lightning_imb.reports.grid import Grid
from lightning_imb.reports.html.parts import picture, sortable
from lightning_imb.reports.style import new_figure


def column(table, j):
    return [row[j].key for row in table.rows]


def test_scores_sort_by_their_mean_and_missing_ones_have_no_key():
    table = sortable(Grid("", ("method", "bacc"), (("erm", "0.81 ± 0.02"), ("eos", "–"), ("x", "-1.5e-3 ± n/a"))))
    assert [c.kind for c in table.columns] == ["text", "number"]
    assert column(table, 1) == ["0.81", "", "-1.5e-3"]
    assert column(table, 0) == ["erm", "eos", "x"]


def test_a_setting_that_is_a_number_sorts_as_one():
    table = sortable(Grid("", ("method", "ratio"), (("erm", "100"), ("2nd", "20"), ("eos", "1,000")), labels=2))
    assert [c.kind for c in table.columns] == ["text", "number"]
    assert column(table, 1) == ["100", "20", "1000"]


def test_cells_keep_their_text_and_their_stress():
    table = sortable(Grid("title", ("a", "b"), (("x", "1"), ("y", "2")), caption="note", bold=frozenset({(1, 1)})))
    assert [[(cell.text, cell.bold) for cell in row] for row in table.rows] == [
        [("x", False), ("1", False)],
        [("y", False), ("2", True)],
    ]
    assert (table.title, table.caption) == ("title", "note")


def test_a_picture_knows_its_size():
    drawn = picture(new_figure(2, 1.5), "alt", "caption")
    assert (drawn.width, drawn.height) == (240, 180)
    assert drawn.source.startswith("data:image/png;base64,iVBOR")
