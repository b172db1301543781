import pytest
import torch
from torch.nn import functional as F

from lightning_imb.resampling.autoencoder import Autoencoder, Recipe, class_penalty, in_batches, train_autoencoder

SHAPES = [(1, 8, 8), (3, 7, 5), (1, 1, 9), (2, 1, 1), (3, 33, 16)]


def recipe(**changed):
    plain = Recipe(epochs=3, batch_size=4, lr=1e-2, penalty="permuted", penalty_weight=1.0, device="cpu")
    return plain._replace(**changed)


def images(number, shape=(1, 4, 4), seed=0):
    return 2 * torch.rand(number, *shape, generator=torch.Generator().manual_seed(seed)) - 1


def trained(x, y, seed=0, **changed):
    torch.manual_seed(0)
    net = Autoencoder(tuple(x.shape[1:]), latent=5, width=3)
    train_autoencoder(net, x, y, recipe(**changed), torch.Generator().manual_seed(seed))
    return net


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_images_of_any_size_come_back_in_their_size(shape):
    net = Autoencoder(shape, latent=7, width=2)
    x = images(3, shape)
    assert net.encoder(x).shape == (3, 7)
    assert net(x).shape == x.shape
    assert net(100 * x).abs().max() <= 1


def test_maps_shrink_to_4_pixels_and_channels_grow_8_fold_at_most():
    net = Autoencoder((3, 128, 128), latent=7, width=2)
    convolutions = [m for m in net.encoder.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [2, 4, 8, 16, 16]
    assert net.encoder[-1].in_features == 16 * 4 * 4


def test_permuted_penalty_pairs_each_image_with_the_code_of_another():
    net, x = Autoencoder((1, 4, 4), latent=5, width=3).eval(), images(4)
    decoded = [net.decoder(net.encoder(x))[i] for i in range(4)]
    pairs = [(decoded[3], x[0]), (decoded[0], x[1]), (decoded[1], x[2]), (decoded[2], x[3])]
    wanted = sum(((a - b) ** 2).mean() for a, b in pairs) / 4
    torch.testing.assert_close(class_penalty(net, x, "permuted"), wanted)


def test_released_penalty_is_reconstruction_that_only_the_decoder_learns_from():
    net, x = Autoencoder((1, 4, 4), latent=5, width=3).eval(), images(4)
    penalty = class_penalty(net, x, "released")
    torch.testing.assert_close(penalty, F.mse_loss(net(x), x))
    penalty.backward()
    assert all(p.grad is None for p in net.encoder.parameters())
    assert all(p.grad is not None for p in net.decoder.parameters())


def test_training_learns_to_reconstruct():
    """Images that two numbers describe come back much nearer than their mean, which is the best without a code."""
    amounts = images(20, (2, 1, 1, 1))
    x = (amounts * images(2, seed=1)).sum(dim=1)
    net = trained(x, torch.arange(20) % 2, epochs=60, penalty_weight=0.0)
    assert F.mse_loss(net(x), x) < 0.6 * (x - x.mean(dim=0)).square().mean()
    assert not net.training


def test_the_permuted_penalty_draws_the_codes_of_a_class_together():
    x, y = images(20), torch.arange(20) % 2

    def spread(net):
        codes = net.encoder(x).detach()
        within = torch.stack([codes[y == c].var(dim=0).sum() for c in (0, 1)]).mean()
        return float(within / codes.var(dim=0).sum())

    assert spread(trained(x, y, epochs=30)) < 0.8 * spread(trained(x, y, epochs=30, penalty_weight=0.0))


def test_classes_of_one_image_have_no_penalty():
    x, y = images(6), torch.arange(6)
    one, other = (trained(x, y, penalty_weight=w)(x) for w in (0.0, 5.0))
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_no_batch_is_a_single_image():
    """Batch normalisation of a map of one pixel cannot learn from one image: 5 images in batches of 4 or 2."""
    x, y = images(5, (1, 1, 2)), torch.tensor([0, 0, 1, 1, 1])
    for size in (4, 2, 100):
        assert trained(x, y, batch_size=size)(x).isfinite().all()


def test_training_is_a_function_of_its_generator():
    x, y = images(12), torch.arange(12) % 2
    one, again, other = (trained(x, y, seed)(x) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_batches_do_not_change_the_output():
    net, x = Autoencoder((1, 4, 4), latent=5, width=3).eval(), images(1030)
    torch.testing.assert_close(in_batches(net, x, "cpu"), net(x).detach())
    assert not in_batches(net, x, "cpu").requires_grad
