"""What conf/ holds, found by looking, and its composition in this process."""

import functools
import re
from pathlib import Path

from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

import lightning_imb.conf

CONF = Path(lightning_imb.conf.__file__).parent

# what a data set of one's own cannot do without; the composed config is never trained with
NEEDED = {
    "dataset=image_folder": ["dataset.root=images.zip"],
    "dataset=csv": ["dataset.root=images.zip", "dataset.csv=labels.csv"],
}

OWNERS = {"search": "tune", "analysis": "analyze"}  # whose groups are not imb-train's
BY_NAME = ("analysis",)  # groups of which a config has every option, each under its own name


def node_of(group, option):
    """What an option puts into the config."""
    return composed(f"{group}={option}")[option if group in BY_NAME else group]


def yaml_files():
    """All shipped yaml files; those of local/ belong to the user."""
    return sorted(f for f in CONF.rglob("*.yaml") if f.relative_to(CONF).parts[0] != "local")


def groups():
    """``{"loss": ["asl", "ce", ...], ...}`` without Hydra's own groups."""
    found = {}
    for file in yaml_files():
        *folder, _ = file.relative_to(CONF).parts
        if folder and folder[0] != "hydra":
            found.setdefault("/".join(folder), []).append(file.stem)
    return found


def options(*wanted):
    """``"group=option"`` of these groups, or of all."""
    return [f"{group}={name}" for group, names in groups().items() if not wanted or group in wanted for name in names]


@functools.cache
def composed(*overrides, config=None):
    """The config of a command line, to be read only; what an option cannot do without is given to it."""
    config = config or next((OWNERS[group] for text in overrides if (group := text.split("=")[0]) in OWNERS), "train")
    overrides = tuple(re.sub(rf"^({'|'.join(BY_NAME)})=(\w+)", r"\1@\2=\2", text) for text in overrides)
    needed = [value for override in overrides for value in NEEDED.get(override, [])]
    with initialize_config_module("lightning_imb.conf", version_base="1.3"):
        cfg = compose(config, overrides=[*overrides, *needed])
    OmegaConf.set_readonly(cfg, True)
    return cfg


def assert_resampler_header(file):
    """Three lines say what a resampler is, who wrote of it and what it costs."""
    first, paper, cost, *_ = file.read_text().splitlines()
    assert re.fullmatch(r"# \w.*\.", first)
    assert re.fullmatch(r"# Paper: (none|.* (19|20)\d\d \(.+\))", paper)
    assert cost == "# Cost: second fit"
