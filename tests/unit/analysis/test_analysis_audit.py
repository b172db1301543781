"""What over-samplers tell of each class, and what their rows show."""

import numpy as np
import pytest
from imblearn.over_sampling import SMOTE

from lightning_imb.analysis import audit as module
from lightning_imb.analysis.audit import LIES, PARTNERS, seen_in_result, told_by_resampler
from lightning_imb.resampling import EOS, ClassWise
from lightning_imb.utils.errors import InputError

# two real rows of class 0, two of class 1; then synthetic ones of class 1
REAL = [[0.0, 0.0], [1.0, 0.0], [10.0, 0.0], [11.0, 0.0]]
MADE = [[10.0, 0.0], [10.4, 0.0], [9.0, 0.0], [2.0, 0.0]]
Y = np.array([0, 0, 1, 1, 1, 1, 1, 1])


def seen(z, y, n_real, num_classes, max_rows=10_000, seed=0):
    return seen_in_result(np.asarray(z), y, n_real, num_classes, max_rows, seed).set_index("class")


def blobs(counts=(40, 15, 6)):
    y = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).normal(y[:, None], 1.0, (len(y), 4)).astype(np.float32), y


def by_loops(z, y, n_real):
    """Kind of the place of each synthetic row."""
    kinds = []
    for row, label in zip(z[n_real:], y[n_real:], strict=True):
        distances = np.linalg.norm(z[:n_real].astype(np.float64) - row, axis=1)
        nearest = distances.argmin()
        kinds.append("copy" if distances[nearest] == 0 else "near_own" if y[nearest] == label else "near_enemy")
    return np.array(kinds)


def test_places_of_synthetic_rows():
    table = seen(REAL + MADE, Y, 4, 2)
    assert table.loc[1, ["n", "generated", "looked_at", *LIES]].tolist() == [2, 4, 4, 1, 2, 1]
    assert table.loc[1, "near_own_share"] == 0.5
    assert table.loc[0, ["n", "generated", "looked_at"]].tolist() == [2, 0, 0]
    assert table.loc[0, ["copy_share", "near_own_share", "near_enemy_share"]].isna().all()


@pytest.mark.parametrize("rows_at_once", [1, 7, 10_000])
def test_blocks_of_real_rows_do_not_change_the_answer(monkeypatch, rows_at_once):
    X, labels = blobs()
    z, y = EOS(k=10, variant="official", random_state=0).fit_resample(X, labels)
    monkeypatch.setattr(module, "_BLOCK_BYTES", rows_at_once * 4 * 4)
    monkeypatch.setattr(module, "_PIECE", 5)
    kinds = by_loops(z, y, len(X))
    table = seen(z, y, len(X), 3)
    for c in range(3):
        assert table.loc[c, list(LIES)].tolist() == [(kinds[y[len(X) :] == c] == name).sum() for name in LIES]
    assert 0 < table["copy"].sum() < len(kinds)


def test_a_part_of_many_rows_is_shared_out_evenly():
    y = np.repeat([0, 1, 2, 0, 1, 2], [2, 2, 2, 3, 50, 80])
    z = np.random.default_rng(0).normal(size=(len(y), 2))
    table = seen(z, y, 6, 3, max_rows=43)
    assert table["looked_at"].tolist() == [3, 20, 20]
    assert table["generated"].tolist() == [3, 50, 80]
    assert (table[list(LIES)].sum(axis=1) == table["looked_at"]).all()
    assert table.equals(seen(z, y, 6, 3, max_rows=43))
    with pytest.raises(InputError, match="max_rows"):
        seen(z, y, 6, 3, max_rows=2)


def test_without_synthetic_rows_there_is_nothing_to_see():
    table = seen(REAL, Y[:4], 4, 2)
    assert table["generated"].tolist() == [0, 0]
    assert table["copy_share"].isna().all()


def test_what_eos_tells():
    X, y = blobs()
    sampler = EOS(k=3, variant="official", random_state=0)
    sampler.fit_resample(X, y)
    table = told_by_resampler(sampler.report_).set_index("label")
    for entry in sampler.report_[1:]:
        row = table.loc[entry["label"]]
        assert row["eligible_share"] == entry["eligible"] / entry["n"]
        shares = [row[f"partners_{kind}_share"] for kind in PARTNERS]
        assert shares == [entry["partners"][kind] / entry["generated"] for kind in PARTNERS]
        assert sum(shares) == pytest.approx(1)
    assert table.loc[0].drop(["n", "generated"]).isna().all()  # nothing was generated
    assert "partners" not in table


def test_what_other_over_samplers_tell_stays_as_it_is():
    X, y = blobs()
    sampler = ClassWise(SMOTE(k_neighbors=5), random_state=0)
    sampler.fit_resample(X, y)
    table = told_by_resampler(sampler.report_)
    assert table["sampler"].tolist() == [entry["sampler"] for entry in sampler.report_]
    assert not {"eligible_share", "partners_copy_share"} & set(table)


def test_a_balanced_set_tells_of_no_partners():
    X, y = blobs((8, 8))
    sampler = EOS(k=3, random_state=0)
    sampler.fit_resample(X, y)
    assert told_by_resampler(sampler.report_)["label"].tolist() == [0, 1]
