import numpy as np
import pytest

from lightning_imb.data.class_probabilities import KINDS, class_probabilities

# CIFAR-10, exponential profile, ratio 100
COUNTS = np.array([5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50])
TWO = np.array([900, 1])


def shares(kind, counts=COUNTS, power=0.75, beta=0.9999, progress=0.5):
    return class_probabilities(np.asarray(counts), kind, power, beta, progress)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("sqrt", [0.2447, 0.1895, 0.1467, 0.1136, 0.0879, 0.0681, 0.0527, 0.0408, 0.0315, 0.0245]),
        ("progressive", [0.2515, 0.1708, 0.1224, 0.0934, 0.076, 0.0656, 0.0594, 0.0556, 0.0533, 0.052]),
        ("effective", [0.1193, 0.1086, 0.1026, 0.099, 0.0969, 0.0957, 0.095, 0.0945, 0.0943, 0.0941]),
        ("reverse", [0.00402, 0.00671, 0.0112, 0.01868, 0.03119, 0.05199, 0.08672, 0.14474, 0.24239, 0.40236]),
        ("instance", [0.403, 0.2416, 0.1448, 0.0868, 0.052, 0.0312, 0.0187, 0.0112, 0.0067, 0.004]),
        ("class_balanced", [0.1] * 10),
    ],
)
def test_golden_vectors(kind, wanted):
    assert shares(kind) == pytest.approx(np.array(wanted), abs=1e-4)


@pytest.mark.parametrize("counts", [COUNTS, TWO, [7, 0, 3]])
@pytest.mark.parametrize("kind", KINDS)
def test_they_sum_to_one_and_an_empty_class_is_never_drawn(kind, counts):
    p = shares(kind, counts)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert ((p > 0) == (np.asarray(counts) > 0)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_classes_of_equal_size_are_drawn_alike(kind):
    assert shares(kind, [6, 6, 6]) == pytest.approx(np.full(3, 1 / 3), abs=1e-12)


def test_the_formulas_written_out():
    n, beta = [7.0, 1.0], 0.9
    e = [(1 - beta) / (1 - beta**c) for c in n]
    assert shares("effective", [7, 1], beta=beta)[0] == pytest.approx(7 * e[0] / (7 * e[0] + 1 * e[1]), abs=1e-12)
    assert shares("power", [7, 1], power=0.3)[0] == pytest.approx(7**0.3 / (7**0.3 + 1), abs=1e-12)
    assert shares("progressive", [7, 1], progress=0.2)[0] == pytest.approx(0.8 * 7 / 8 + 0.2 / 2, abs=1e-12)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"kind": "power", "power": 1.0}, "instance"),
        ({"kind": "power", "power": 0.5}, "sqrt"),
        ({"kind": "power", "power": 0.0}, "class_balanced"),
        ({"kind": "progressive", "progress": 0.0}, "instance"),
        ({"kind": "progressive", "progress": 1.0}, "class_balanced"),
        ({"kind": "effective", "beta": 0.0}, "instance"),
        ({"kind": "effective", "beta": 1.0}, "class_balanced"),
    ],
)
def test_kinds_meet_at_the_ends_of_their_ranges(one, other):
    assert shares(**one) == pytest.approx(shares(other), abs=1e-12)
