import pytest
from hydra import compose, initialize_config_module

from lightning_imb.known_keys import check_keys
from lightning_imb.utils.errors import InputError


@pytest.fixture
def composed(tmp_path):
    def compose_with(text):
        (tmp_path / "experiment").mkdir()
        (tmp_path / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{text}")
        with initialize_config_module("lightning_imb.conf", version_base="1.3"):
            return compose("train", overrides=["experiment=mine", f"hydra.searchpath=[file://{tmp_path}]"])

    return compose_with


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        ("epoch: 3", "'epoch'", "'epochs'"),
        ("retrain: {epoch: 3}", r"'retrain\.epoch'", r"'retrain\.epochs'"),
        ("imbalance: {ration: 3}", r"'imbalance\.ration'", r"'imbalance\.ratio'"),
        ("protocol: {selct: last}", r"'protocol\.selct'", r"'protocol\.select'"),
    ],
)
def test_a_misspelt_key_of_a_config_file_is_named_with_the_nearest(composed, text, wrong, right):
    with pytest.raises(InputError, match=f"{wrong}.*{right}"):
        check_keys(composed(text))


@pytest.mark.parametrize("text", ["note: mine\nepochs: 3", "retrain: {epochs: 3}", "imbalance: {ratio: 7}"])
def test_right_keys_and_values_of_the_users_own_pass(composed, text):
    check_keys(composed(text))
