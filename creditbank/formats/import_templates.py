"""Templates for tables that are imported: a workbook with drop-downs and notes, or a CSV, made of a mapping."""

import csv
import io

import xlsxwriter

from creditbank.formats.row_mapping import IGNORED, ColumnRule, Mapping
from creditbank.formats.tables import BYTE_ORDER_MARK

GROUPS_SHOWN = 8
"""Groups of columns that a template of a wide table has; more may be added by number."""

LIST_ROWS = 5_000
"""Rows below the header that are texts and have drop-downs."""

WIDTH = 22
CHOICES_CHARACTERS_MAX = 255
"""What a spreadsheet takes as the text of a drop-down."""


def template_columns(mapping: Mapping) -> list[tuple[str, ColumnRule]]:
    """Return the columns of a template: each field under its first name."""
    whole = [(rule.names[0], rule) for rule in mapping.columns if rule.to != IGNORED]
    return whole + [
        (rule.names[0].replace("{n}", str(number)), rule)
        for number in range(1, min(mapping.groups, GROUPS_SHOWN) + 1)
        for rule in mapping.repeated
        if rule.to != IGNORED
    ]


def is_required(mapping: Mapping, rule: ColumnRule) -> bool:
    """Tell whether a table without this column is refused."""
    return frozenset({rule.to}) in mapping.required


def csv_template(mapping: Mapping) -> bytes:
    """Return a CSV with the header alone: an example would be imported."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow([name for name, _ in template_columns(mapping)])
    return (BYTE_ORDER_MARK + text.getvalue()).encode()


def workbook_template(mapping: Mapping) -> bytes:
    """Return a workbook: a sheet to fill in, whose cells are texts, and a sheet that explains the columns."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        _fill_in(book, mapping)
        _explain(book, mapping)
    return content.getvalue()


def _fill_in(book: xlsxwriter.Workbook, mapping: Mapping) -> None:
    sheet = book.add_worksheet("数据 data")
    as_text = book.add_format({"num_format": "@"})
    needed = book.add_format({"bold": True, "num_format": "@", "bg_color": "#FFE699", "border": 1})
    optional = book.add_format({"bold": True, "num_format": "@", "bg_color": "#DDEBF7", "border": 1})
    sheet.freeze_panes(1, 0)
    for column, (name, rule) in enumerate(template_columns(mapping)):
        sheet.set_column(column, column, WIDTH, as_text)
        sheet.write_string(0, column, name, needed if is_required(mapping, rule) else optional)
        note = "\n".join(part for part in (rule.note_zh, rule.note_en, _example(rule)) if part)
        if note:
            sheet.write_comment(0, column, note, {"x_scale": 2})
        choices = list(dict.fromkeys(rule.values))
        if choices and len(",".join(choices)) <= CHOICES_CHARACTERS_MAX:
            listed = {"validate": "list", "source": choices, "ignore_blank": True, "error_type": "warning"}
            sheet.data_validation(1, column, LIST_ROWS, column, listed)


def _explain(book: xlsxwriter.Workbook, mapping: Mapping) -> None:
    sheet = book.add_worksheet("说明 notes")
    bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    sheet.set_column(0, 0, 24, wrapped)
    sheet.set_column(1, 1, 10, wrapped)
    sheet.set_column(2, 4, 48, wrapped)
    sheet.write_string(0, 0, f"{mapping.title_zh} / {mapping.title_en}", bold)
    heads = ("列 / column", "必填 / needed", "说明 / note", "示例 / example", "其他可用列名 / also known as")
    for column, head in enumerate(heads):
        sheet.write_string(2, column, head, bold)
    for line, (name, rule) in enumerate(template_columns(mapping), 3):
        told = (
            f"→ {name}",
            "是 / yes" if is_required(mapping, rule) else "",
            "\n".join(part for part in (rule.note_zh, rule.note_en) if part),
            rule.example,
            ", ".join(rule.names[1:]),
        )
        for column, value in enumerate(told):
            sheet.write_string(line, column, value, wrapped)


def _example(rule: ColumnRule) -> str:
    return f"例 / e.g. {rule.example}" if rule.example else ""
