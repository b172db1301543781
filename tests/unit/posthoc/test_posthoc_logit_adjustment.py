import math

import pytest
import torch
from helpers.posthoc import COUNTS, given, linear, recalls
from torch import nn

from lightning_imb.losses.logit_adjustment import LogitAdjustmentLoss
from lightning_imb.models.heads import CosineHead
from lightning_imb.posthoc import LogitAdjustment
from lightning_imb.utils.errors import InputError

UNIFORM = [0.25] * 4


def same_softmax(a, b):
    return torch.allclose(a.softmax(1), b.softmax(1), atol=1e-6)


@pytest.mark.parametrize("tau", [0.0, 0.5, 1.0, 2.0])
def test_logits_lose_tau_times_the_log_prior(tau):
    head, z = linear(), torch.randn(9, 6)
    adjusted = LogitAdjustment(tau=tau).adjust(given(head, val=None)).head
    shift = [tau * math.log(n / sum(COUNTS)) for n in COUNTS]
    assert torch.allclose(adjusted(z), head(z) - torch.tensor(shift), atol=1e-5)


def test_golden_log_prior():
    counts = (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50)
    golden = [-0.9087, -1.4206, -1.9326, -2.444, -2.9567, -3.4675, -3.9792, -4.4915, -5.0071, -5.5139]
    shift = LogitAdjustment(tau=1).shift(given(counts=counts), 1.0)
    assert torch.allclose(shift, -torch.tensor(golden, dtype=torch.float64), atol=1e-4)


def test_tau_0_is_the_trained_head():
    head, z = linear(), torch.randn(50, 6)
    assert torch.equal(LogitAdjustment(tau=0).adjust(given(head)).head(z), head(z))


def test_pc_softmax_exchanges_the_priors():
    head, z, prior = linear(), torch.randn(9, 6), [0.1, 0.2, 0.3, 0.4]
    adjusted = LogitAdjustment(tau=1, target_prior=prior).adjust(given(head)).head
    share = torch.tensor(COUNTS) / sum(COUNTS)
    by_bayes = head(z).softmax(1) / share * torch.tensor(prior)
    assert torch.allclose(adjusted(z).softmax(1), by_bayes / by_bayes.sum(1, keepdim=True), atol=1e-6)


def test_a_uniform_prior_written_out_is_the_uniform_one():
    head, z = linear(), torch.randn(9, 6)
    one, other = (LogitAdjustment(1, target_prior=p).adjust(given(head)).head(z) for p in ("uniform", UNIFORM))
    assert same_softmax(one, other)


def test_the_target_prior_may_be_counts():
    head, z = linear(), torch.randn(9, 6)
    heads = [LogitAdjustment(1, target_prior=p).adjust(given(head)).head for p in ([1, 2, 3, 4], [0.1, 0.2, 0.3, 0.4])]
    assert torch.allclose(heads[0](z), heads[1](z), atol=1e-6)


def test_the_prior_of_the_training_set_undoes_nothing():
    head, z = linear(), torch.randn(9, 6)
    assert same_softmax(LogitAdjustment(1, target_prior=list(COUNTS)).adjust(given(head)).head(z), head(z))


def test_it_undoes_in_prediction_what_the_loss_does_in_training():
    logits = linear()(torch.randn(9, 6))
    raised = LogitAdjustmentLoss(COUNTS, tau=1.5).adjusted(logits)

    class Raised(nn.Module):
        def forward(self, z):
            return raised

    assert same_softmax(LogitAdjustment(tau=1.5).adjust(given(Raised())).head(None), logits)


@pytest.mark.parametrize(
    "head", [CosineHead(6, 4, scale=30), nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))]
)
def test_any_head_will_do(head):
    z = torch.randn(5, 6)
    assert torch.equal(LogitAdjustment(tau=0).adjust(given(head)).head(z), head(z))


def test_two_classes_and_balanced_counts():
    head, z = linear(classes=2), torch.randn(9, 6)
    adjusted = LogitAdjustment(tau=1).adjust(given(head, (7, 7), val=None)).head
    assert torch.equal(adjusted(z).argmax(1), head(z).argmax(1))
    assert same_softmax(adjusted(z), head(z))


# --- heads whose loss took the prior out already


def test_an_adjusted_head_is_not_adjusted_again():
    with pytest.raises(InputError, match="adjusted already: choose posthoc=none"):
        LogitAdjustment(tau=1).check_worth(given(head_prior=UNIFORM))


def test_at_the_end_of_a_training_nothing_to_adjust_is_no_error():
    head, z = linear(), torch.randn(9, 6)
    assert same_softmax(LogitAdjustment(tau=1).adjust(given(head, head_prior=UNIFORM)).head(z), head(z))


def test_an_adjusted_head_gets_the_test_prior_alone():
    head, z, prior = linear(), torch.randn(9, 6), [0.1, 0.2, 0.3, 0.4]
    adjusted = LogitAdjustment(tau=1, target_prior=prior).adjust(given(head, head_prior=UNIFORM)).head
    assert same_softmax(adjusted(z), head(z) + torch.tensor(prior).log())


def test_what_is_left_of_the_prior_is_taken_out():
    head, z = linear(), torch.randn(9, 6)
    left = torch.tensor(COUNTS).double().sqrt()  # as after training with tau=0.5
    adjusted = LogitAdjustment(tau=1).adjust(given(head, head_prior=(left / left.sum()).tolist())).head
    assert same_softmax(adjusted(z), head(z) - 0.5 * torch.tensor(COUNTS).log())


def test_balanced_classes_leave_nothing_to_refuse():
    LogitAdjustment(tau=1).check_worth(given(counts=(5, 5, 5, 5), head_prior=UNIFORM))


# --- settings


def test_the_search_maximises_balanced_accuracy_on_validation():
    question, grid = given(), [0.0, 1.0, 2.0]
    report = LogitAdjustment("search", grid).adjust(question).report
    z, target = question.val()
    logits, log_prior = question.head(z), torch.tensor([math.log(n / sum(COUNTS)) for n in COUNTS])
    by_hand = [sum(recalls(logits - tau * log_prior, target)) / 4 for tau in grid]
    assert report["val_bacc"] == pytest.approx(by_hand)
    assert report["tau"] == grid[by_hand.index(max(by_hand))]
    assert report["target_prior"] == "uniform"


def test_a_search_for_another_prior_than_the_uniform_one_is_refused():
    with pytest.raises(InputError, match=r"give a number such as posthoc\.tau=1"):
        LogitAdjustment("search", target_prior=[1, 2, 3, 4])


@pytest.mark.parametrize("prior", ["balanced", [0.5, 0, 0.25, 0.25], [0.5, -1, 1, 1], [], 0.5, ["a", 1, 1, 1]])
def test_an_unusable_prior_is_refused(prior):
    with pytest.raises(InputError, match=r"posthoc\.target_prior"):
        LogitAdjustment(1, target_prior=prior)


def test_a_prior_of_another_length_is_refused():
    with pytest.raises(InputError, match="3 numbers for 4 classes"):
        LogitAdjustment(1, target_prior=[1, 1, 2]).check(given())
