"""Which classes are major: steps, long tails, a given share."""

import pytest

from lightning_imb.metrics import frequency_groups
from lightning_imb.utils.errors import InputError

EXP_10 = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]


def test_a_step_is_divided_at_its_geometric_middle() -> None:
    found = frequency_groups([50, 5000, 50, 5000, 5000])
    assert found == ((1, 3, 4), (), (0, 2))
    assert frequency_groups([5000] * 8 + [2500] * 2).minor == (8, 9)


def test_uneven_plateaus_are_a_step_too() -> None:
    assert frequency_groups([146, 143, 140, 73, 70, 72]).major == (0, 1, 2)


def test_a_long_tail_is_divided_into_thirds() -> None:
    found = frequency_groups(EXP_10)
    assert found == ((0, 1, 2), (3, 4, 5, 6), (7, 8, 9))
    hundred = frequency_groups([int(500 * 100 ** (-c / 99)) for c in range(100)])
    assert [len(group) for group in hundred] == [33, 34, 33]


def test_classes_are_ordered_by_counts() -> None:
    assert frequency_groups([50, 400, 3000, 5000, 139, 800], 0.3) == ((3, 2), (5, 1), (4, 0))


@pytest.mark.parametrize("counts", [[9, 1], [2, 1], [500, 3]])
def test_of_two_classes_one_is_major(counts: list[int]) -> None:
    for major in ("auto", 0.1, 0.5):
        assert frequency_groups(counts, major) == ((0,), (), (1,))


def test_three_classes() -> None:
    assert frequency_groups([40, 20, 10]) == ((0,), (1,), (2,))


def test_a_share_never_lets_groups_overlap() -> None:
    for k in range(2, 12):
        groups = frequency_groups(list(range(k, 0, -1)), 0.5)
        assert sorted(c for group in groups for c in group) == list(range(k))
        assert len(groups.major) == len(groups.minor) == k // 2


@pytest.mark.parametrize("major", ["auto", 0.5])
def test_of_equal_classes_none_is_major(major: str | float) -> None:
    assert frequency_groups([7, 7, 7], major) == ((), (0, 1, 2), ())


@pytest.mark.parametrize("major", ["most", 0, 0.6, -0.1, True, None])
def test_anything_else_is_refused(major) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=f"major is '{major}'"):
        frequency_groups([2, 1], major)
