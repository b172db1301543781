"""What the stages of a run are called in figures and tables."""

from lightning_imb.studies.subject import Stage, Subject


def stage_names(subject: Subject) -> dict[Stage, str]:
    """Say of each stage of a run what it is: a run changes after phase 1 by phases 2 and 3, or by a post-hoc method.

    Args:
        subject: The run.
    """
    if len(subject.stages) == 1:
        return {"after": "final model"}
    change = "phase 3" if subject.cfg.retrain.enabled else "the post-hoc method"
    return {"before": f"before {change}", "after": f"after {change}"}
