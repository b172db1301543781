"""What a study asks: which settings, judged how, with everything else held fixed."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hydra import compose
from omegaconf import DictConfig
from optuna.distributions import distribution_to_json

from lightning_imb.settings import flat_settings, matters, targets
from lightning_imb.tuning.space import Space, Value, ends, override, overrides

_OF_THE_RUN = ("seed", "run_dir")  # what every run of a study has of its own


@dataclass(frozen=True)
class Question:
    """A search space, the score that decides, and the settings that are the same in all trials.

    Attributes:
        search: Name of the search, for messages.
        fixed: Overrides of imb-train that hold for all trials, as given on the command line.
        places: Further arguments that say where configs are looked for, such as ``--config-dir my_conf``.
        space: The searched settings.
        metric: The score of a run, named as in ``metrics.json``; of the validation images.
        direction: Whether a larger or a smaller score is better.
        seeds: Training seeds of every trial.
        sampler: ``tpe`` or ``random``.
        sampler_seed: Of the values that are tried, >= 0.
        startup_trials: Random trials before ``tpe`` learns from them, >= 1.
    """

    search: str
    fixed: tuple[str, ...]
    places: tuple[str, ...]
    space: Space
    metric: str
    direction: Literal["maximize", "minimize"]
    seeds: tuple[int, ...]
    sampler: Literal["tpe", "random"]
    sampler_seed: int
    startup_trials: int

    def config(self, values: Mapping[str, Value], seed: int, folder: Path) -> DictConfig:
        """Compose the training config of one run; Hydra must be initialised.

        Args:
            values: Of the searched settings, all or some.
            seed: The training seed.
            folder: The run folder.

        Raises:
            HydraException: If the values do not compose.
        """
        own = [f"seed={seed}", override("run_dir", str(folder))]
        return compose("train", overrides=[*self.fixed, *overrides(values), *own])

    def command(self, values: Mapping[str, Value]) -> str:
        """The command line that trains a trial again, with all its seeds."""
        seeds = ",".join(map(str, self.seeds))
        several = ["-m"] if len(self.seeds) > 1 else []
        words = ["imb-train", *several, *self.places, *self.fixed, *overrides(values), f"seed={seeds}"]
        return shlex.join(words)

    def identity(self, folder: Path) -> dict[str, Any]:
        """All that the scores of a study depend on, flat: two studies with the same answer to this can be continued.

        Args:
            folder: Any; a config has one.
        """
        settings = flat_settings(self.config({}, self.seeds[0], folder))
        kept = {key: value for key, value in settings.items() if matters(key) and key not in _OF_THE_RUN}
        space = {f"search.space.{key}": distribution_to_json(among) for key, among in self.space.items()}
        names = ("metric", "direction", "sampler", "sampler_seed", "startup_trials")
        asked = {f"search.{name}": getattr(self, name) for name in names}
        return kept | space | asked | {"seeds": str(list(self.seeds))}

    def targets(self, folder: Path) -> set[str]:
        """Dotted names of all that runs are built of, whatever is chosen.

        Args:
            folder: Any; a config has one.
        """
        first = {key: ends(among)[0] for key, among in self.space.items()}
        words = [{key: one} for key, among in self.space.items() for one in ends(among) if isinstance(one, str)]
        configs = [self.config({**first, **word}, self.seeds[0], folder) for word in ({}, *words)]
        return {name for cfg in configs for _, name in targets(cfg)}
