"""Feature and classification embeddings: their sum is the logit, for both kinds of heads."""

import numpy as np
import pytest
import torch

from lightning_imb.analysis import class_embeddings
from lightning_imb.analysis.class_embeddings import Embedded
from lightning_imb.models.heads import CosineHead, LinearHead
from lightning_imb.utils.errors import InputError

N, D, C = 12, 7, 4


@pytest.fixture
def z():
    return np.random.default_rng(0).normal(size=(N, D)).astype(np.float32)


def read_by(head, z):
    """The embeddings beside this head."""
    bias = head.bias.detach().numpy() if isinstance(head, LinearHead) else np.zeros(C, dtype=np.float32)
    return Embedded(z, head.rows.detach().numpy(), bias, getattr(head, "scale", None))


@pytest.mark.parametrize("head", [LinearHead(D, C, "default"), CosineHead(D, C, 30.0)], ids=["linear", "cosine"])
def test_classification_embeddings_add_up_to_the_logit_of_every_class(head, z):
    embedded, rows = read_by(head, z), np.arange(N)
    logits = head(torch.from_numpy(z)).detach().numpy()
    for c in range(C):
        parts = embedded.classified(rows, np.full(N, c))
        assert parts.shape == (N, D)
        np.testing.assert_allclose(parts.sum(axis=1) + embedded.bias[c], logits[:, c], atol=1e-5)


def test_each_row_is_multiplied_by_the_weights_of_its_own_class(z):
    embedded = read_by(LinearHead(D, C, "default"), z)
    found = embedded.classified(np.array([5, 2]), np.array([3, 0]))
    np.testing.assert_array_equal(found, [z[5] * embedded.weight[3], z[2] * embedded.weight[0]])


def test_a_factor_moved_from_the_weights_to_the_features_changes_nothing(z):
    embedded = read_by(LinearHead(D, C, "default"), z)
    moved = Embedded(4 * z, embedded.weight / 4, embedded.bias)
    rows, classes = np.arange(N), np.arange(N) % C
    np.testing.assert_array_equal(moved.classified(rows, classes), embedded.classified(rows, classes))


def test_a_row_of_zeros_has_no_direction_and_stays_zero(z):
    z[0] = 0
    embedded = read_by(CosineHead(D, C, 30.0), z)
    assert np.array_equal(embedded.features(np.array([0])), np.zeros((1, D)))


def test_blocks_cover_the_rows_in_order(z, monkeypatch):
    monkeypatch.setattr(class_embeddings, "_BLOCK", 3 * D)
    rows = np.array([4, 1, 7, 0, 2])
    blocks = list(read_by(LinearHead(D, C, "default"), z).blocks(rows))
    assert [block.tolist() for block in blocks] == [[4, 1, 7], [0, 2]]


def test_embeddings_of_another_network_are_refused(z):
    with pytest.raises(InputError, match="7 features, the head reads 9"):
        Embedded(z, np.ones((C, 9)), np.zeros(C))
