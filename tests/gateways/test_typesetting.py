"""Papers as PDF: every glyph is there or the text is refused, long names wrap, long lists go over pages."""

import sys
from datetime import date

import pypdfium2
import pytest

from creditbank.formats.papers import Column, Language, Listing, Paper, Shape, paper_document, qr_code
from creditbank.gateways import typesetting
from creditbank.gateways.typesetting import FontMissing, Unprintable, typeset

COLUMNS = (Column("日期", 2), Column("课程", 5), Column("学分", 1.4, is_number=True))
RARE = "王𬭎䶮·𠮷 Ａ Zhāng 0123456789 №"
NO_GLYPH = "\U0002c29b"
DOTS_PER_POINT = 4
MARGIN = 18 * 72 / 25.4
"""Points at the sides of a page on which nothing may stand: text keeps 20 mm away from the edge."""


def paper(shape: Shape = Shape.RECORD, rows: int = 2, **changes: str) -> Paper:
    """Return a paper with some rows."""
    name = changes.get("name", "王芳")
    listed = tuple((f"2026-01-{1 + row % 28:02d}", f"课程 {row}", "+3.00") for row in range(rows))
    return Paper(
        shape=shape,
        language=Language.CHINESE,
        title="学分存折",
        facts=(("姓名", name),),
        issuer="学分银行",
        issued_on=date(2026, 1, 31),
        serial="CB-7K2M",
        check_url="https://bank.test/verify/7K2M",
        proof="header.claims.signature",
        holder=name,
        statement=changes.get("statement", ""),
        lists=(Listing("明细", COLUMNS, listed, "没有明细"),),
        notes=changes.get("note", "").split(),
    )


def pages(pdf: bytes) -> list[str]:
    """Return the text of each page, as another program reads it."""
    document = pypdfium2.PdfDocument(pdf)
    return [page.get_textpage().get_text_range() for page in document]


def drawn(page: pypdfium2.PdfPage) -> list[bytes]:
    """Return the rows of a page's picture, a byte a dot: 0 is black, 255 white."""
    bitmap = page.render(scale=DOTS_PER_POINT, grayscale=True)
    dots = bytes(bitmap.buffer)
    return [dots[row * bitmap.stride :][: bitmap.width] for row in range(bitmap.height)]


def picture_of(character: str) -> bytes:
    """Return how a character is drawn as a name: the dots of the place where the name stands."""
    (page,) = pypdfium2.PdfDocument(typeset(paper_document(paper(name=character))))
    text = page.get_textpage()
    label = text.get_charbox(
        text.get_text_range().index("名")
    )  # the name stands right of its label, 40 mm from the edge
    top, bottom = (round((page.get_height() - edge) * DOTS_PER_POINT) for edge in (label[3] + 4, label[1] - 4))
    left, right = (round(points * DOTS_PER_POINT) for points in (label[2] + 20, page.get_width() - MARGIN))
    return b"".join(row[left:right] for row in drawn(page)[top:bottom])


@pytest.mark.parametrize("shape", Shape)
def test_rare_characters_are_printed_as_they_are(shape: Shape) -> None:
    (text,) = pages(typeset(paper_document(paper(shape, name=RARE))))
    for character in RARE.replace(" ", ""):
        assert character in text


def test_what_the_font_has_no_glyph_for_is_refused_by_name() -> None:
    with pytest.raises(Unprintable) as refused:
        typeset(paper_document(paper(name=f"王{NO_GLYPH}")))
    assert NO_GLYPH in refused.value.characters


def test_what_no_paper_may_have_is_refused_by_name() -> None:
    with pytest.raises(Unprintable) as refused:
        typeset(paper_document(paper(name="王\ufeff芳")))
    assert "feff" in refused.value.characters.casefold()


def test_each_character_has_a_picture_of_its_own_and_none_is_the_box(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = {character: picture_of(character) for character in "𬭎䶮·𠮷鿏王Aā7№"}
    monkeypatch.setattr(typesetting, "STANDARDS", [])  # so that the typesetter draws the box instead of refusing
    boxes = {picture_of(character) for character in (NO_GLYPH, "\U0002c29c")}
    assert len(boxes) == 1, "whatever has no glyph looks the same"
    assert len(set(pictures.values()) | boxes) == len(pictures) + 1
    assert all(min(picture) < 100 for picture in pictures.values()), "each is drawn in dark ink"


@pytest.mark.parametrize("shape", Shape)
@pytest.mark.parametrize("name", ["王芳", "欧阳" * 60, "A" * 200, "Ж" * 200, "α" * 200, "—" * 200])
def test_nothing_is_drawn_on_the_margins(shape: Shape, name: str) -> None:
    document = pypdfium2.PdfDocument(typeset(paper_document(paper(shape, rows=60, name=name, statement=name))))
    side = round(MARGIN * DOTS_PER_POINT)
    for page in document:
        rows = drawn(page)
        assert min(min(row) for row in rows) < 100, "something stands on the page"
        assert all(min(row[:side]) == 255 and min(row[-side:]) == 255 for row in rows)


def test_a_list_of_five_hundred_rows_has_its_header_on_every_page_and_no_row_twice() -> None:
    texts = pages(typeset(paper_document(paper(rows=500))))
    assert len(texts) > 5
    listed = [text for text in texts if "+3.00" in text]
    assert all("日期 课程 学分" in text for text in listed)
    assert all("CB-7K2M" in text for text in texts[1:])
    found = [line for text in texts for line in text.splitlines() if "+3.00" in line]
    assert len(found) == 500
    assert f"{len(texts)} / {len(texts)}" in texts[-1]


def test_long_names_wrap_inside_the_page() -> None:
    name = "欧阳" * 60
    document = pypdfium2.PdfDocument(typeset(paper_document(paper(name=name))))
    text = document[0].get_textpage()
    width = document[0].get_width()
    assert "".join(text.get_text_range().split()).count("欧阳") == 60
    assert all(text.get_charbox(place)[2] < width for place in range(text.count_chars()))


def test_markup_in_a_name_is_printed_as_it_stands() -> None:
    name = "#panic() $x$ *a* _b_ <label> @ref \\ [c]"
    (text,) = pages(typeset(paper_document(paper(name=name))))
    assert name in text


def test_an_empty_list_says_so() -> None:
    assert "没有明细" in pages(typeset(paper_document(paper(rows=0))))[0]


def test_a_paper_is_tagged_for_screen_readers() -> None:
    pdf = typeset(paper_document(paper()))
    document = pypdfium2.PdfDocument(pdf)
    assert document.is_tagged()
    assert document.get_metadata_value("Title") == "学分存折"
    assert document.count_attachments() == 1
    assert bytes(document.get_attachment(0).get_data()) == b"header.claims.signature"
    assert b"pdfuaid" in pdf, "it says that it is PDF/UA"


def test_a_qr_code_is_drawn_for_each_address_by_itself() -> None:
    assert qr_code("https://bank.test/verify/a") != qr_code("https://bank.test/verify/b")


def test_the_packages_own_code_is_not_run() -> None:
    typeset(paper_document(paper()))
    assert typesetting.FONT_PACKAGE not in sys.modules


def test_a_missing_font_is_said_with_the_package_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typesetting, "FONT_PACKAGE", "no_such_package")
    with pytest.raises(FontMissing, match="no_such_package"):
        typeset(paper_document(paper()))
