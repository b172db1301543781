import sys

import pytest

from lightning_imb.utils.code import code_digest, own_code


def test_the_digest_is_that_of_the_chosen_modules():
    assert code_digest(("losses/*.py",)) != code_digest(("data/*.py",))
    assert code_digest(("losses/*.py", "data/*.py")) == code_digest(("data/*.py", "losses/*.py"))


def test_what_has_a_version_is_left_out():
    targets = [
        "lightning_imb.losses.LDAMLoss",
        "torch.optim.SGD",
        "imblearn.over_sampling.SMOTE",
        "json.loads",
        "math.exp",
    ]
    assert own_code(targets) == {}
    assert own_code(["no_such_module.x"]) == {}


@pytest.mark.parametrize("place", ["mine_of_test.py", "mine_of_test/__init__.py", "mine_of_test/deep/part.py"])
def test_every_file_of_ones_own_counts(tmp_path, monkeypatch, place):
    monkeypatch.syspath_prepend(tmp_path)
    if "/" in place:
        (tmp_path / "mine_of_test" / "deep").mkdir(parents=True)
        (tmp_path / "mine_of_test" / "__init__.py").touch()
    (tmp_path / "neighbour.py").write_text("a = 1")
    (tmp_path / place).write_text("a = 1")
    first = own_code(["mine_of_test.deep.part.Loss", "mine_of_test.Other"])
    (tmp_path / "neighbour.py").write_text("a = 2")
    assert own_code(["mine_of_test.Loss"]) == first
    (tmp_path / place).write_text("a = 2")
    assert own_code(["mine_of_test.Loss"]) != first
    assert list(first) == ["mine_of_test"]
    assert "mine_of_test" not in sys.modules
