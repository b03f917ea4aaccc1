"""Quantities in the API server's own spelling."""

import pytest

from components.quantities import count, cpu, memory
from sandbox.plugins.kubernetes.quantities import canonical


@pytest.mark.parametrize(
    ("given", "stored"),
    [("1000m", "1"), ("1500m", "1500m"), ("2", "2"), ("1000", "1k"), ("1000000m", "1k"), ("500m", "500m")],
)
def test_processor_time_is_spelt_as_it_is_stored(given: str, stored: str) -> None:
    assert cpu(given) == canonical(given) == stored


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("1Gi", "1Gi"),
        ("1048576Ki", "1Gi"),
        ("1024Ti", "1Pi"),
        ("9Ki", "9Ki"),
    ],
)
def test_memory_is_spelt_as_it_is_stored(given: str, stored: str) -> None:
    assert memory(given) == canonical(given) == stored


def test_a_number_of_things_is_spelt_as_it_is_stored() -> None:
    assert [count(number) for number in (0, 1, 100, 999, 1000)] == ["0", "1", "100", "999", "1k"]


def test_a_sum_is_spelt_so_too() -> None:
    assert (cpu(0.25), cpu(3.0), memory(3 * 2**30)) == ("250m", "3", "3Gi")
