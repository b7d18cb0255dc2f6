import pytest

from graphc.amounts import amount, shown_size, size_in_bytes
from graphc.errors import ArgumentError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("200MB", 200 * 2**20),
        ("1.5 GB", 3 * 2**29),
        ("0.1KB", 102),
        ("64MiB", 64 * 2**20),
        (" 2tb ", 2 * 2**40),
        ("512B", 512),
        ("4096", 4096),
        (4096, 4096),
        (1, 1),
        ("1B", 1),
    ],
)
def test_a_size_in_bytes(value, expected):
    assert size_in_bytes("memory", value) == expected


@pytest.mark.parametrize(
    "value", ["", "MB", "-1MB", "200M", "200 PB", "1e9", "0MB", "0.0001KB", 0, -5, 1.5, True, None]
)
def test_what_is_no_size(value):
    with pytest.raises(ArgumentError, match="memory: expected a size, .*'200MB'.*, received"):
        size_in_bytes("memory", value)


def test_amounts_of_flags():
    assert [amount(one) for one in ("256MB", "10min", "1h", "none")] == [2**28, 600, 3600, None]


@pytest.mark.parametrize(
    ("nbytes", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KB"),
        (1536, "1.5 KB"),
        (2**20 - 1, "1024.0 KB"),
        (2**30, "1.0 GB"),
        (3.5 * 2**50, "3584.0 TB"),
    ],
)
def test_a_size_is_shown(nbytes, text):
    assert shown_size(nbytes) == text
