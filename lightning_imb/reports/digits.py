"""Numbers of any size as text: as many digits as can be read, as few as matter."""

import math

DIGITS, SPREAD_DIGITS = 4, 2  # of a mean, of a standard deviation


def significant(value: float, digits: int = DIGITS) -> str:
    """Some significant digits; whole numbers, and digits before the point, are written out.

    Args:
        value: Finite.
        digits: How many.
    """
    whole = value == round(value) or abs(value) >= 10 ** (digits - 1)
    return f"{value:,.0f}" if whole else f"{value:#.{digits}g}"


def signed(value: float, digits: int = DIGITS) -> str:
    """As :func:`significant`, with a sign before what is not negative: a difference."""
    return f"{'' if value < 0 else '+'}{significant(value, digits)}"


def mean_and_spread(mean: float, std: float | None) -> str:
    """``0.7824 ± 0.012``; the mean alone where there is no spread, None or NaN."""
    if std is None or math.isnan(std):
        return significant(mean)
    return f"{significant(mean)} ± {significant(std, SPREAD_DIGITS)}"
