import numpy as np
import pytest

from lightning_imb.resampling import FSA


def blobs(counts, features=6, seed=0, dtype=np.float64):
    """Non-negative overlapping classes."""
    rng = np.random.default_rng(seed)
    y = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    centres = 2 * rng.random((len(counts), features))
    return np.abs(centres[y] + rng.normal(size=(len(y), features))).astype(dtype), y


def fusions(X, y, label, heads, specific, generic):
    """All rows that the method can make of one class, with loops over pairs and features."""
    means = np.array([X[y == c].mean(axis=0) for c in np.unique(y)])

    def shares(x, c):
        adds = [max(0.0, (means[c][d] - means[:, d].mean()) * x[d]) for d in range(len(x))]
        return [a / max(adds) if max(adds) > 0 else 0.0 for a in adds]

    made = []
    for tail in X[y == label]:
        own = shares(tail, label)
        for c in heads:
            for head in X[y == c]:
                other = shares(head, c)
                lent = [own[d] <= specific and other[d] < generic for d in range(len(tail))]
                made.append(np.where(lent, head, tail))
    return np.array(made)


@pytest.mark.parametrize(("specific", "generic", "confusing"), [(0.2, 0.2, 3), (0.8, 0.5, 1), (0.5, 1.0, 2)])
def test_every_row_is_a_fusion_of_a_tail_row_and_a_confusing_head_row(specific, generic, confusing):
    X, y = blobs([30, 12, 5, 20])
    sampler = FSA(confusing=confusing, specific=specific, generic=generic, random_state=0)
    result, labels = sampler.fit_resample(X, y)
    for label, report in enumerate(sampler.report_):
        if not report["generated"]:
            continue
        heads = report["confusing"]
        assert all((y == head).sum() > (y == label).sum() for head in heads)
        possible = fusions(X, y, label, heads, specific, generic)
        rows = result[len(X) :][labels[len(X) :] == label]
        gaps = np.abs(rows[:, None] - possible[None]).max(axis=2).min(axis=1)
        np.testing.assert_array_equal(gaps, 0)
        assert len(np.unique(rows, axis=0)) > 5  # pairs vary


def test_only_the_most_confusing_larger_classes_lend():
    """Class 3 sits beside class 2, then 1, then 0; only classes 0 and 1 are larger than it."""
    y = np.repeat([0, 1, 2, 3], [30, 20, 5, 8])
    X = np.array([0.0, 20, 28, 30])[y][:, None] + np.random.default_rng(0).normal(size=(len(y), 2))
    sampler = FSA(confusing=1, random_state=0)
    sampler.fit_resample(X, y)
    assert [entry["confusing"] for entry in sampler.report_] == [None, [0], [3], [1]]
    sampler.set_params(confusing=9).fit_resample(X, y)
    assert [entry["confusing"] for entry in sampler.report_] == [None, [0], [3, 1, 0], [1, 0]]


def test_thresholds_at_their_ends():
    """specific = 0 with no inactive feature keeps every tail feature; generic = 0 lends none."""
    X, y = blobs([30, 6])
    own = {row.tobytes() for row in X[y == 1]}
    result = FSA(generic=0.0, random_state=0).fit_resample(X, y)[0]
    assert {row.tobytes() for row in result[len(X) :]} <= own
    result = FSA(specific=1.0, generic=1.0, random_state=0).fit_resample(X, y)[0]
    assert not {row.tobytes() for row in result[len(X) :]} & own


def test_the_largest_class_falls_back_to_smaller_ones(caplog):
    X, y = blobs([9, 5])
    sampler = FSA(sampling_strategy={0: 12, 1: 12}, random_state=0)
    sampler.fit_resample(X, y)
    assert [entry["confusing"] for entry in sampler.report_] == [[1], [0]]
    assert [entry["fallback"] for entry in sampler.report_] == ["classes of fewer rows", None]
    assert "label 0" in caplog.text


def test_ranges_of_the_features_are_kept():
    """Every feature comes from a row there is, so nothing leaves the range of the data."""
    X, y = blobs([30, 6, 1], dtype=np.float32)
    result = FSA(random_state=0).fit_resample(X, y)[0]
    assert (result >= X.min(axis=0)).all()
    assert (result <= X.max(axis=0)).all()


@pytest.mark.parametrize("wrong", [{"confusing": 0}, {"specific": 1.5}, {"generic": -0.1}])
def test_wrong_parameters_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        FSA(**wrong).fit_resample(*blobs([5, 3]))
