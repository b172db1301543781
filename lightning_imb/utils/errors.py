"""The exceptions for what the user gave, and for a full disk."""


class InputError(ValueError):
    """Something the user gave is wrong: one sentence with the offending value and the cure.

    The command line prints the sentence alone and exits with code 1; any other exception is a defect
    of this package and keeps its traceback.
    """


class NoRoomError(InputError, OSError):
    """The disk, or a quota on it, is full."""


def one_line(error: BaseException) -> str:
    """The first line of what an exception says."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def sentence_of(failure: BaseException) -> str:
    """Bad input in its own words, a defect with the name of its class."""
    text = " ".join(str(failure).split())
    return text if isinstance(failure, InputError) else f"{type(failure).__name__}: {text}"
