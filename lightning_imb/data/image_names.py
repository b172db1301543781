"""Which files of a tree are taken for images."""

from pathlib import PurePosixPath

# clearly no images; anything else is taken for an image, so that a damaged or oddly named one is
# reported instead of silently left out
_TEXT = ".csv .htm .html .ini .json .log .md .rst .tsv .pdf .txt .xml .yaml .yml .md5 .cfg .toml"
_OTHER = ".db .doc .docx .gz .h5 .ipynb .lnk .mat .npy .npz .parquet .pkl .pt .pth .py .sh .tar .xlsx .zip"
_NOT_IMAGES = frozenset(f"{_TEXT} {_OTHER}".split())


def is_hidden(path: PurePosixPath) -> bool:
    """Whether a file or one of its folders is hidden or an archive's litter."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def is_image(path: PurePosixPath) -> bool:
    """Whether a file is taken for an image: visible, and not of a kind that is clearly something else."""
    return not is_hidden(path) and path.suffix.lower() not in _NOT_IMAGES
