"""Runs that over-sample images as well as embeddings: what phase 2 made cannot be made again from real images."""

from lightning_imb.studies.subject import Subject, over_samples

IMAGES_TOO = "The run also over-samples images, whose synthetic ones are not made again"


def over_samples_images_too(subject: Subject) -> bool:
    """Whether a run over-samples both, so that `Subject.balanced` is None though it has a phase 2.

    Args:
        subject: The run.
    """
    cfg = subject.cfg
    return bool(cfg.retrain.enabled) and over_samples(cfg.oversample) and over_samples(cfg.resampler)
