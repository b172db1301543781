import pytest

from benchmarks.case import BenchmarkError, Pair, Side
from benchmarks.compare import Result, check_same_work
from benchmarks.timing import Sample, Stopwatch, ratios, seconds, spread


def idle(turn, settings):
    raise AssertionError("not run here")


def samples(*walls, units=1.0, cpu=2.0):
    return [Sample(wall, cpu * wall, units, {}) for wall in walls]


def result(baseline, ours, **pair):
    return Result("case", Pair("work", Side("theirs", idle), Side("ours", idle), **pair), baseline, ours)


def test_spread_is_median_and_extremes():
    assert spread([3.0, 1.0, 10.0]) == (3.0, 1.0, 10.0)


def test_ratios_are_formed_round_by_round_before_the_median():
    above, below = samples(10, 20, 90), samples(1, 10, 30)
    assert ratios(above, below, "wall_s") == (3.0, 2.0, 10.0)  # the ratio of medians would be 2


def test_both_clocks_are_kept_apart():
    above, below = samples(4, cpu=1.0), samples(2, cpu=4.0)
    assert ratios(above, below, "wall_s").median == 2.0
    assert ratios(above, below, "cpu_s").median == 0.5


def test_seconds_are_per_unit_of_work():
    assert seconds(samples(6, 8, 10, units=2.0), "wall_s") == (4.0, 3.0, 5.0)
    assert ratios(samples(1, units=0.1), samples(5), "wall_s").median == pytest.approx(2.0)


def test_different_numbers_of_rounds_are_not_compared():
    with pytest.raises(ValueError, match="zip"):
        ratios(samples(1, 2), samples(1), "wall_s")


def test_a_speed_up_is_baseline_over_ours_and_an_overhead_the_reverse():
    assert result(samples(6), samples(2)).ratio().median == 3.0
    assert result(samples(2), samples(3), kind="overhead").ratio().median == 1.5


@pytest.mark.parametrize(
    ("pair", "reached"),
    [
        ({}, None),
        ({"target": 2.0}, True),
        ({"target": 2.1}, False),
        ({"limit_s": 3.0}, True),
        ({"limit_s": 2.9}, False),
        ({"target": 2.0, "limit_s": 2.9}, False),
        ({"kind": "overhead", "target": 0.5}, True),
        ({"kind": "overhead", "target": 0.4}, False),
    ],
)
def test_a_target_is_judged_by_the_median(pair, reached):
    assert result(samples(6, 6, 60), samples(3, 3, 3), **pair).reached() is reached


def test_sides_that_did_different_work_are_not_compared():
    pair = result(samples(1), samples(1)).pair
    told = [Sample(1.0, 1.0, 1.0, {"work": work}) for work in ("a", "b")]
    check_same_work(pair, told[0], told[0])
    check_same_work(pair, told[0], samples(1)[0])  # the other side told nothing
    with pytest.raises(BenchmarkError, match="'theirs' worked on a, 'ours' on b"):
        check_same_work(pair, *told)


def test_a_stopwatch_reads_both_clocks():
    watch = Stopwatch()
    sum(range(100_000))
    wall, cpu = watch.read()
    assert wall > 0
    assert cpu >= 0
