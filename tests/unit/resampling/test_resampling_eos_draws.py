import numpy as np
import pytest
from helpers.eos import blobs, naive_pairs
from sklearn.neighbors import NearestNeighbors

from lightning_imb.resampling import EOS
from lightning_imb.utils.errors import InputError


class TestBudget:
    @pytest.mark.parametrize("settings", [{}, {"per_feature": True}, {"variant": "official"}, {"on_empty": "smote"}])
    def test_memory_and_backend_do_not_change_the_rows(self, settings):
        X, y = blobs([5_200, 300, 40], dtype=np.float32, spread=0.2)
        results = [
            EOS(k=4, random_state=0, **settings, **how).fit_resample(X, y)[0].tobytes()
            for how in ({}, {"memory_mb": 1}, {"backend": "faiss"})
        ]
        assert results[0] == results[1] == results[2]

    def test_the_rows_are_those_of_whole_class_draws(self):
        """The definition, written without pieces: bases, partners, then one r per row, from the class's generator."""
        X, y = blobs([9_000, 60], dtype=np.float32)
        result, _ = EOS(k=3, random_state=5).fit_resample(X, y)
        rng = np.random.default_rng([np.random.RandomState(5).randint(np.iinfo(np.int32).max), 1])
        pairs = naive_pairs(X.astype(np.float64), y, 3, "corrected")
        bases = [i for i in np.flatnonzero(y == 1) if i in pairs]
        base = rng.integers(0, len(bases), 8_940)
        near = NearestNeighbors(n_neighbors=4, algorithm="brute").fit(X.astype(np.float64))
        table = near.kneighbors(X[bases].astype(np.float64), return_distance=False)[:, 1:]
        enemies = [[j for j in row if y[j] == 0] for row in table]
        option = rng.integers(0, np.array([len(e) for e in enemies])[base])
        start = X[bases][base]
        end = X[[enemies[b][o] for b, o in zip(base, option, strict=True)]]
        expected = start + rng.random((8_940, 1), dtype=np.float32) * (end - start)
        assert result[len(X) :].tobytes() == expected.tobytes()

    def test_faiss_that_is_not_installed_is_an_error_even_with_nothing_to_generate(self, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(InputError, match="faiss"):
            EOS(backend="faiss").fit_resample(*blobs([5, 5]))


class TestRandomness:
    def test_same_seed_same_bytes(self):
        X, y = blobs([50, 20, 8])
        one, again, other = (EOS(random_state=s).fit_resample(X, y)[0].tobytes() for s in (7, 7, 8))
        assert one == again
        assert one != other

    def test_random_state_objects_advance_and_none_follows_numpy(self):
        X, y = blobs([50, 20, 8])
        sampler = EOS(random_state=np.random.RandomState(0))
        first, second = (sampler.fit_resample(X, y)[0].tobytes() for _ in range(2))
        assert first != second
        assert first == EOS(random_state=np.random.RandomState(0)).fit_resample(X, y)[0].tobytes()
        assert EOS().fit_resample(X, y)[0].tobytes() != EOS().fit_resample(X, y)[0].tobytes()

    def test_classes_do_not_share_their_draws(self):
        X, y = np.r_[np.zeros(20), 1, -1][:, None], np.r_[np.zeros(20, int), 1, 2]
        new = EOS(k=3, random_state=0).fit_resample(X, y)[0][22:, 0]
        assert not np.isclose(new[:19], -new[19:]).any()

    def test_a_change_in_one_class_leaves_the_rows_of_the_others(self):
        """Classes 0 and 1 touch, class 2 is far away: moving or thinning it changes nobody else's rows."""
        X, y = blobs([50, 20, 15])
        X[y == 2] += 1000
        moved = X.copy()
        moved[y == 2] *= 3
        kept = np.ones(len(y), bool)
        kept[np.flatnonzero(y == 2)[:6]] = False
        results = []
        for data, classes in ((X, y), (moved, y), (X[kept], y[kept])):
            rows, labels = EOS(k=5, on_empty="smote", random_state=0).fit_resample(data, classes)
            new = slice(len(data), None)
            results.append(rows[new][labels[new] == 1].tobytes())
        assert results[0] == results[1] == results[2]
