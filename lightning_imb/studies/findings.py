"""What an analysis found, before it is written anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Findings:
    """Numbers, tables and figures of one analysis.

    Attributes:
        numbers: Scalars by name, such as ``gap/matched``, whose mean over seeds makes sense; NaN where not defined.
        tables: By file name without suffix; the first columns say what a row is.
        figures: By file name without suffix.
        captions: One or two sentences for each figure.
        remarks: What was left out, and why.
    """

    numbers: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    captions: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
