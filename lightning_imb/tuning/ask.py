"""The question of a study, read off the config and the command line of imb-tune."""

from collections.abc import Iterable, Sequence

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from lightning_imb.tuning.question import Question
from lightning_imb.tuning.space import read_space
from lightning_imb.utils.errors import InputError

_OWN = ("search", "study", "n_trials", "seeds", "max_failures")
_CURES = {
    "seed": "give seeds=[...], which every trial is trained with",
    "run_dir": "give study=<folder>, which gets a run folder for every trial",
    "resume": "imb-tune always goes on where a trial stopped; give another study=<folder> to begin anew",
}
_OF_HYDRA = ("hydra.mode", "hydra.searchpath")  # the first is Hydra's own addition


def read_question(cfg: DictConfig, given: Sequence[str], hydras: Sequence[str], config_dir: str | None) -> Question:
    """Read what is searched and what is held fixed.

    A setting of the space that the command line sets is no longer searched: the command line wins over all.

    Args:
        cfg: The composed config of ``conf/tune.yaml``.
        given: Overrides of the command line, without Hydra's own.
        hydras: Those that begin with ``hydra.``.
        config_dir: ``--config-dir`` of the command line.

    Raises:
        InputError: If an override has no meaning here, or the space cannot be read or is empty.
    """
    _refuse_hydra(hydras)
    fixed = [one for one in OverridesParser.create().parse_overrides(list(given)) if _root(one) not in _OWN]
    for one in fixed:
        if (cure := _CURES.get(one.key_or_group)) is not None:
            raise InputError(f"{one.input_line} cannot be set for a study: {cure}")
    space = read_space(_plain(cfg.search.space))
    kept = {key: among for key, among in space.items() if key not in {one.key_or_group for one in fixed}}
    if not kept:
        raise InputError(f"{', '.join(space)}: the command line sets all that search={cfg.search.name} would search")
    places = [] if config_dir is None else ["--config-dir", config_dir]
    return Question(
        search=cfg.search.name,
        fixed=tuple(str(one.input_line) for one in fixed),
        places=(*places, *(one for one in hydras if one.startswith("hydra.searchpath"))),
        space=kept,
        metric=cfg.search.metric,
        direction=cfg.search.direction,
        seeds=tuple(cfg.seeds) if OmegaConf.is_list(cfg.seeds) else (cfg.seeds,),
        sampler=cfg.search.sampler,
        sampler_seed=cfg.search.sampler_seed,
        startup_trials=cfg.search.startup_trials,
    )


def _root(one: Override) -> str:
    return one.key_or_group.partition(".")[0]


def _refuse_hydra(hydras: Iterable[str]) -> None:
    for text in hydras:
        if text.partition("=")[0].lstrip("+~") not in _OF_HYDRA:
            raise InputError(f"{text} has no effect on the trials of a study: leave it out; study=<folder> says where")


def _plain(space: object) -> dict[str, object]:
    plain = OmegaConf.to_container(space, resolve=True) if OmegaConf.is_config(space) else space
    if not isinstance(plain, dict):
        raise InputError(f"search.space must be a mapping from settings to ranges, not {plain}")
    return {str(key): entry for key, entry in plain.items()}
