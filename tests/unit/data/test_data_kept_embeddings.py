import os

import pytest
import torch
from torch import nn

from lightning_imb.data.kept_embeddings import KeptEmbeddings, weights_digest


class Embed:
    """Makes embeddings and counts how often."""

    def __init__(self, z):
        self.z, self.made = z, 0

    def __call__(self):
        self.made += 1
        return self.z


@pytest.fixture
def extractor():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


def test_what_is_kept_comes_back_to_the_bit_and_is_made_once(tmp_path, extractor):
    embed = Embed(torch.randn(7, 3))
    for _ in range(2):
        assert torch.equal(KeptEmbeddings(tmp_path / "deep").obtain("train", 7, extractor, embed), embed.z)
    assert embed.made == 1


def test_splits_and_extractors_do_not_mix(tmp_path, extractor):
    kept = KeptEmbeddings(tmp_path)
    kept.obtain("train", 2, extractor, Embed(torch.zeros(2, 2)))
    ones = Embed(torch.ones(2, 2))
    assert kept.obtain("val", 2, extractor, ones) is ones.z
    extractor[1].running_mean += 1e-3  # a buffer of batch norm, no parameter
    assert kept.obtain("train", 2, extractor, ones) is ones.z


def test_the_digest_is_of_the_values_wherever_and_however_they_lie(extractor):
    digest = weights_digest(extractor)
    extractor[0].weight.data = extractor[0].weight.data.t().contiguous().t()
    assert weights_digest(extractor) == digest
    assert weights_digest(extractor.double()) != digest


@pytest.mark.parametrize("spoil", [lambda b: b"", lambda b: b[:-5], lambda b: b"garbage"])
def test_a_damaged_file_is_made_anew(tmp_path, extractor, caplog, spoil):
    kept, embed = KeptEmbeddings(tmp_path), Embed(torch.randn(4, 2))
    kept.obtain("train", 4, extractor, embed)
    (path,) = tmp_path.glob("*.npy")
    path.write_bytes(spoil(path.read_bytes()))
    assert torch.equal(kept.obtain("train", 4, extractor, embed), embed.z)
    assert embed.made == 2
    assert "embedding anew" in caplog.text
    kept.obtain("train", 4, extractor, embed)
    assert embed.made == 2


def test_another_number_of_rows_is_not_taken(tmp_path, extractor):
    kept = KeptEmbeddings(tmp_path)
    kept.obtain("train", 4, extractor, Embed(torch.zeros(4, 2)))
    assert len(kept.obtain("train", 5, extractor, Embed(torch.zeros(5, 2)))) == 5


def test_a_folder_that_takes_nothing_costs_nothing_but_time(tmp_path, extractor, caplog):
    (tmp_path / "file").touch()
    embed = Embed(torch.zeros(2, 2))
    assert KeptEmbeddings(tmp_path / "file" / "in").obtain("train", 2, extractor, embed) is embed.z
    assert "embeddings are not kept" in caplog.text
    assert os.listdir(tmp_path) == ["file"]
