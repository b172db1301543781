"""A setting that was left to the program, and why it chose as it did."""

from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class Choice(NamedTuple, Generic[T]):
    """A value and the words that explain it.

    Attributes:
        value: What is used.
        reason: Why, for people; empty where the user chose.
    """

    value: T
    reason: str

    def __str__(self) -> str:
        return f"{self.value} ({self.reason})" if self.reason else str(self.value)
