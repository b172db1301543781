"""Each way of mixing against its formula written out in plain numbers."""

import itertools
import math

import pytest
import torch

from lightning_imb.mixing import CMO, CutMix, MAMix, Mixup, Moment, Remix, UniMix
from lightning_imb.utils.errors import InputError

COUNTS = [5000, 150, 50, 100]
COMMON = {"layer": "input", "probability": 1.0, "start": 0, "end": None, "draw": "sample"}
TARGET = torch.arange(4).repeat(16)
IMAGE = (3, 8, 6)


def plan_of(mixing, target=TARGET, size=None, key=0, epoch=0, epochs=10, shape=IMAGE):
    return mixing.plan(target, len(target) if size is None else size, shape, Moment(epoch, epochs, key))


def mixup(**changes):
    return Mixup(COUNTS, **(COMMON | {"alpha": 1.0} | changes))


def remix(**changes):
    return Remix(COUNTS, **(COMMON | {"alpha": 1.0, "kappa": 3.0, "tau": 0.5} | changes))


def mamix(**changes):
    return MAMix(COUNTS, **(COMMON | {"alpha": 1.0, "exponent": -0.25} | changes))


def test_mixup_mixes_label_as_input_with_a_permutation():
    plan = plan_of(mixup())
    assert torch.equal(plan.own, plan.label)
    assert sorted(plan.partner.tolist()) == list(range(64))
    assert plan.boxes is None
    assert len(set(plan.own.tolist())) > 60


def test_one_draw_for_a_batch():
    assert len(set(plan_of(mixup(draw="batch")).own.tolist())) == 1


def test_alpha_0_mixes_nothing():
    assert plan_of(mixup(alpha=0.0)) is None
    assert plan_of(CutMix(COUNTS, **(COMMON | {"alpha": 0.0}))) is None


@pytest.mark.parametrize(
    ("lam", "mine", "theirs", "share"),
    [(0.4, 0, 2, 0), (0.6, 0, 2, 0.6), (0.6, 2, 0, 1), (0.4, 2, 0, 0.4), (0.4, 1, 2, 0), (0.4, 3, 3, 0.4)],
)
def test_remix_worked_cases(lam, mine, theirs, share):
    """kappa 3, tau .5 and the counts 5000, 150, 50, 100."""
    found = remix().label_share(torch.tensor([lam]), torch.tensor([mine]), torch.tensor([theirs]))
    assert found.item() == pytest.approx(share)


def test_remix_written_out():
    plan = plan_of(remix())
    for i, j, lam, share in zip(range(64), plan.partner.tolist(), plan.own.tolist(), plan.label.tolist(), strict=True):
        r = COUNTS[TARGET[i]] / COUNTS[TARGET[j]]
        wanted = 0 if r >= 3 and lam < 0.5 else 1 if r <= 1 / 3 and 1 - lam < 0.5 else lam
        assert share == pytest.approx(wanted)


def test_remix_without_a_limit_is_mixup():
    plan, plain = plan_of(remix(kappa=float("inf"))), plan_of(mixup())
    assert torch.equal(plan.label, plain.label)
    assert torch.equal(plan.partner, plain.partner)


@pytest.mark.parametrize(("lam", "wanted"), [(0.3, 0.4607), (0.5, 0.3291), (0.8, 0.1316)])
def test_mamix_worked_cases(lam, wanted):
    """Counts 5000 and 50: mu = .2403; lam is the share of the partner's input."""
    found = mamix().label_share(torch.tensor([1 - lam]), torch.tensor([0]), torch.tensor([2]))
    assert found.item() == pytest.approx(wanted, abs=1e-4)


def test_mamix_is_one_half_where_the_shares_are_the_margins():
    mu = 5000**-0.25 / (5000**-0.25 + 50**-0.25)
    found = mamix().label_share(torch.tensor([1 - mu], dtype=torch.float64), torch.tensor([0]), torch.tensor([2]))
    assert found.item() == pytest.approx(0.5, abs=1e-6)


def test_mamix_keeps_whole_labels_whole():
    mine, theirs = torch.tensor([0, 2]), torch.tensor([2, 0])
    assert mamix().label_share(torch.ones(2), mine, theirs).tolist() == [1, 1]
    assert mamix().label_share(torch.zeros(2), mine, theirs).tolist() == [0, 0]


def test_mamix_on_balanced_counts_is_mixup():
    balanced = MAMix([20] * 4, **(COMMON | {"alpha": 1.0, "exponent": -0.25}))
    torch.testing.assert_close(plan_of(balanced).label, plan_of(mixup()).label)


def test_unimix_written_out():
    mixing = UniMix(COUNTS, **(COMMON | {"alpha": 1e6, "tau": -0.5}))  # Beta(1e6, 1e6) is 1/2 within .002
    plan = plan_of(mixing)
    assert torch.equal(plan.own, plan.label)
    assert len(set(TARGET[plan.partner].tolist())) == 4
    for i, (j, own) in enumerate(zip(plan.partner.tolist(), plan.own.tolist(), strict=True)):
        shift = COUNTS[TARGET[j]] / (COUNTS[TARGET[i]] + COUNTS[TARGET[j]])
        around = abs(own - (0.5 + shift) % 1)
        assert min(around, 1 - around) < 0.005  # on the circle: equal classes are at 0, which is 1


def test_unimix_draws_partners_by_rarity():
    mixing = UniMix(COUNTS, **(COMMON | {"alpha": 0.8, "tau": -1.0}))
    target = torch.tensor([0] * 30 + [2] * 10)
    drawn = torch.cat([target[plan_of(mixing, target, key=key).partner] for key in range(300)])
    wanted = 10 / 50 / (10 / 50 + 30 / 5000)
    assert abs((drawn == 2).double().mean().item() - wanted) < 3 * math.sqrt(wanted * (1 - wanted) / len(drawn))


def test_cutmix_label_is_the_share_of_pixels_left():
    plan = plan_of(CutMix(COUNTS, **(COMMON | {"alpha": 1.0})))
    assert plan.boxes is not None
    for (top, bottom, left, right), own, label in zip(
        plan.boxes.tolist(), plan.own.tolist(), plan.label.tolist(), strict=True
    ):
        assert 0 <= top <= bottom <= 8
        assert 0 <= left <= right <= 6
        assert own == label == pytest.approx(1 - (bottom - top) * (right - left) / 48)


def test_cutmix_boxes_have_the_sides_of_the_paper_where_nothing_is_clipped():
    mixing = CutMix(COUNTS, **(COMMON | {"alpha": 1.0}))
    sides = set()
    for key in range(200):
        for top, bottom, left, right in plan_of(mixing, key=key, shape=(1, 101, 51)).boxes.tolist():
            if top > 0 and bottom < 101 and left > 0 and right < 51:
                sides.add((bottom - top, right - left))
    for tall, wide in sides:
        lam = [1 - (t / 101) ** 2 for t in (tall, tall + 1)]
        assert any(wide == int(51 * math.sqrt(1 - x)) for x in torch.linspace(*lam, 200).tolist())
    assert any(tall % 2 for tall, _ in sides)


def test_cmo_takes_boxes_from_the_second_stream():
    mixing = CMO(COUNTS, **(COMMON | {"alpha": 1.0, "power": 1.0}))
    plan = plan_of(mixing, TARGET.repeat(2), size=64)
    assert plan.partner.tolist() == list(range(64, 128))
    assert plan.size == 64
    assert mixing.second == 1.0


def test_cmo_without_a_second_stream_says_so():
    with pytest.raises(InputError, match="second row"):
        plan_of(CMO(COUNTS, **(COMMON | {"alpha": 1.0, "power": 1.0})))


@pytest.mark.parametrize(
    ("make", "changes", "words"),
    [
        (mixup, {"alpha": -1.0}, r"mix\.alpha"),
        (mixup, {"probability": 1.5}, r"mix\.probability"),
        (mixup, {"layer": []}, r"mix\.layer"),
        (mixup, {"start": 1.5}, r"mix\.start"),
        (mixup, {"draw": "row"}, r"mix\.draw"),
        (remix, {"kappa": 0.5}, r"mix\.kappa"),
        (remix, {"tau": 2.0}, r"mix\.tau"),
        (mamix, {"exponent": 1.0}, r"mix\.exponent"),
    ],
)
def test_settings_out_of_range_are_refused(make, changes, words):
    with pytest.raises(InputError, match=words):
        make(**changes)


def test_boxes_of_a_hidden_layer_are_refused():
    with pytest.raises(InputError, match="boxes"):
        CutMix(COUNTS, **(COMMON | {"alpha": 1.0, "layer": "stage1"}))


@pytest.mark.parametrize(
    ("start", "end", "mixing"),
    [
        (0, None, range(10)),
        (0.5, None, range(5, 10)),
        (4, -3, range(4, 7)),
        (0, 0.2, range(2)),
        (2, 3, [2]),
        (7, -3, []),
        (10, None, []),
        (0, 0, []),
    ],
)
def test_epochs_that_mix(start, end, mixing):
    found = [epoch for epoch in range(10) if plan_of(mixup(start=start, end=end), epoch=epoch) is not None]
    assert found == list(mixing)
    assert mixup(start=start, end=end).mixes_in(10) == bool(found)


def test_probability_is_that_of_a_row():
    plan = plan_of(mixup(probability=0.25), target=torch.zeros(4000, dtype=torch.int64))
    mixed = (plan.own < 1).double().mean().item()
    assert abs(mixed - 0.25) < 3 * math.sqrt(0.25 * 0.75 / 4000)
    assert torch.equal(plan.own, plan.label)


def test_rows_left_out_keep_all_their_pixels():
    plan = plan_of(CutMix(COUNTS, **(COMMON | {"alpha": 1.0, "probability": 0.5})))
    whole = plan.own == 1
    assert whole.any()
    top, bottom, left, right = plan.boxes[whole].unbind(1)
    assert ((bottom - top) * (right - left) == 0).all()


def test_a_layer_is_drawn_for_each_batch():
    mixing = mixup(layer=["input", "stage1"])
    assert {plan_of(mixing, key=key).layer for key in range(20)} == {"input", "stage1"}


@pytest.mark.parametrize("make", [mixup, remix, mamix])
def test_a_plan_is_a_function_of_the_key(make):
    one, again, other = (plan_of(make(), key=key) for key in (7, 7, 8))
    assert all(torch.equal(a, b) for a, b in itertools.pairwise([one.own, again.own]))
    assert torch.equal(one.partner, again.partner)
    assert not torch.equal(one.own, other.own)


def test_the_global_generators_are_not_touched():
    before = torch.get_rng_state()
    plan_of(mixup())
    assert torch.equal(torch.get_rng_state(), before)
