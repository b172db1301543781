"""SAM and ASAM: what the optimizer gets, what stays untouched, and a fit that is resumed."""

import copy
from contextlib import contextmanager

import pytest
import torch
from helpers import tiny
from pytorch_lightning import Callback, LightningModule
from torch import nn
from torch.optim.lr_scheduler import StepLR

from lightning_imb.models.sam import SAM, still_statistics
from lightning_imb.utils.errors import InputError

CURVES = torch.tensor([1.0, 4.0, 0.5])  # of the quadratic sum c w^2 / 2, whose gradient is c w
START = torch.tensor([1.0, -2.0, 3.0])


def quadratic(weight, optimizer, scale=1.0):
    def closure():
        optimizer.zero_grad()
        loss = scale * (CURVES * weight.square()).sum() / 2
        loss.backward()
        return loss

    return closure


def one_step(rho, adaptive, scale=1.0, lr=0.1):
    """The weights after a step of gradient descent, and what the step returned."""
    weight = nn.Parameter(START.clone())
    optimizer = torch.optim.SGD([weight], lr=lr)
    loss = optimizer.step(SAM(rho, adaptive).around(optimizer, quadratic(weight, optimizer, scale)))
    return weight.detach(), loss.item()


def test_a_step_of_sam_is_the_one_worked_out_by_hand():
    # gradient (1, -8, 1.5), length sqrt(67.25) = 8.200610; w + .5 g / length = (1.060971, -2.487769, 3.091457)
    weight, loss = one_step(rho=0.5, adaptive=False)
    assert weight.tolist() == pytest.approx([1 - 0.1060971, -2 + 0.9951076, 3 - 0.1545728], abs=1e-6)
    assert loss == pytest.approx(0.5 * 1.060971**2 + 2 * 2.487769**2 + 0.25 * 3.091457**2, rel=1e-5)


def test_a_step_of_asam_is_the_one_worked_out_by_hand():
    # |w| g = (1, -16, 4.5), length sqrt(277.25) = 16.650826; w + .5 w^2 g / length
    weight, _ = one_step(rho=0.5, adaptive=True)
    moved = [1 + 0.5 * 1 / 16.650826, -2 - 0.5 * 32 / 16.650826, 3 + 0.5 * 13.5 / 16.650826]
    expected = [w - 0.1 * c * m for w, c, m in zip([1, -2, 3], [1, 4, 0.5], moved, strict=True)]
    assert weight.tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("adaptive", [False, True])
def test_the_length_is_that_of_all_weights_together(adaptive):
    parts = [nn.Parameter(START[:1].clone()), nn.Parameter(START[1:].clone())]
    unused = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.SGD([{"params": parts[:1]}, {"params": [parts[1], unused]}], lr=0.1)

    def closure():
        optimizer.zero_grad()
        (CURVES * torch.cat(parts).square()).sum().div(2).backward()

    optimizer.step(SAM(0.5, adaptive).around(optimizer, closure))
    torch.testing.assert_close(torch.cat(parts).detach(), one_step(0.5, adaptive)[0])
    assert unused.tolist() == [1, 1]


def test_radius_zero_is_the_optimizer_itself():
    optimizer = torch.optim.SGD([nn.Parameter(START)], lr=0.1)
    closure = quadratic(START, optimizer)
    assert SAM(0.0, False).around(optimizer, closure) is closure


@pytest.mark.parametrize("adaptive", [False, True])
def test_a_scaled_loss_climbs_to_the_same_place(adaptive):
    scaled, _ = one_step(rho=0.5, adaptive=adaptive, scale=1024.0, lr=0.1 / 1024)
    torch.testing.assert_close(scaled, one_step(rho=0.5, adaptive=adaptive)[0])


@pytest.mark.parametrize(("factor", "stepped"), [(1024.0, True), (1e38, False)], ids=["fits", "overflows"])
def test_a_loss_scaler_steps_as_without_scaling_or_skips_the_step(factor, stepped):
    weight = nn.Parameter(START.clone())
    optimizer = torch.optim.SGD([weight], lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=factor)

    def closure():
        optimizer.zero_grad()
        loss = (CURVES * weight.square()).sum() / 2
        scaler.scale(loss).backward()
        return loss

    loss = SAM(0.5, False).around(optimizer, closure)()
    scaler.step(optimizer)
    scaler.update()
    torch.testing.assert_close(weight.detach(), one_step(0.5, False)[0] if stepped else START)
    assert torch.isfinite(loss)
    assert (scaler.get_scale() == factor) is stepped


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("scale", [0.0, torch.inf])
def test_weights_stay_put_where_the_gradient_is_nothing_or_infinite(adaptive, scale):
    weight = nn.Parameter(START.clone())
    optimizer = torch.optim.SGD([weight], lr=0.0)
    seen = []

    def closure():
        seen.append(weight.detach().clone())
        return quadratic(weight, optimizer, scale)()

    SAM(0.5, adaptive).around(optimizer, closure)()
    assert torch.equal(seen[1], START)
    assert torch.equal(weight.detach(), START)


def test_weights_are_put_back_to_the_bit_even_if_the_second_pass_fails():
    weight = nn.Parameter(torch.randn(50))
    before = weight.detach().clone()
    optimizer = torch.optim.SGD([weight], lr=0.1)
    calls = []

    def closure():
        calls.append(weight.detach().clone())
        if len(calls) == 2:
            raise ArithmeticError
        weight.grad = torch.randn(50)

    with pytest.raises(ArithmeticError):
        SAM(0.5, False).around(optimizer, closure)()
    assert not torch.equal(calls[1], before)
    assert torch.equal(weight.detach(), before)


def test_both_passes_draw_alike_and_the_next_step_goes_on_as_without_sam():
    weight = nn.Parameter(START.clone())
    optimizer = torch.optim.SGD([weight], lr=0.1)
    drawn = []

    def closure():
        drawn.append(torch.rand(4))
        return quadratic(weight, optimizer)()

    torch.manual_seed(3)
    optimizer.step(SAM(0.5, False).around(optimizer, closure))
    after = torch.rand(4)
    torch.manual_seed(3)
    assert torch.equal(drawn[0], torch.rand(4))
    assert torch.equal(drawn[0], drawn[1])
    assert torch.equal(after, torch.rand(4))


@pytest.mark.parametrize(("rho", "adaptive", "word"), [(-0.1, False, "rho is -0.1"), (0.1, "yes", "adaptive is 'yes'")])
def test_unusable_settings_are_named(rho, adaptive, word):
    with pytest.raises(InputError, match=word):
        SAM(rho, adaptive)


@pytest.mark.parametrize("momentum", [0.1, None])
def test_batch_norm_that_stands_still_normalises_by_its_batch_and_measures_nothing(momentum):
    images = torch.randn(8, 3, 4, 4)
    network = nn.Sequential(nn.BatchNorm2d(3, momentum=momentum), nn.BatchNorm2d(3, track_running_stats=False))
    network(images + 1)
    other, before = copy.deepcopy(network), copy.deepcopy(network.state_dict())
    with still_statistics(network):
        still = network(images)
        frozen = network.eval()(images)
        network.train()
    assert torch.equal(still, other(images))
    assert torch.equal(frozen, other.load_state_dict(before) and other.eval()(images))
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    network(images)
    assert network[0].num_batches_tracked == before["0.num_batches_tracked"] + 1
    assert not network[1].track_running_stats


class Sharp(LightningModule):
    """A small network with batch norm and dropout; notes how it is called."""

    def __init__(self, rho):
        super().__init__()
        torch.manual_seed(0)
        layers = (nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.ReLU(), nn.Linear(8, 3))
        self.network = nn.Sequential(*layers)
        self.sam = SAM(rho, adaptive=False)
        self.second, self.losses = False, []

    def training_step(self, batch, batch_idx):
        loss = nn.functional.cross_entropy(self.network(batch.inputs), batch.target)
        if not self.second:
            self.losses.append(loss.item())
        return loss

    def optimizer_step(self, epoch, batch_idx, optimizer, optimizer_closure=None):
        optimizer.step(closure=self.sam.around(optimizer, optimizer_closure, self.second_pass))

    def validation_step(self, batch, batch_idx):
        """The data come with a validation set."""

    @contextmanager
    def second_pass(self):
        self.second = True
        with still_statistics(self):
            yield
        self.second = False

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)
        return [optimizer], [StepLR(optimizer, step_size=1, gamma=0.5)]


class Seed(Callback):
    """Draws of a batch are a function of the step, as in our own fits."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        torch.manual_seed(trainer.global_step)


def fit(folder, module, epochs, resume=None):
    torch.manual_seed(1)
    trainer = tiny.trainer(folder, epochs, [Seed()], use_distributed_sampler=False)
    trainer.fit(module, datamodule=tiny.data_module(), ckpt_path=resume, weights_only=True)
    return trainer


def test_a_resumed_fit_is_the_same_to_the_bit(tmp_path):
    whole, half = Sharp(0.5), Sharp(0.5)
    fit(tmp_path, whole, 4)
    fit(tmp_path, half, 2).save_checkpoint(tmp_path / "half.ckpt")
    rest = Sharp(0.5)
    trainer = fit(tmp_path, rest, 4, tmp_path / "half.ckpt")
    assert trainer.global_step == len(whole.losses)
    assert half.losses + rest.losses == whole.losses
    for name, value in whole.state_dict().items():
        assert torch.equal(value, rest.state_dict()[name]), name


def test_a_fit_counts_each_batch_once_and_its_checkpoint_is_that_of_the_optimizer(tmp_path):
    sharp, plain = Sharp(0.5), Sharp(0.0)
    for module, name in ((sharp, "sharp"), (plain, "plain")):
        fit(tmp_path, module, 2).save_checkpoint(tmp_path / name)
    checkpoints = [torch.load(tmp_path / name, weights_only=True) for name in ("sharp", "plain")]
    ours, theirs = (checkpoint["optimizer_states"][0] for checkpoint in checkpoints)
    assert ours["param_groups"] == theirs["param_groups"]
    assert ours["param_groups"][0]["lr"] == 0.025
    assert len(sharp.losses) == len(plain.losses) == checkpoints[0]["global_step"]
    assert sharp.losses[0] == plain.losses[0]
    assert sharp.losses[-1] != plain.losses[-1]
    assert sharp.network[2].num_batches_tracked == plain.network[2].num_batches_tracked == len(plain.losses)
