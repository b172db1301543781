import pytest
from helpers import conf
from hydra import compose, initialize_config_module

from lightning_imb.known_keys import check_keys, check_switches
from lightning_imb.utils.errors import InputError


@pytest.fixture
def composed(tmp_path):
    def compose_with(text):
        (tmp_path / "experiment").mkdir(exist_ok=True)
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


SWITCHES = (
    "dataset.augment.flip=off",
    "dataset.download=yes",
    "retrain.enabled=off",
    "retrain.normalize=on",
    "callbacks.progress=none",
    "accelerator.channels_last=no",
    "accelerator.benchmark=0",
    "model.extractor.pretrained=off model=timm",
    "optimizer.nesterov=no optimizer=sgd",
    "resampler.per_feature=no resampler=eos",
    "retrain.sampler.replacement=yes retrain=crt",
    "retrain.loss.detach=off method=eos loss@retrain.loss=influence_balanced",
)


@pytest.mark.parametrize("overrides", SWITCHES)
def test_a_word_is_no_switch(overrides):
    key, _, word = overrides.split()[0].partition("=")
    with pytest.raises(InputError, match=rf"^{key} must be true or false, not '{word}'$"):
        check_switches(conf.composed(*reversed(overrides.split())))


@pytest.mark.parametrize("overrides", ["dataset.augment.flip=true", "store=off", "accelerator.compile=max-autotune"])
def test_switches_and_what_takes_words_by_design_pass(overrides):
    check_switches(conf.composed(overrides))


def test_off_and_yes_in_a_file_are_what_yaml_makes_of_them(composed):
    check_switches(composed("dataset: {augment: {flip: off}}\nretrain: {enabled: yes}"))


def test_a_switch_may_follow_another_value(composed):
    check_switches(composed("retrain: {normalize: '${dataset.augment.flip}'}"))
    with pytest.raises(InputError, match=r"^retrain\.enabled must be true or false, not 'digits'$"):
        check_switches(composed("retrain: {enabled: '${dataset.name}'}"))


@pytest.mark.parametrize("group", conf.groups())
def test_every_option_passes(group):
    for option in conf.options(group):
        check_switches(conf.composed(option))
