import pytest
import torch

from lightning_imb.mixing import Plan, apply, mixed_target


def plan(partner, own, label=None, **changes):
    label = None if label is None else torch.tensor(label)
    return Plan(torch.tensor(partner), torch.tensor(own), label, **changes)


@pytest.mark.parametrize("shape", [(3,), (2, 4, 5)])
def test_blend_is_the_formula_written_out(shape):
    x = torch.randn(3, *shape, dtype=torch.float64)
    partner, own = [2, 0, 1], [0.25, 1.0, 0.5]
    mixed = apply(plan(partner, own), x)
    for i in range(3):
        torch.testing.assert_close(mixed[i], own[i] * x[i] + (1 - own[i]) * x[partner[i]])


def test_a_row_that_keeps_all_is_untouched():
    x = torch.randn(4, 7)
    assert torch.equal(apply(plan([1, 2, 3, 0], [1.0] * 4), x), x)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_mixed_in_float32_and_stays_half(dtype):
    x = torch.tensor([[1.0], [2049.0]]).to(dtype)
    mixed = apply(plan([1, 0], [0.3, 0.3]), x)
    wanted = torch.tensor([0.3, 0.3])[:, None] * x.float() + 0.7 * x.float().flip(0)
    assert mixed.dtype == dtype
    assert torch.equal(mixed, wanted.to(dtype))


def test_box_holds_the_partners_pixels():
    x = torch.arange(2 * 3 * 4 * 5).view(2, 3, 4, 5).float()
    boxes = torch.tensor([[1, 3, 0, 2], [0, 0, 0, 0]])
    mixed = apply(plan([1, 0], [0.8, 1.0], [0.8, 1.0], boxes=boxes), x)
    wanted = x.clone()
    wanted[0, :, 1:3, 0:2] = x[1, :, 1:3, 0:2]
    assert torch.equal(mixed, wanted)


def test_second_stream_gives_partners_and_is_dropped():
    x = torch.tensor([[1.0], [2.0], [10.0], [20.0]])
    assert apply(plan([3, 2], [0.5, 0.9]), x).flatten().tolist() == pytest.approx([10.5, 2.8])
    assert mixed_target(plan([3, 2], [0.5, 0.9], [0.5, 0.9]), torch.tensor([0, 1, 2, 2]), 3).tolist() == [
        [0.5, 0.0, 0.5],
        [0.0, pytest.approx(0.9), pytest.approx(0.1)],
    ]


def test_labels_kept_whole_stay_hard():
    target = torch.tensor([2, 0, 1])
    assert torch.equal(mixed_target(plan([1, 2, 0], [0.6] * 3), target, 3), target)


def test_shares_of_equal_labels_add_up():
    shares = mixed_target(plan([1, 0], [0.3, 0.3], [0.3, 0.3]), torch.tensor([1, 1]), 2)
    assert shares.tolist() == [[0.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize("detach", [False, True])
def test_gradient_of_a_feature_is_the_closed_form(detach):
    """papers: dL/dz_i = lam_i g_i, and without detaching also the sum of (1 - lam_j) g_j over partner(j) = i."""
    generator = torch.Generator().manual_seed(0)
    z, weight = (torch.randn(n, 4, generator=generator, dtype=torch.float64) for n in (5, 3))
    bias, y = torch.randn(3, generator=generator, dtype=torch.float64), torch.tensor([0, 1, 2, 0, 1])
    partner, lam = [3, 3, 0, 1, 4], torch.tensor([0.6, 1.0, 0.7, 0.9, 0.8], dtype=torch.float64)
    z.requires_grad_()
    mixed = apply(Plan(torch.tensor(partner), lam, None, detach=detach), z)
    torch.nn.functional.cross_entropy(mixed @ weight.T + bias, y, reduction="sum").backward()
    with torch.no_grad():
        errors = (mixed @ weight.T + bias).softmax(1) - torch.eye(3, dtype=torch.float64)[y]
        g = errors @ weight
        wanted = lam[:, None] * g
        for j, i in enumerate(partner):
            if not detach:
                wanted[i] += (1 - lam[j]) * g[j]
    torch.testing.assert_close(z.grad, wanted, rtol=0, atol=1e-10)
