"""One hash of many texts and arrays."""

import hashlib
from collections.abc import Sequence


def digest(texts: Sequence[Sequence[str]], arrays: Sequence[bytes | memoryview] = ()) -> str:
    """SHA-256 of lists of texts, no two of which run together, and of arrays."""
    result = hashlib.sha256()
    for part in texts:
        result.update("\0".join([*part, ""]).encode("utf-8", "surrogateescape"))
        result.update(b"\1")
    for array in arrays:
        result.update(array)
    return result.hexdigest()
