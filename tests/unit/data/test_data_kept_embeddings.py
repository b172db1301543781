import torch

from lightning_imb.data.kept_embeddings import KeptEmbeddings


def test_what_is_kept_comes_back_to_the_bit(tmp_path):
    z = torch.randn(7, 3)
    KeptEmbeddings(tmp_path / "best").keep("train", z)
    assert torch.equal(KeptEmbeddings(tmp_path / "best").get("train", 7), z)


def test_splits_and_checkpoints_do_not_mix(tmp_path):
    KeptEmbeddings(tmp_path / "best").keep("train", torch.zeros(2, 2))
    assert KeptEmbeddings(tmp_path / "best").get("val", 2) is None
    assert KeptEmbeddings(tmp_path / "last").get("train", 2) is None


def test_another_number_of_rows_or_a_damaged_file_is_not_taken(tmp_path, caplog):
    kept = KeptEmbeddings(tmp_path)
    kept.keep("train", torch.zeros(4, 2))
    assert kept.get("train", 5) is None
    whole = (tmp_path / "train.npy").read_bytes()
    for damage in (b"", whole[:-5], b"garbage"):
        (tmp_path / "train.npy").write_bytes(damage)
        assert kept.get("train", 4) is None
        assert "embedding anew" in caplog.text
        caplog.clear()
