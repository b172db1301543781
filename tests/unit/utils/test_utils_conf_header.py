import pytest

from lightning_imb.utils.conf_header import Header, header_of


def test_the_lines_on_top_are_told_apart():
    text = "# @package _global_\n# Focal loss.\n# Paper: Lin 2017\n# Cost: none\n# A note.\n\n# of a key\na: 1\n"
    told = {"Paper": "Lin 2017", "Cost": "none"}
    assert header_of(text) == Header("Focal loss.", told, ["A note."])


@pytest.mark.parametrize("text", ["", "a: 1\n# later\n", "\n# after a blank line\n"])
def test_a_file_may_have_none(text):
    assert header_of(text) == Header("", {}, [])
