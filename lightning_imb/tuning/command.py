"""What imb-tune does."""

import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from lightning_imb.tuning.ask import read_question
from lightning_imb.tuning.checks import check_numbers, check_question
from lightning_imb.tuning.closing import close
from lightning_imb.tuning.origin import check_code
from lightning_imb.tuning.question import Question
from lightning_imb.tuning.search import search
from lightning_imb.tuning.study import complete, open_study
from lightning_imb.utils.errors import InputError
from lightning_imb.utils.lock import locked
from lightning_imb.utils.signals import Interrupted, end_now, on_ending_signals


def tune(cfg: DictConfig) -> None:
    """Search, or go on with a search, and print the result.

    Args:
        cfg: The composed config of ``conf/tune.yaml``, within Hydra's main.

    Raises:
        InputError: If anything the user gave cannot work, or too many trials fail.
        Interrupted: On SIGTERM and Ctrl-C; the trial at hand has kept what it had and is gone on with next time.
    """
    check_numbers(cfg)
    hydra = HydraConfig.get()
    question = read_question(cfg, list(hydra.overrides.task), list(hydra.overrides.hydra), _config_dir())
    folder = Path(cfg.study)
    try:
        with on_ending_signals(end_now):
            check_question(question, folder)
            with locked(_made(folder) / "lock", lambda: _refuse(folder)):
                _search(cfg, question, folder)
    except Interrupted as end:
        print(f"{end}: the same command goes on in {folder}", file=sys.stderr)
        raise


def _search(cfg: DictConfig, question: Question, folder: Path) -> None:
    study = open_study(folder, question)
    if len(complete(study)) < cfg.n_trials:  # one that has all its trials is shown, whatever has changed since
        check_code(study, question, folder)
    print(
        f"study {folder}: {question.metric}, mean over {'seeds' if len(question.seeds) > 1 else 'seed'} "
        f"{', '.join(map(str, question.seeds))}; {len(complete(study))} of {cfg.n_trials} trials are finished\n"
        f"searched: {', '.join(question.space)}; each run writes its log to trials/<trial>/seed=<seed>/train.log",
        flush=True,
    )
    search(study, question, folder, cfg.n_trials, cfg.max_failures)
    close(study, question, folder)


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"study={folder} cannot be made ({error.strerror}): choose another study=<folder>") from error
    return folder


def _refuse(folder: Path) -> None:
    raise InputError(f"another imb-tune is at work on study={folder}: wait for it, or choose another study=<folder>")


def _config_dir() -> str | None:
    """``--config-dir`` of the command line, which the command of the best trial needs, too."""
    sources = HydraConfig.get().runtime.config_sources
    return next((str(one.path) for one in sources if one.provider == "command-line"), None)
