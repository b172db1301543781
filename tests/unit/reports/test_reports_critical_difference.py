"""The critical-difference diagram: what is drawn, and that nothing lies on anything else."""

import itertools

import matplotlib.image
import pytest

from lightning_imb.reports.critical_difference import critical_difference_figure, save_critical_difference
from lightning_imb.reports.ranks import RankTest
from lightning_imb.reports.style import BLUE
from lightning_imb.utils.errors import InputError


def ranked(ranks, critical, names=None):
    names = tuple(names or (f"method {i}" for i in range(len(ranks))))
    return RankTest(names, tuple(ranks), 12, 9.3, 0.02, 3.7, 0.02, critical)


def texts(figure):
    return {text.get_text(): text for text in figure.axes[0].texts}


def bars(figure):
    return [line for line in figure.axes[0].lines if line.get_color() == BLUE]


def test_levels_stand_at_their_ranks():
    figure = critical_difference_figure(ranked([1.0, 2.5, 3.0], 0.2), "title")
    found = texts(figure)
    assert {"method 0 (1.00)", "method 1 (2.50)", "method 2 (3.00)"} < set(found)
    ticks = {text: found[text].get_position()[0] for text in ("1", "2", "3")}
    drops = {next(iter(line.get_xdata())) for line in figure.axes[0].lines if len(line.get_xdata()) == 3}
    assert drops == {ticks["1"], (ticks["2"] + ticks["3"]) / 2, ticks["3"]}
    assert bars(figure) == []


def test_bars_reach_over_what_they_join():
    figure = critical_difference_figure(ranked([1.0, 1.5, 3.5, 4.0], 1.0), "title")
    x = {text: item.get_position()[0] for text, item in texts(figure).items()}
    unit = x["2"] - x["1"]
    first, second = (list(bar.get_xdata()) for bar in bars(figure))
    assert first == pytest.approx([x["1"], x["1"] + unit / 2], abs=0.06)
    assert second == pytest.approx([x["3"] + unit / 2, x["4"]], abs=0.06)


def test_the_critical_difference_is_drawn_to_scale_or_told():
    short = critical_difference_figure(ranked([1, 2, 3], 1.5), "title")
    (label,) = [text for text in texts(short) if "critical difference 1.50" in text]
    assert "longer" not in label
    long = critical_difference_figure(ranked([1, 2, 3], 2.5), "title")
    assert any("2.50 (Nemenyi, 0.05): longer than the line" in text for text in texts(long))


@pytest.mark.parametrize("notes", [(), ("WARNING: " + "too HIGH " * 14, "what they rest on; " * 15)], ids=len)
@pytest.mark.parametrize("levels", [3, 4, 16])
def test_no_text_lies_on_another_or_leaves_the_figure(levels, notes):
    ranks = [1 + (levels - 1) * (i / (levels - 1)) ** 2 for i in range(levels)]
    names = [f"method={i}, resampler=borderline_smote" for i in range(levels)]
    title = "test/bacc: average ranks over 12 blocks, p = 0.02"
    figure = critical_difference_figure(ranked(ranks, 1.2, names), title, notes)
    assert all(any(text.startswith(note[:20]) for text in texts(figure)) for note in notes)
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    whole = figure.bbox
    assert all(box.x0 >= 0 and box.x1 <= whole.x1 and box.y0 >= 0 and box.y1 <= whole.y1 for box in boxes)


def test_both_files_are_written_and_the_same_each_time(tmp_path):
    test = ranked([1.0, 2.0, 3.0], 1.5)
    once, again = (save_critical_difference(test, "title", tmp_path / name) for name in ("a", "b"))
    assert [file.name for file in once] == ["critical_difference.png", "critical_difference.svg"]
    assert [file.read_bytes() for file in once] == [file.read_bytes() for file in again]
    assert matplotlib.image.imread(once[0])[..., :3].std() > 0.02  # something is drawn
    assert "method 1 (2.00)" in once[1].read_text()  # text stays text: it can be searched and edited


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/critical_difference\.png cannot be written .*figures="):
        save_critical_difference(ranked([1.0, 2.0, 3.0], 1.5), "title", tmp_path / "file")
