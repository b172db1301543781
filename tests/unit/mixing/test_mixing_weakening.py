import math

import pytest
import torch

from lightning_imb.mixing import EMBEDDING, MajorFeatureWeakening, Moment
from lightning_imb.utils.errors import InputError

STEP = [100, 100, 5, 5]
TARGET = torch.arange(4).repeat(8)
DEFAULTS = {
    **{"law": "fixed", "lam_min": 0.6, "threshold": None, "power": 0.1, "spread": "none", "a": 1.0, "b": 1.0},
    **{"partner": "any", "deranged": False, "partner_detach": False, "label": "keep"},
    **{"layer": EMBEDDING, "probability": 1.0, "start": 0, "end": None, "draw": "sample"},
}


def weakening(counts=STEP, **changes):
    return MajorFeatureWeakening(counts, **(DEFAULTS | changes))


def plan_of(mixing, target=TARGET, key=0, epoch=0):
    return mixing.plan(target, len(target), (16,), Moment(epoch, 10, key))


def test_major_rows_keep_lam_min_and_minor_rows_everything():
    plan = plan_of(weakening())
    assert plan.own.tolist() == pytest.approx([0.6 if y < 2 else 1.0 for y in TARGET.tolist()])
    assert plan.label is None
    assert plan.layer == EMBEDDING
    assert not plan.detach


def test_labels_may_be_mixed_as_the_features():
    plan = plan_of(weakening(label="mix"))
    assert torch.equal(plan.label, plan.own)
    assert weakening(label="mix").mixes_labels
    assert not weakening().mixes_labels


@pytest.mark.parametrize("changes", [{"counts": [9, 9, 9, 9]}, {"lam_min": 1.0}])
def test_where_nothing_is_weakened_nothing_is_mixed(changes):
    assert plan_of(weakening(**changes)) is None


def test_the_switch_off_epoch():
    assert plan_of(weakening(end=4), epoch=3) is not None
    assert plan_of(weakening(end=4), epoch=4) is None


def test_a_batch_of_one_is_left_alone():
    assert plan_of(weakening(), torch.tensor([0])) is None


def test_minor_partners_only():
    mixing = weakening(partner="minor_only")
    plan = plan_of(mixing)
    assert set(TARGET[plan.partner].tolist()) <= {2, 3}
    assert mixing.without_minor == 0


def test_without_a_minor_row_any_is_a_partner_and_it_is_counted():
    mixing = weakening(partner="minor_only")
    target = torch.tensor([0, 1, 0, 1])
    assert set(plan_of(mixing, target).partner.tolist()) <= set(range(4))
    plan_of(mixing, target, key=1)
    assert mixing.without_minor == 2


def test_nobody_weakens_itself_when_deranged():
    for key in range(10):
        assert (plan_of(weakening(deranged=True), key=key).partner != torch.arange(32)).all()


def mean_of_majors(mixing, repeats=200):
    target = torch.zeros(100, dtype=torch.int64)
    return torch.stack([plan_of(mixing, target, key=key).own for key in range(repeats)]).double().mean().item()


def test_beta_spread_has_its_mean():
    a, b = 2.0, 3.0
    deviation = 0.4 * math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1))) / math.sqrt(20000)
    assert abs(mean_of_majors(weakening(spread="beta", a=a, b=b)) - (1 - 0.4 * a / (a + b))) < 3 * deviation


def test_folded_beta_spread_of_a_uniform_has_its_mean():
    # t uniform, folded to [1/2, 1]: 2 (1 - t) is uniform in [0, 1]
    assert abs(mean_of_majors(weakening(spread="folded_beta")) - (1 - 0.4 / 2)) < 3 * 0.4 / math.sqrt(12 * 20000)


@pytest.mark.parametrize("spread", ["beta", "folded_beta"])
def test_spreads_stay_in_range_and_leave_minor_rows_whole(spread):
    plan = plan_of(weakening(spread=spread))
    assert ((plan.own >= 0.6 - 1e-6) & (plan.own <= 1)).all()
    assert (plan.own[TARGET >= 2] == 1).all()


def test_partners_can_be_detached():
    assert plan_of(weakening(partner_detach=True)).detach


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"law": "cubic"}, r"mix\.law"),
        ({"lam_min": -0.1}, r"mix\.lam_min"),
        ({"threshold": -1.0}, r"mix\.threshold"),
        ({"spread": "normal"}, r"mix\.spread"),
        ({"partner": "major"}, r"mix\.partner"),
        ({"partner_detach": "no"}, r"mix\.partner_detach"),
        ({"label": "soft"}, r"mix\.label"),
        ({"a": 0.0}, r"mix\.a"),
    ],
)
def test_settings_out_of_range_are_refused(changes, words):
    with pytest.raises(InputError, match=words):
        weakening(**changes)
