"""Numbers of any size as text."""

import pytest

from lightning_imb.reports.digits import mean_and_spread, significant


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.78241, "0.7824"),
        (0.5, "0.5000"),
        (12.3456, "12.35"),
        (12345.6, "12,346"),
        (3.0, "3"),
        (0.0, "0"),
        (-0.03, "-0.03000"),
        (1.2341e-7, "1.234e-07"),
    ],
)
def test_digits_that_matter(value, text):
    assert significant(value) == text


@pytest.mark.parametrize(("std", "text"), [(0.0123, "0.5000 ± 0.012"), (None, "0.5000"), (float("nan"), "0.5000")])
def test_a_spread_where_there_is_one(std, text):
    assert mean_and_spread(0.5, std) == text
