import pytest

from lightning_imb.data.digest import digest


def test_equal_content_has_an_equal_digest():
    assert digest([["a", "b"], ("c",)], [b"12"]) == digest([("a", "b"), ["c"]], [memoryview(b"12")])


@pytest.mark.parametrize(
    ("texts", "arrays"),
    [([["ab"]], [b"1"]), ([["a"], ["b"]], [b"1"]), ([["a", "b"]], [b"2"]), ([["a", "b"], []], [b"1"])],
)
def test_nothing_runs_together(texts, arrays):
    assert digest(texts, arrays) != digest([["a", "b"]], [b"1"])


def test_a_file_name_that_is_no_text_has_a_digest():
    assert digest([["caf\udce9"]]) != digest([["cafe"]])
