"""The text of a checkpoint, read back as it was written, and what is none."""

import base64

import pytest

from creditbank.core.checkpoint import Checkpoint, is_origin, parsed_checkpoint
from creditbank.core.merkle import EMPTY_ROOT

ROOT = base64.b64encode(EMPTY_ROOT).decode()


def test_a_checkpoint_is_three_lines_and_is_read_back() -> None:
    checkpoint = Checkpoint("bank.example/v1/log", 20852163, EMPTY_ROOT)
    assert checkpoint.text == f"bank.example/v1/log\n20852163\n{ROOT}\n"
    assert parsed_checkpoint(checkpoint.text) == checkpoint
    assert parsed_checkpoint(checkpoint.text + "an extension\n") == checkpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "bank\n",
        f"bank\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"a bank\n1\n{ROOT}\n",
        f"bank\n-1\n{ROOT}\n",
        f"bank\n01\n{ROOT}\n",
        f"bank\n１\n{ROOT}\n",
        f"bank\n1\n{ROOT[:-4]}\n",
        f"bank\n1\n{ROOT}!\n",
        f"bank\n1\n{ROOT.replace('=', '')}\n",
    ],
)
def test_what_is_no_checkpoint_is_not_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"no checkpoint|root"):
        parsed_checkpoint(text)


@pytest.mark.parametrize(
    ("text", "can"), [("bank.example/v1/log", True), ("", False), ("a b", False), ("a+b", False), ("a\nb", False)]
)
def test_an_origin_has_neither_blanks_nor_plus_signs(text: str, *, can: bool) -> None:
    assert is_origin(text) is can


def test_what_cannot_be_signed_is_not_built() -> None:
    for origin, size, root in (("a b", 1, EMPTY_ROOT), ("bank", -1, EMPTY_ROOT), ("bank", 1, EMPTY_ROOT[:-1])):
        with pytest.raises(AssertionError):
            Checkpoint(origin, size, root)
