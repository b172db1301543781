"""MLflow: one sqlite file for all runs."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_imb.utils.errors import InputError
from lightning_imb.utils.extras import how_to_install

if TYPE_CHECKING:
    from pytorch_lightning.loggers import MLFlowLogger


def mlflow_logger(database: str | Path, experiment_name: str, run_name: str) -> MLFlowLogger:
    """Make a logger that writes to a sqlite database; ``mlflow ui`` reads it through its sqlite URI.

    Artifacts (figures) go to the folder ``mlflow_artifacts`` beside the database. MLflow itself would
    put them into the working directory.

    Args:
        database: The sqlite file; it is created when missing, its folder too.
        experiment_name: MLflow experiment; created when missing.
        run_name: Display name of the run.

    Raises:
        InputError: MLflow is not installed.
    """
    if find_spec("mlflow") is None:
        raise InputError(f"logger=mlflow needs mlflow: {how_to_install('mlflow')}")
    from pytorch_lightning.loggers import MLFlowLogger  # importing it takes seconds that other runs save

    path = Path(database).resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    return MLFlowLogger(
        experiment_name=experiment_name,
        run_name=run_name,
        tracking_uri=f"sqlite:///{path}",
        artifact_location=(path.parent / "mlflow_artifacts").as_uri(),
    )
