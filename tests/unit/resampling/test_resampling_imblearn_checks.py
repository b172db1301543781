"""imbalanced-learn's own suite of estimator checks on every over-sampler written here."""

import pytest
from imblearn.over_sampling import SMOTE
from imblearn.utils.estimator_checks import parametrize_with_checks

from lightning_imb.resampling import EOS, ClassWise, NoResampling

ESTIMATORS = [
    EOS(random_state=0),
    EOS(variant="official", random_state=0),
    ClassWise(SMOTE(), random_state=0),
    NoResampling(random_state=0),
]
SUITE = parametrize_with_checks(ESTIMATORS)


@pytest.mark.parametrize(SUITE.args[0], list(SUITE.args[1]), **SUITE.kwargs)  # a list: pytest 10 takes no generator
def test_imbalanced_learn_check(estimator, check):
    check(estimator)
