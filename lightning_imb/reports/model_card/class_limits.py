"""Where the numbers of a classifier end: limits that follow from the data of the run."""

from collections.abc import Sequence

import numpy as np

from lightning_imb.reports.captions import WARNING
from lightning_imb.reports.cells import TEST
from lightning_imb.reports.collect import RunRecord
from lightning_imb.reports.confusion import answers, class_tally
from lightning_imb.reports.model_card.class_scores import ClassScore
from lightning_imb.reports.model_card.markdown import plain
from lightning_imb.reports.model_card.sentences import FEW, one_seed, some
from lightning_imb.runs import RunFolder

WIDE = 0.2  # of an interval of a recall
UNEVEN = 1.5  # largest over smallest class of a test set that passes for balanced
UNSURE = 0.05  # calibration error from which probabilities mislead


def class_limits(record: RunRecord, scores: Sequence[ClassScore]) -> list[str]:
    """Sentences, those first that weigh most.

    Args:
        record: The run.
        scores: Of its classes.
    """
    found = [
        WARNING if record.metrics.get("selected_on") == "test" else "",
        some(
            "class", "never predicted on the test set, so this model cannot find them", _never_predicted(record, scores)
        ),
        some("class", "of whose test images not one was recognised", [s.name for s in scores if s.recall == 0]),
        some("class", f"with fewer than {FEW} training images", [s.name for s in scores if s.train < FEW]),
        some("class", "without a test image: nothing is known of them", [s.name for s in scores if not s.support]),
        _wide(scores),
        _grouped(record),
        one_seed(record),
        _frequencies(scores),
        _calibration(record),
        f"Every image gets one of these {len(scores)} classes, also one that shows none of them.",
    ]
    return [sentence for sentence in found if sentence]


def _never_predicted(record: RunRecord, scores: Sequence[ClassScore]) -> list[str]:
    run = RunFolder(record.path)
    if not run.predictions_file("test").is_file():
        return []
    *_, predicted = class_tally(answers(*run.read_predictions("test")))
    return [scores[c].name for c in np.flatnonzero(predicted == 0).tolist()]


def _wide(scores: Sequence[ClassScore]) -> str:
    wide = [s for s in scores if s.interval is not None and s.interval.width > WIDE]
    if not wide:
        return ""
    fewest = min(s.support for s in wide)
    return (
        f"Of {len(wide)} of {len(scores)} classes the interval of the recall is wider than {WIDE}: they have too few "
        f"test images (from {fewest} on) for differences of that size to mean anything."
    )


def _grouped(record: RunRecord) -> str:
    groups = record.settings.get("dataset.groups")
    if groups is None:
        return ""
    return (
        f"Test images come in groups ({plain(groups)}): the intervals count images of one group as independent, which "
        "they are not, so they are too narrow."
    )


def _frequencies(scores: Sequence[ClassScore]) -> str:
    support = [s.support for s in scores if s.support]
    train = [s.train for s in scores if s.train]
    ratio, trained = max(support) / min(support), max(train) / min(train)
    if ratio > UNEVEN:
        return (
            f"The test set is itself imbalanced (ratio {ratio:.3g}; training {trained:.3g}): accuracy is mostly that "
            "of its large classes, and another one where classes are frequent otherwise."
        )
    if trained > UNEVEN:
        return (
            f"The test set is balanced (ratio {ratio:.3g}), the training set is not ({trained:.3g}): where classes are "
            "as frequent in use as in training, expect another accuracy; see the table of class frequencies."
        )
    return "The test set is balanced: where classes are not equally frequent in use, expect another accuracy."


def _calibration(record: RunRecord) -> str:
    error = record.score(f"{TEST}ece")
    if error is None or error <= UNSURE:
        return ""
    return (
        f"Its probabilities are not to be taken at their word: on the test set confidence and accuracy are "
        f"{error:.2f} apart on average (ECE)."
    )
