"""Predictions and scores of a trained run: of each phase, and of the head that a post-hoc method makes."""

from typing import Any, Literal

from omegaconf import DictConfig
from pytorch_lightning import Trainer

from lightning_imb.adjust import adjust_head, build_posthoc, prior_of_logits, write_head
from lightning_imb.build import checkpoint_kind
from lightning_imb.data.datamodule import ImbalancedDataModule
from lightning_imb.fit import predict
from lightning_imb.models.phased import PhasedModule
from lightning_imb.phases import Phase
from lightning_imb.posthoc import AdjustedHead, NoAdjustment
from lightning_imb.records import score_entries
from lightning_imb.runs import PredictionName, Predictions, RunFolder
from lightning_imb.utils.environment import first_process


class Scoring:
    """Scores a network and keeps its predictions in the run folder.

    Args:
        cfg: The composed training config.
        run: Where predictions go.
        data: The data module, set up.
        model: What is scored, at whatever stage it is.
    """

    def __init__(self, cfg: DictConfig, run: RunFolder, data: ImbalancedDataModule, model: PhasedModule) -> None:
        self.cfg = cfg
        self.run = run
        self.data = data
        self.model = model

    def phase_1(self, trainer: Trainer) -> dict[str, Any]:
        """Test scores of phase 1, as ``represent/test/...``; predictions are read where phase 3 has begun before."""
        prior = prior_of_logits(self.model)
        if self.run.has_begun(Phase.RETRAIN):
            predictions = self.run.read_predictions("represent_test")
        else:
            predictions = self._predicted("test", "represent/test", "represent_test", trainer)
        return score_entries("represent/test", predictions, self.data, prior)

    def final(self, trainer: Trainer) -> dict[str, Any]:
        """Scores of what the run ends with, and before them those of its head without its post-hoc method."""
        result = self._adjusted(trainer)
        if self.data.has("val"):
            # under a name of its own for the loggers, where val/ is the curve of phase 1
            result |= self._scores("val", "final/val", trainer)
        return result | self._scores("test", "test", trainer)

    def _adjusted(self, trainer: Trainer) -> dict[str, Any]:
        method = build_posthoc(self.cfg.posthoc)
        if isinstance(method, NoAdjustment):
            return {}
        prior = prior_of_logits(self.model)
        before = self._predicted("test", "before_posthoc/test", "before_posthoc_test", trainer)
        report = adjust_head(method, self.model, self.data, trainer)
        assert isinstance(self.model.head, AdjustedHead)
        phase = Phase.RETRAIN if self.cfg.retrain.enabled else Phase.REPRESENT
        if first_process():
            write_head(self.run, self.model.head, phase, checkpoint_kind(self.cfg, phase, "auto"))
        return {**score_entries("before_posthoc/test", before, self.data, prior), "posthoc_report": report}

    def _scores(self, split: Literal["val", "test"], name: str, trainer: Trainer) -> dict[str, Any]:
        predictions = self._predicted(split, name, split, trainer)
        return score_entries(split, predictions, self.data, prior_of_logits(self.model))

    def _predicted(self, split: str, name: str, file: PredictionName, trainer: Trainer) -> Predictions:
        predictions = predict(trainer, self.model, self.data, split, name)
        if first_process():  # every process has all of them
            self.run.write_predictions(file, *predictions)
        return predictions
