"""Base 58 in multibase, by its published examples and there and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.formats.multibase import TEXT_LENGTH_MAX, bytes_of, multibase_of

EXAMPLES = {
    b"Hello World!": "z2NEpo7TZRRrLZSi2U",
    b"The quick brown fox jumps over the lazy dog.": "zUSm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
    b"\x00\x00\x28\x7f\xb4\xcd": "z11233QC4",
}
"""Those of the Internet-Draft on Base58."""


@pytest.mark.parametrize("data", EXAMPLES)
def test_published_examples_are_written_and_read_alike(data: bytes) -> None:
    assert multibase_of(data) == EXAMPLES[data]
    assert bytes_of(EXAMPLES[data]) == data


@given(st.binary(max_size=80))
def test_bytes_are_the_same_there_and_back(data: bytes) -> None:
    assert bytes_of(multibase_of(data)) == data


@pytest.mark.parametrize("text", ["", "2NEpo7", "z0", "zO", "zI", "zl", "z 2", "u2NEpo7", "z" + "2" * TEXT_LENGTH_MAX])
def test_what_is_none_is_not_read(text: str) -> None:
    assert bytes_of(text) is None
