"""Feature distribution smoothing, against the formulas of the paper in plain loops."""

import copy
import math
import statistics

import pytest
import torch
from helpers.conf import node_of
from omegaconf import OmegaConf

from lightning_imb.models.feature_smoothing import FeatureSmoothing
from lightning_imb.utils.errors import InputError

EDGES = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
WINDOW = (0.186, 0.205, 0.217, 0.205, 0.186)  # gaussian, size 5, sigma 2, as released


def smoothing(embed_dim=3, edges=EDGES, **changes):
    settings = {"kernel": "gaussian", "size": 5, "sigma": 2.0, "kernel_impl": "official", "momentum": 0.9}
    settings |= {"start_epoch": 1, "clip": [0.1, 10.0], "empty": "exclude"}
    return FeatureSmoothing(embed_dim, edges, **(settings | changes)).train()


def draw(counts=(5, 8, 4, 6, 3, 7), seed=0, width=3):
    """Features whose mean and spread depend on the bin, in mixed order."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    rows = rows[torch.randperm(len(rows), generator=generator)]
    y = 1.05 + rows + 0.9 * torch.rand(len(rows), generator=generator)
    z = torch.randn(len(rows), width, generator=generator) * (1 + rows[:, None]) + rows[:, None] ** 2
    return z, y


def bin_of(target, bins=6):
    return min(max(math.floor(target) - 1, 0), bins - 1)


def moments(z, y, bins=6):
    """Mean and variance of each bin and dimension; None where a bin is empty."""
    found = []
    for b in range(bins):
        rows = [row for row, target in zip(z.double().tolist(), y.tolist(), strict=True) if bin_of(target, bins) == b]
        columns = list(zip(*rows, strict=True))
        variance = statistics.variance if len(rows) > 1 else lambda column: 0.0
        found.append([(statistics.fmean(c), variance(c)) for c in columns] or None)
    return found


def mirrored(place, bins=6):
    return -place if place < 0 else 2 * (bins - 1) - place if place >= bins else place


def averaged(table, b, d, which, window):
    """Average over near bins, those without samples left out."""
    near = [(weight, table[mirrored(b + j - len(window) // 2, len(table))]) for j, weight in enumerate(window)]
    near = [(weight, entry) for weight, entry in near if entry is not None]
    return sum(weight * entry[d][which] for weight, entry in near) / sum(weight for weight, _ in near)


def by_hand(z, y, table, window):
    """z of the formula, row by row."""
    result = []
    for row, target in zip(z.tolist(), y.tolist(), strict=True):
        b, new = bin_of(target), []
        for d, value in enumerate(row):
            mean, var = table[b][d]
            if var == 0 or sum(v for _, v in table[b]) < 1e-10:
                new.append(value)
                continue
            ratio = min(max(averaged(table, b, d, 1, window) / var, 0.1), 10.0)
            new.append((value - mean) * math.sqrt(ratio) + averaged(table, b, d, 0, window))
        result.append(new)
    return torch.tensor(result)


@pytest.mark.parametrize("counts", [(5, 8, 4, 6, 3, 7), (5, 0, 4, 6, 0, 0), (1, 8, 1, 0, 3, 2), (0, 0, 0, 2, 0, 0)])
def test_features_are_those_of_the_formula(counts):
    z, y = draw(counts)
    module = smoothing()
    module.update(z, y)
    batch = torch.randn(len(y), 3)
    assert torch.allclose(module(batch, y, 1), by_hand(batch, y, moments(z, y), module_window(module)), atol=1e-4)


def module_window(module):
    """The window of a bin in the middle."""
    window = module.window[2, :5].tolist()
    assert window == pytest.approx(WINDOW, abs=5e-4)
    assert torch.allclose(module.window.sum(dim=1), torch.ones(len(module.bins), dtype=torch.float64))
    return window


def test_ends_are_mirrored_and_not_repeated():
    matrix, (a, b, c, *_) = smoothing().window, WINDOW
    assert matrix[0].tolist() == pytest.approx([c, 2 * b, 2 * a, 0, 0, 0], abs=2e-3)
    assert matrix[-2].tolist() == pytest.approx([0, 0, a, b, c + a, b], abs=2e-3)


def test_the_first_statistics_replace_and_later_ones_are_mixed_in():
    module = smoothing(momentum=0.9)
    (z, y), (z2, y2) = draw(), draw(seed=1)
    module.update(z, y)
    first = moments(z, y)
    assert torch.allclose(module.running_mean.double(), torch.tensor([[m for m, _ in b] for b in first]).double())
    module.update(z2, y2)
    for name, which in (("running_mean", 0), ("running_var", 1)):
        wanted = [
            [0.9 * old[which] + 0.1 * new[which] for old, new in zip(b, c, strict=True)]
            for b, c in zip(first, moments(z2, y2), strict=True)
        ]
        assert torch.allclose(getattr(module, name), torch.tensor(wanted), rtol=1e-5)
    assert module.seen.tolist() == [2 * n for n in (5, 8, 4, 6, 3, 7)]


def test_smoothed_statistics_are_of_this_update_and_no_alias_of_it():
    module, (z, y) = smoothing(), draw()
    module.update(z, y)
    window = module.window.float()
    assert torch.allclose(module.smoothed_mean, window @ module.running_mean, rtol=1e-5)
    before = module.smoothed_var.clone()
    module.running_var.zero_()
    assert torch.equal(module.smoothed_var, before)


def test_what_goes_in_stays_as_it_is():
    module, (z, y) = smoothing(), draw()
    kept = z.clone()
    module.update(z, y)
    module(z, y, 1)
    assert torch.equal(z, kept)


def test_a_bin_that_is_seen_late_starts_with_its_own_statistics():
    (z, y), (late, target) = draw((5, 8, 0, 6, 3, 7)), draw((0, 0, 4, 0, 0, 0))
    module = smoothing()
    module.update(z, y)
    running = module.running_mean.clone()
    module.update(late, target)
    assert torch.allclose(module.running_mean[2], late.mean(dim=0))
    assert torch.equal(module.running_mean[[0, 1, 3, 4, 5]], running[[0, 1, 3, 4, 5]])


def test_nothing_happens_in_evaluation_before_the_start_and_before_any_statistics():
    module, (z, y) = smoothing(start_epoch=3), draw()
    assert torch.equal(module(z, y, 3), z)
    module.update(z, y)
    assert torch.equal(module(z, y, 2), z)
    assert not torch.equal(module(z, y, 3), z)
    assert torch.equal(module.eval()(z, y, 3), z)


@pytest.mark.parametrize("settings", [{"kernel": "none"}, {"size": 1}])
def test_a_window_of_one_bin_changes_nothing(settings):
    module, (z, y) = smoothing(**settings), draw()
    module.update(z, y)
    assert torch.allclose(module(z, y, 1), z, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("missing", [(), (2,), (0, 3)])
def test_equal_statistics_in_all_bins_change_nothing(missing):
    one, module = torch.randn(9, 3), smoothing()
    there = [b for b in range(6) if b not in missing]
    z, y = one.repeat(len(there), 1), torch.repeat_interleave(torch.tensor(there) + 1.5, 9)
    module.update(z, y)
    assert torch.allclose(module(z, y, 1), z, atol=1e-5)


def test_the_official_way_counts_empty_bins_with_mean_0_and_variance_1():
    (z, y), module = draw((5, 0, 4, 6, 3, 7)), smoothing(empty="official")
    module.update(z, y)
    table = [[(0.0, 1.0)] * 3 if entry is None else entry for entry in moments(z, y)]
    assert torch.allclose(module(z, y, 1), by_hand(z, y, table, module_window(module)), atol=1e-4)
    late, target = draw((0, 4, 0, 0, 0, 0))
    module.update(late, target)
    assert torch.allclose(module.running_mean[1], 0.1 * late.mean(dim=0), rtol=1e-5)


def test_dimensions_and_bins_without_variance_stay():
    z, y = draw()
    z[:, 1] = 4.0
    z[(y >= 2) & (y < 3)] = torch.tensor([1.0, 2.0, 3.0])
    module = smoothing()
    module.update(z, y)
    found, still = module(z, y, 1), (y >= 2) & (y < 3)
    assert torch.equal(found[still], z[still])
    assert torch.equal(found[~still, 1], z[~still, 1])
    assert not torch.isclose(found[~still, 0], z[~still, 0]).any()


def test_a_bin_that_hardly_varies_stays():
    z, y = draw()
    third = (y >= 3) & (y < 4)
    z[third] = 1 + 1e-6 * torch.randn(int(third.sum()), 3).clamp(-2, 2)
    module = smoothing()
    module.update(z.double(), y)
    assert 0 < module.running_var[2].sum() < 1e-10
    assert torch.equal(module(z, y, 1)[third], z[third])


def test_a_single_sample_has_no_variance_and_stays():
    z, y = draw((5, 1, 4, 6, 3, 7))
    module = smoothing()
    module.update(z, y)
    alone = (y >= 2) & (y < 3)
    assert module.running_var[1].tolist() == [0, 0, 0]
    assert torch.equal(module(z, y, 1)[alone], z[alone])


def test_the_ratio_of_variances_is_clipped():
    z, y = draw()
    z[(y >= 3) & (y < 4)] *= 1e-3
    module = smoothing(clip=[0.25, 4.0])
    module.update(z, y)
    rows = torch.tensor([[0.0, 0, 0], [1.0, 1, 1]])
    first, second = module(rows, torch.tensor([3.5, 3.5]), 1)
    assert torch.allclose(second - first, torch.full((3,), 2.0), rtol=1e-3)  # sqrt(4), and far more without the limit


def test_the_outer_bins_take_what_lies_beyond():
    z, y = draw()
    inside, outside = smoothing(), smoothing()
    inside.update(z, y)
    outside.update(z, torch.where(y < 2, y - 50, torch.where(y >= 6, y + 50, y)))
    assert torch.equal(inside.running_mean, outside.running_mean)
    assert torch.equal(inside(z, y, 1)[y < 2], outside(z[y < 2], y[y < 2] - 50, 1))


def test_the_order_of_rows_and_the_rest_of_the_batch_do_not_matter():
    module, (z, y) = smoothing(), draw()
    module.update(z, y)
    turned = smoothing()
    turned.update(z.flip(0), y.flip(0))
    assert torch.allclose(module.smoothed_var, turned.smoothed_var, rtol=1e-6)
    whole = module(z, y, 1)
    assert torch.equal(torch.cat([module(row[None], target[None], 1) for row, target in zip(z, y, strict=True)]), whole)


def test_the_gradient_is_the_scale_of_each_row():
    torch.manual_seed(0)
    z, y = draw()
    z[:, 1] = 4.0  # without variance: its gradient is 1, and none is NaN
    module = smoothing()
    module.update(z, y)
    leaf = z.double().requires_grad_()
    assert torch.autograd.gradcheck(lambda rows: module(rows, y, 1), leaf)
    (gradient,) = torch.autograd.grad(module(leaf, y, 1).sum(), leaf)
    assert torch.equal(gradient[:, 1], torch.ones(len(y)))


def test_a_batch_never_waits_for_the_device():
    module = smoothing().to("meta")
    assert module(torch.zeros(5, 3, device="meta"), torch.zeros(5, device="meta"), 1).shape == (5, 3)


def test_a_checkpoint_holds_the_statistics():
    module, (z, y) = smoothing(), draw()
    module.update(z, y)
    restored = smoothing()
    restored.load_state_dict(module.state_dict())
    assert torch.equal(restored(z, y, 1), module(z, y, 1))
    for each in (module, restored):
        each.update(*draw(seed=1))
    assert all(torch.equal(value, restored.state_dict()[name]) for name, value in module.state_dict().items())
    assert list(module.parameters()) == []
    assert torch.equal(copy.deepcopy(module)(z, y, 1), module(z, y, 1))


def test_statistics_of_large_features_keep_their_variance():
    z, y = draw((2000, 5, 5, 5, 5, 5))
    module = smoothing()
    module.update(z.double() + 1e4, y)
    assert torch.allclose(module.running_var[0], z[y < 2].var(dim=0), rtol=1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"momentum": 1.5}, "smoothing.momentum is 1.5"),
        ({"start_epoch": 0}, "smoothing.start_epoch is 0; give an epoch from 1 on"),
        ({"start_epoch": 0.5}, "start_epoch is 0.5"),
        ({"clip": [0.0, 10]}, r"smoothing.clip is \[0.0, 10\]; give two numbers"),
        ({"clip": [2.0, 1.0]}, "0 < low <= high"),
        ({"clip": 3.0}, "smoothing.clip is 3.0"),
        ({"clip": [float("nan"), 1.0]}, "give two numbers"),
        ({"empty": "drop"}, "smoothing.empty is 'drop'; choose one of exclude, official"),
        ({"kernel": "box"}, "'box'"),
        ({"size": 4}, "4"),
        ({"size": 13}, "smoothing.size=13 covers more than 6 target bins .* use at most 11"),
    ],
)
def test_unusable_settings(changes, message):
    with pytest.raises(InputError, match=message):
        smoothing(**changes)


def test_the_widest_window_that_can_be_mirrored():
    module, (z, y) = smoothing(size=11, kernel="triang"), draw()
    module.update(z, y)
    assert torch.allclose(module.window.sum(dim=1), torch.ones(6, dtype=torch.float64))
    assert module(z, y, 1).isfinite().all()


def test_options_of_the_config_are_settings_of_the_module():
    settings, without = (OmegaConf.to_container(node_of("smoothing", option)) for option in ("fds", "none"))
    enabled, bins = settings.pop("enabled"), settings.pop("bins")
    assert (enabled, bins) == (True, None)
    assert smoothing(**settings).window[2, :5].tolist() == pytest.approx(WINDOW, abs=5e-4)
    assert without == settings | {"enabled": False, "bins": None}
