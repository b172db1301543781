"""What the scores of a study come from besides its question: code and data, neither of which may change."""

from collections.abc import Mapping
from pathlib import Path

from optuna.study import Study

from lightning_imb.build import create
from lightning_imb.tuning.question import Question
from lightning_imb.utils.code import code_digest, own_code
from lightning_imb.utils.errors import InputError

_CODE, _DATA = "code", "data"
_MODULES = ("adjust", "build", "fit", "networks", "phase_3", "records", "scoring", "task", "workflow")
_PARTS = ("callbacks", "data", "losses", "metrics", "mixing", "models", "posthoc", "resampling", "utils")
_TRAINING = (*(f"{name}.py" for name in _MODULES), *(f"{part}/**/*.py" for part in _PARTS))


def check_code(study: Study, question: Question, folder: Path) -> None:
    """Refuse to train with other code than a study was begun with: between two releases the version does not tell.

    Once a launch: what is edited later is not what this process has loaded.

    Args:
        study: The study; one that was begun when no code was noted notes it now.
        question: What it asks.
        folder: Its folder.

    Raises:
        InputError: If scores could not be compared.
    """
    now = {"lightning_imb": code_digest(_TRAINING), **own_code(question.targets(folder))}
    before = _noted(study, _CODE, now)
    if changed := [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]:
        raise InputError(
            f"{folder} holds a study made with other code of {', '.join(changed)}, so scores could not be compared: "
            "go back to the earlier code to go on with it, or choose another study=<folder>"
        )


def check_data(study: Study, question: Question, folder: Path) -> None:
    """Refuse to train on other data than a study was begun with; no image is decoded.

    Args:
        study: The study; one that was begun when no data were noted notes them now.
        question: What it asks.
        folder: Its folder.

    Raises:
        InputError: If scores could not be compared, or the data cannot be read.
    """
    splits = create(question.config({}, question.seeds[0], folder).dataset.splits, "dataset")
    now = {"fingerprint": splits.fingerprint()}
    if _noted(study, _DATA, now) != now:
        raise InputError(
            f"{folder} holds a study of other data (other files, labels or sizes), so scores could not be compared: "
            "restore them to go on with it, or choose another study=<folder>"
        )


def _noted(study: Study, name: str, now: Mapping[str, str]) -> Mapping[str, str]:
    noted: Mapping[str, str] | None = study.user_attrs.get(name)
    if noted is None:
        study.set_user_attr(name, now)
        return now
    return noted
