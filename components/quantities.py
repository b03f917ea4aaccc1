"""Quantities in the one spelling in which the API server keeps them; any other drifts at every refresh."""

from components.validation import quantity

_STEP = 1024
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def cpu(cores: str | float) -> str:
    """Processor time: `1000m` gives `1`, 0.25 gives `250m`, `1000` gives `1k`."""
    thousandths = round((quantity(cores) if isinstance(cores, str) else cores) * 1000)
    return count(thousandths // 1000) if thousandths % 1000 == 0 else f"{thousandths}m"


def memory(amount: str | float) -> str:
    """Bytes: `1024Mi` gives `1Gi`, `1536Mi` stays."""
    left, power = round(quantity(amount) if isinstance(amount, str) else amount), 0
    while left and left % _STEP == 0 and power + 1 < len(_BINARY):
        left, power = left // _STEP, power + 1
    return f"{left}{_BINARY[power]}"


def count(number: int) -> str:
    """A number of things: `100`, and 1000 is `1k`."""
    return f"{number // 1000}k" if number and number % 1000 == 0 else str(number)
