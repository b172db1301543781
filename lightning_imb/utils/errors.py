"""The exceptions for what the user gave, and for a full disk."""


class InputError(ValueError):
    """Something the user gave is wrong: one sentence with the offending value and the cure.

    The command line prints the sentence alone and exits with code 1; any other exception is a defect
    of this package and keeps its traceback.
    """


class NoRoomError(InputError, OSError):
    """The disk, or a quota on it, is full."""
