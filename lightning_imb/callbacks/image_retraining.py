"""Phase 3 on images: the head, and what else is unfrozen, trained on another draw of them."""

from typing import Any

from pytorch_lightning import LightningModule, Trainer

from lightning_imb.callbacks.phase_switch import datamodule_of, phased_of
from lightning_imb.callbacks.reached import DrawnCounts
from lightning_imb.data.draws import Draw
from lightning_imb.data.second import Second
from lightning_imb.models.retraining import Retraining


class ImageRetraining(DrawnCounts):
    """Turns an ordinary second fit into a phase 3 on images, for methods that need more than fixed embeddings.

    The images are augmented and drawn anew in every epoch, such as class by class (Kang et al. 2020, arXiv 1910.09217),
    and are not mixed; class weights of a named kind and priors follow the draw. Batch norm does what the settings say.

    Args:
        settings: What is trained, and how.
        draw: Which training images an epoch is made of.
        batch_size: Images per batch.
    """

    report: Any = None
    """Nothing is over-sampled here."""

    def __init__(self, settings: Retraining, draw: Draw, batch_size: int) -> None:
        self.settings = settings
        self.draw = draw
        self.batch_size = batch_size
        self._phase_1: tuple[Draw, int, Second | None] | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Freeze what is not trained, before optimizers are made; draw the images of phase 3."""
        if stage != "fit":
            return
        phased_of(pl_module).enter(self.settings)
        data = datamodule_of(trainer)
        self._phase_1 = data.draw, data.batch_size, data.second
        data.draw, data.batch_size, data.second = self.draw, self.batch_size, None

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Draw as in phase 1 again."""
        if stage == "fit" and self._phase_1 is not None:
            data = datamodule_of(trainer)
            data.draw, data.batch_size, data.second = self._phase_1
