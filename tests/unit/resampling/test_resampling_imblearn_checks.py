"""imbalanced-learn's own suite of estimator checks on every over-sampler written here."""

import pytest
from imblearn.over_sampling import SMOTE
from imblearn.utils.estimator_checks import parametrize_with_checks

from lightning_imb import resampling
from lightning_imb.resampling import EOS, FSA, ClassWise, DeepSMOTE, Gaussian, NoResampling, TailCalib


class RowsAsImages(DeepSMOTE):
    """The checks bring rows of any length, which are taken as grey images of one line."""

    def _shape(self, features):
        return 1, 1, features


ESTIMATORS = [
    EOS(random_state=0),
    EOS(variant="official", random_state=0),
    ClassWise(SMOTE(), random_state=0),
    FSA(random_state=0),
    Gaussian(random_state=0),
    Gaussian(covariance="diagonal", shrinkage=0.5, random_state=0),
    TailCalib(random_state=0),
    RowsAsImages(latent=3, width=2, epochs=1, device="cpu", random_state=0),
    NoResampling(random_state=0),
]
SUITE = parametrize_with_checks(ESTIMATORS)


@pytest.mark.parametrize(SUITE.args[0], list(SUITE.args[1]), **SUITE.kwargs)  # a list: pytest 10 takes no generator
def test_imbalanced_learn_check(estimator, check):
    check(estimator)


def test_every_over_sampler_is_checked():
    checked = {base.__name__ for estimator in ESTIMATORS for base in type(estimator).__mro__}
    assert set(resampling.__all__) <= checked
