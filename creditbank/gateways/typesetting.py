"""The typesetter typst: a paper's document becomes a PDF for archives that screen readers can read.

Its font, Noto Sans CJK, comes with a dependency. What the font has no glyph for is refused, never printed as a box.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typst

FONT_PACKAGE = "mplfonts"
FONT_FILE = "NotoSansCJKsc-Regular.otf"

STANDARDS: list[Any] = ["a-3a", "ua-1"]
"""PDF/A-3a (ISO 19005-3: everything embedded, tagged, files go along) and PDF/UA-1 (ISO 14289-1: accessible)."""

_UNPRINTABLE = re.compile(
    r"the text `\"(.+?)\"` could not be displayed|the text contains the disallowed codepoint `\"(.+?)\"`", re.DOTALL
)
"""What the typesetter says of a text without a glyph, and of one that PDF/UA forbids, such as U+FEFF."""


class Unprintable(Exception):  # noqa: N818 - what happened, not an error
    """A text has characters for which the font has no glyph, or that no paper may have."""

    def __init__(self, characters: str) -> None:
        """`characters` are those that can't be printed, as far as the typesetter got."""
        super().__init__(characters)
        self.characters = characters


class FontMissing(Exception):  # noqa: N818 - what happened, not an error
    """The font for papers is not installed."""


def typeset(document: Mapping[str, Any]) -> bytes:
    """Return a paper as PDF. Raised: Unprintable, FontMissing.

    The document goes in as data: nothing in it is read as markup.
    """
    template = files("creditbank.papers").joinpath("paper.typ").read_bytes()
    inputs = {"data": json.dumps(document, ensure_ascii=False)}
    compiler = typst.Compiler(template, font_paths=_fonts(FONT_PACKAGE), ignore_system_fonts=True, sys_inputs=inputs)
    try:
        made = compiler.compile(format="pdf", pdf_standards=STANDARDS)
    except typst.TypstError as error:
        found = _UNPRINTABLE.search(error.message)
        if found is None:
            raise
        raise Unprintable(found[1] or found[2]) from error
    assert isinstance(made, bytes), "a paper is one file"
    return made


@cache
def _fonts(package: str) -> typst.Fonts:
    """Return the fonts that papers may use. Raised: FontMissing."""
    found = find_spec(package)  # its own code, which draws diagrams, is not run
    folders = [] if found is None else [Path(one) / "fonts" for one in found.submodule_search_locations or ()]
    folder = next((one for one in folders if (one / FONT_FILE).exists()), None)
    if folder is None:
        raise FontMissing(f"{FONT_FILE} is not there; install the package {package}, which brings it")
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])
