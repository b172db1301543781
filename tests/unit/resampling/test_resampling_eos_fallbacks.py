import numpy as np
import pytest
from helpers.eos import FALLBACKS, blobs, explain
from sklearn.neighbors import NearestNeighbors

from lightning_imb.resampling import EOS
from lightning_imb.utils.errors import InputError


class TestFallbacks:
    @pytest.fixture
    def separated(self):
        """Class 1 is a tight far cluster: no enemy among its 5 nearest; class 2 touches class 0."""
        X, y = blobs([40, 12, 9])
        X[y == 1] = 100 + 0.01 * X[y == 1]
        X[y == 2] = X[y == 0][:9] + 0.1
        return X, y

    def test_nearest_enemy(self, separated):
        X, y = separated
        sampler = EOS(k=5, random_state=0)
        result, labels = sampler.fit_resample(X, y)
        pairs = {}
        for i in np.flatnonzero(y == 1):
            others = np.flatnonzero(y != 1)
            pairs[i] = {others[np.linalg.norm(X[others] - X[i], axis=1).argmin()]}
        rows = result[len(X) :][labels[len(X) :] == 1]
        assert len(rows) == 28
        assert all(explain(row, X, pairs) for row in rows)
        assert sampler.report_[1] == {
            "label": 1,
            "n": 12,
            "generated": 28,
            "eligible": 0,
            "fallback": "nearest_enemy",
            "partners": {"copy": 0, "same_class": 0, "enemy": 28},
        }
        assert sampler.report_[2]["fallback"] is None

    def test_smote(self, separated):
        X, y = separated
        sampler = EOS(k=5, on_empty="smote", random_state=0)
        result, labels = sampler.fit_resample(X, y)
        own = np.flatnonzero(y == 1)
        table = NearestNeighbors(n_neighbors=6).fit(X[own]).kneighbors(X[own], return_distance=False)
        pairs = {i: set(own[near[1:]]) for i, near in zip(own, table, strict=True)}
        assert all(explain(row, X, pairs) for row in result[len(X) :][labels[len(X) :] == 1])
        assert sampler.report_[1]["partners"] == {"copy": 0, "same_class": 28, "enemy": 0}
        assert sampler.report_[1]["fallback"] == "smote"

    def test_random(self, separated):
        X, y = separated
        sampler = EOS(k=5, on_empty="random", random_state=0)
        result, labels = sampler.fit_resample(X, y)
        own = {row.tobytes() for row in X[y == 1]}
        assert {row.tobytes() for row in result[len(X) :][labels[len(X) :] == 1]} <= own
        assert sampler.report_[1]["partners"]["copy"] == 28

    def test_error(self, separated):
        with pytest.raises(InputError, match="No row of class 1 has an enemy among its k=5"):
            EOS(k=5, on_empty="error").fit_resample(*separated)

    def test_fallbacks_are_logged(self, separated, caplog):
        EOS(k=5, random_state=0).fit_resample(*separated)
        warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
        assert len(warnings) == 1
        assert "class 1" in warnings[0]
        assert "nearest_enemy" in warnings[0]

    def test_other_classes_draw_the_same_whatever_the_fallback(self, separated):
        X, y = separated
        rows = [EOS(k=5, on_empty=f, random_state=0).fit_resample(X, y)[0][-31:].tobytes() for f in FALLBACKS]
        assert rows[0] == rows[1] == rows[2]

    @pytest.mark.parametrize("on_empty", [*FALLBACKS, "error"])
    @pytest.mark.parametrize("variant", ["corrected", "official"])
    def test_a_single_row_needs_no_fallback(self, on_empty, variant):
        X, y = blobs([20, 1])
        sampler = EOS(k=3, on_empty=on_empty, variant=variant, random_state=0)
        _, labels = sampler.fit_resample(X, y)
        assert np.bincount(labels).tolist() == [20, 20]
        assert sampler.report_[1]["eligible"] == 1
        assert sampler.report_[1]["fallback"] is None

    def test_ineligible_rows_can_take_their_nearest_enemy(self):
        """Row 0 sees only its own class; with ineligible=nearest_enemy it pairs with row 3."""
        X, y = (
            np.array([[0.0], [1.25], [1.5], [2], [3], [9], [9.5], [9.7], [9.9]]),
            np.array([1] * 3 + [0] * 6),
        )
        halfway = {}
        for ineligible in ("drop", "nearest_enemy"):
            sampler = EOS(k=2, ineligible=ineligible, r_range=(0.5, 0.5))
            rows = [sampler.set_params(random_state=s).fit_resample(X, y)[0][9:, 0] for s in range(40)]
            halfway[ineligible] = set(np.concatenate(rows))
            assert sampler.report_[1]["eligible"] == 2
        assert halfway["drop"] == {1.625, 1.75}
        assert halfway["nearest_enemy"] == {1.0, 1.625, 1.75}

    def test_ineligible_nearest_enemy_serves_empty_classes_too(self, separated):
        X, y = separated
        sampler = EOS(k=5, ineligible="nearest_enemy", on_empty="error", random_state=0)
        sampler.fit_resample(X, y)
        assert sampler.report_[1]["eligible"] == 0
        assert sampler.report_[1]["partners"]["enemy"] == 28

    def test_cuda_without_a_device_is_an_error(self, monkeypatch):
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
        with pytest.raises(InputError, match="cuda"):
            EOS(device="cuda").fit_resample(*blobs([5, 2]))
        X, y = blobs([5, 2])
        one, other = (EOS(device=d, random_state=0).fit_resample(X, y)[0] for d in ("auto", "cpu"))
        np.testing.assert_array_equal(one, other)
