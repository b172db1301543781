import pytest
import torch
from helpers.posthoc import COUNTS, embeddings, given, must_not_be_asked
from torch import nn

from lightning_imb.posthoc import NearestClassMean
from lightning_imb.utils.errors import InputError


def unit(row):
    length = sum(x * x for x in row) ** 0.5
    return [x / length for x in row]


def minus(row, other):
    return [x - m for x, m in zip(row, other, strict=True)]


def mean(rows):
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def by_loops(z, target, queries, mode, unit_means=False):
    """Minus the squared distances to the class means, in plain Python."""
    train, queries = z.tolist(), queries.tolist()
    if mode == "cl2n":
        centre = mean(train)
        train, queries = [minus(row, centre) for row in train], [minus(row, centre) for row in queries]
    if mode != "un":
        train, queries = [unit(row) for row in train], [unit(row) for row in queries]
    means = [mean([row for row, c in zip(train, target.tolist(), strict=True) if c == k]) for k in range(len(COUNTS))]
    means = [unit(row) for row in means] if unit_means else means
    return [[-sum(x * x for x in minus(row, centroid)) for centroid in means] for row in queries]


@pytest.mark.parametrize("unit_means", [False, True])
@pytest.mark.parametrize("mode", ["un", "l2n", "cl2n"])
def test_logits_are_minus_the_squared_distances(mode, unit_means):
    z, target = embeddings(COUNTS)  # the last class has one row
    queries = torch.randn(7, 6)
    adjusted = NearestClassMean(mode, unit_means).adjust(given(val=None))
    expected = torch.tensor(by_loops(z, target, queries, mode, unit_means))
    assert torch.allclose(adjusted.head(queries), expected, atol=1e-4)
    assert adjusted.report == {"posthoc": "ncm", "mode": mode, "unit_means": unit_means, "searched_on": None}


def test_plain_embeddings_and_means_of_length_1_rank_by_the_cosine():
    z, target = embeddings(COUNTS)
    queries = torch.randn(200, 6)
    head = NearestClassMean("un", unit_means=True).adjust(given()).head
    means = torch.stack([z[target == k].mean(0) for k in range(4)])
    cosines = nn.functional.cosine_similarity(queries.unsqueeze(1), means.unsqueeze(0), dim=2)
    assert torch.equal(head(queries).argmax(1), cosines.argmax(1))


def test_classes_far_from_the_origin_and_near_to_each_other_are_told_apart():
    centres = torch.tensor([[4096.0, 0.0], [4096.0, 0.25]])
    target = torch.tensor([0, 1])
    head = NearestClassMean("un").adjust(given(counts=(1, 1), train=lambda: (centres, target), val=None)).head
    assert torch.equal(head(centres), torch.tensor([[0.0, -0.0625], [-0.0625, 0.0]]))


def test_the_trained_head_and_the_validation_set_are_not_read():
    class Unreadable(nn.Module):
        def forward(self, z):
            raise AssertionError("read")

    head = NearestClassMean().adjust(given(Unreadable(), val=None)).head
    assert head(torch.randn(3, 6)).shape == (3, 4)


def test_a_class_without_samples_is_refused_before_anything_is_embedded():
    with pytest.raises(InputError, match=r"classes \[2\] have no training sample"):
        NearestClassMean().adjust(given(counts=(4, 2, 0, 1), train=must_not_be_asked))


def test_another_mode_is_refused():
    with pytest.raises(InputError, match="choose one of cl2n, l2n, un"):
        NearestClassMean("cosine")
