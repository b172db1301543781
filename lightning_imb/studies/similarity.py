"""Study ``similarity``: how alike the layers of networks represent the same images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lightning_imb.analysis.cka import cka_matrix, linear_cka
from lightning_imb.reports.analysis.cka_figure import layers_figure
from lightning_imb.studies.features import Probe, untrained
from lightning_imb.studies.findings import Findings
from lightning_imb.studies.similarity_of_runs import compare_layers
from lightning_imb.studies.study import Study
from lightning_imb.studies.subject import Subject
from lightning_imb.utils.checked import checked_flag

Features = Mapping[str, NDArray[Any]]
"""(n, p) of the same images, by layer."""

REFERENCES = {"before": "as phase 1 left it", "untrained": "untrained network"}


@dataclass(frozen=True)
class Similarity(Study):
    """Linear CKA between layers of a network, with what phase 1 left, and with an untrained network.

    All numbers are of the debiased form; tables hold the plain one beside it, which rises with the width of the layers
    over the number of images. The logits stand as the last layer. An untrained network is one draw of new weights.

    Numbers: ``similarity/<layer>/before`` and ``similarity/<layer>/untrained``; ``bacc`` of the run.

    Args:
        split: ``train``, ``val`` or ``test``.
        layers: ``auto`` (the last layer at each size of the maps), or modules inside the extractor.
        n_probe: Images, as equally many of each class as there are; at least 4.
        pooling: ``mean`` over the positions of a map, or ``flatten``.
        per_class: Whether images of each class are compared on their own as well.
        untrained: Whether to compare with an untrained network.
        seed: Of the choice of images and of the weights of the untrained network.

    Raises:
        InputError: A setting out of range.

    Source:
        Kornblith et al. 2019 (arXiv 1905.00414). Not part of arXiv 2204.01729, whose question it helps to answer: do
        networks differ inside where their scores do not?
    """

    split: str
    layers: str | Sequence[str]
    n_probe: int
    pooling: str
    per_class: bool
    untrained: bool
    seed: int

    name: ClassVar[str] = "similarity"
    title: ClassVar[str] = "How alike layers are"

    def __post_init__(self) -> None:
        checked_flag("per_class", self.per_class)
        checked_flag("untrained", self.untrained)
        self._probe()

    def _probe(self) -> Probe:
        return Probe(self.split, self.layers, self.n_probe, self.pooling, self.seed)

    def look(self, subject: Subject) -> Findings:
        """Compare the layers of one run: tables ``layers``, ``references`` and ``per_class``, figure ``layers``."""
        probe = self._probe()
        rows, layers = probe.rows(subject), probe.layers_in(subject)
        networks = {"after": subject.model()} | ({"before": subject.model("before")} if len(subject.stages) > 1 else {})
        if self.untrained:
            networks["untrained"] = untrained(subject, self.seed)
        features = {name: probe.features(subject, network, layers) for name, network in networks.items()}
        among = [features["after"][layer] for layer in layers]
        forms = {column: cka_matrix(among, among, debiased) for column, debiased in (("cka", True), ("biased", False))}
        references = _references(features, layers)
        bacc = float(subject.run.read_metrics()["test/bacc"])
        tables = {"layers": _pairs(forms, layers), "references": references}
        if self.per_class:
            tables["per_class"] = _per_class(features, layers, subject.labels(self.split)[rows], subject.class_names)
        columns = {title: _column(references, name, layers) for name, title in REFERENCES.items() if name in features}
        return Findings(
            numbers=_numbers(references) | {"bacc": bacc},
            tables=tables,
            figures={"layers": layers_figure(forms["cka"], columns, layers)},
            captions={"layers": f"{probe.said(len(rows))} Protocol of the run: {subject.protocol}, bacc {bacc:.3f}."},
        )

    def compare(self, subjects: Sequence[Subject], found: Sequence[Findings]) -> Findings:
        """Compare the same layer of all pairs of runs: table ``runs``, figure ``runs``."""
        return compare_layers(self._probe(), subjects, self.untrained, self.seed)


def _numbers(references: pd.DataFrame) -> dict[str, float]:
    names = "similarity/" + references["layer"] + "/" + references["network"]
    return dict(zip(names, references["cka"].tolist(), strict=True))


def _pairs(forms: Mapping[str, NDArray[np.float64]], layers: Sequence[str]) -> pd.DataFrame:
    """One row per pair of layers."""
    return pd.DataFrame(
        [
            {"layer": layers[i], "other": layers[j], **{form: matrix[i, j] for form, matrix in forms.items()}}
            for i in range(len(layers))
            for j in range(i + 1)
        ]
    )


def _references(features: Mapping[str, Features], layers: Sequence[str]) -> pd.DataFrame:
    """One row per layer and other network: how much is as it was there."""
    rows = [
        {
            "layer": layer,
            "network": name,
            "cka": linear_cka(features["after"][layer], features[name][layer], debiased=True),
            "biased": linear_cka(features["after"][layer], features[name][layer], debiased=False),
        }
        for name in features
        if name != "after"
        for layer in layers
    ]
    return pd.DataFrame(rows, columns=["layer", "network", "cka", "biased"])


def _column(references: pd.DataFrame, network: str, layers: Sequence[str]) -> NDArray[np.float64]:
    values: NDArray[np.float64] = (
        references[references["network"] == network].set_index("layer")["cka"].loc[list(layers)].to_numpy()
    )
    return values


def _per_class(
    features: Mapping[str, Features], layers: Sequence[str], labels: NDArray[np.int64], names: Sequence[str]
) -> pd.DataFrame:
    """The references again, of the images of one class at a time; NaN for classes of fewer than four images."""
    tables = []
    for c in np.unique(labels):
        mine = labels == c
        own = {name: {layer: rows[mine] for layer, rows in of.items()} for name, of in features.items()}
        table = _references(own, layers)
        table.insert(0, "images", int(mine.sum()))
        table.insert(0, "class", names[c])
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
