"""The picture of many recalls at once."""

from collections.abc import Mapping, Sequence

from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from lightning_imb.reports.confusion import head_to_tail
from lightning_imb.reports.value_map import MapLook, value_map_figure


def recall_map_figure(
    recalls: Mapping[str, Sequence[float | None]], names: Sequence[str], counts: Sequence[int] | None
) -> Figure:
    """Draw the recall of each class as a map: a line per row, a column per class from head to tail.

    Args:
        recalls: (K,) recall in [0, 1] per class, None where absent, for each row.
        names: (K,) class names.
        counts: (K,) training images per class; None where the rows differ in them: classes keep their order.
    """
    order = head_to_tail(counts) if counts else range(len(names))
    look = MapLook(
        title="Recall per class",
        values="recall",
        columns="class, from the most to the fewest training images" if counts else "class",
        norm=Normalize(0, 1),
        text="{:.2f}".format,
    )
    ordered = {label: [line[k] for k in order] for label, line in recalls.items()}
    return value_map_figure(ordered, [names[k] for k in order], look)
