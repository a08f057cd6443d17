"""The door for JSON takes what every reader agrees on and says what is wrong with the rest."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from creditbank.core.errors import Malformed, Refusal
from creditbank.formats import strict_json
from creditbank.formats.strict_json import Row, TooLarge, ndjson_rows, parsed, text_of

MEBIBYTE = 1024 * 1024
NAUGHTY = Path(__file__).parents[3] / "shared" / "fuzz" / "blns.json"
SURROGATE = b"\\ud800"


def value_of(body: bytes) -> object:
    return parsed(body, bytes_max=MEBIBYTE)


def answer_to(body: bytes) -> tuple[object, set[str]]:
    """Return the value, or the codes of the refusal; any other exception comes through."""
    try:
        return parsed(body, bytes_max=MEBIBYTE, depth_max=3), set()
    except Refusal as refusal:
        return None, {fault.code for fault in refusal.faults}


def faults_of(body: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Malformed) as refused:
        value_of(body)
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"null", None),
        (b" [true, false] ", [True, False]),
        (b"-0", 0),
        (b"9007199254740991", 2**53 - 1),
        (b"-9007199254740991", -(2**53 - 1)),
        (b"1.10", Decimal("1.10")),
        (b"0." + b"1" * 29, Decimal("0." + "1" * 29)),
        ('{"姓名":"王小明 👩‍🎓"}'.encode(), {"姓名": "王小明 👩‍🎓"}),
        (b'"\\ud83d\\udc69"', "👩"),
        (b'"\\\\ud800 \\\\u0000"', "\\ud800 \\u0000"),
        (b'"[[[{{{ \\" ]"', '[[[{{{ " ]'),
        (b'{"":{"a":1},"a":{"a":1}}', {"": {"a": 1}, "a": {"a": 1}}),
    ],
)
def test_plain_values_come_through_exactly(body: bytes, value: object) -> None:
    assert value_of(body) == value
    assert repr(value_of(body)) == repr(value)


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        (b"\xff", "", "not_utf8"),
        (b'"\xed\xa0\x80"', "", "not_utf8"),
        ('"学分"'.encode("gbk"), "", "not_utf8"),
        (b"\xef\xbb\xbf{}", "", "byte_order_mark"),
        ("{}".encode("utf-16"), "", "byte_order_mark"),
        (b'{"a":1,"a":2}', "", "duplicate_key"),
        (b'{"a":1,"\\u0061":2}', "", "duplicate_key"),
        (b'[{"b":{"a":1,"c":2,"a":1}}]', "/0/b", "duplicate_key"),
        (b"NaN", "", "not_a_number"),
        (b'{"a":[0,Infinity]}', "/a/1", "not_a_number"),
        (b"[-Infinity]", "/0", "not_a_number"),
        (b'["' + SURROGATE + b'"]', "/0", "lone_surrogate"),
        (b'["\\uDFFF x"]', "/0", "lone_surrogate"),
        (b'{"a":{"x' + SURROGATE + b'":1}}', "/a", "lone_surrogate"),
        (b'{"a":"x\\u0000"}', "/a", "nul_character"),
        (b'{"a":[{"\\u0000":1}]}', "/a/0", "nul_character"),
        (b'"a\0b"', "", "nul_character"),
        (b'{"a\0":1}', "", "nul_character"),
        (b'{"a/b~c":1e999}', "/*", "number_form"),
        (b"1E+999999999", "", "number_form"),
        (b"1e2", "", "number_form"),
        (b"1" * 31, "", "number_form"),
        (b"-" + b"1" * 100_000, "", "number_form"),
        (b"0." + b"1" * 30, "", "number_form"),
        (b"9007199254740992", "", "number_range"),
        (b"-9007199254740992", "", "number_range"),
        (b"9" * 30, "", "number_range"),
        (b"", "", "not_json"),
        (b"{} {}", "", "not_json"),
        (b"[1,]", "", "not_json"),
        (b"{'a':1}", "", "not_json"),
        (b"01", "", "not_json"),
        (b"1_000", "", "not_json"),
        ("１２".encode(), "", "not_json"),
        (b'"a\nb"', "", "not_json"),
        (b"[[", "", "not_json"),
        (b"[" * 31 + b"[]," * 5 + b"[", "", "not_json"),
        (b"\x0b1", "", "not_json"),
    ],
)
def test_what_readers_disagree_on_is_refused_at_its_place(body: bytes, pointer: str, code: str) -> None:
    assert faults_of(body) == [(pointer, code)]


def test_all_flaws_are_told_together_in_the_order_of_the_text() -> None:
    body = b'{"a":1e5,"b":[NaN,"\\u0000"],"c":{"x":9007199254740992,"x":1}}'
    assert faults_of(body) == [
        ("/a", "number_form"),
        ("/b/0", "not_a_number"),
        ("/b/1", "nul_character"),
        ("/c", "duplicate_key"),
        ("/c/x", "number_range"),
    ]


def test_a_duplicate_name_is_named_and_a_syntax_fault_has_its_line_and_column() -> None:
    with pytest.raises(Malformed) as twice:
        value_of(b'{"title":1,"title":2}')
    assert '"title"' in twice.value.faults[0].message_en
    with pytest.raises(Malformed) as garbage:
        value_of(b'{"a":1,\n  b}')
    assert "line 2, column 3" in garbage.value.faults[0].message_en


def test_as_many_faults_as_a_person_mends_in_one_go_are_told() -> None:
    assert len(faults_of(b"[" + b"NaN," * 1000 + b"1]")) == strict_json.FAULTS_MAX


def test_a_fault_can_be_sent_whatever_the_name_that_it_tells() -> None:
    for body in (
        b'{"x\\ud800":1e5}',
        b'{"\\u0000":1e5}',
        b'{"\\ud800":1,"\\ud800":"\\u0000"}',
        b'{"' + b"k" * 90_000 + b'":NaN}',
    ):
        with pytest.raises(Malformed) as refused:
            value_of(body)
        for fault in refused.value.faults:
            sent = text_of([fault.pointer, fault.message_zh, fault.message_en]).encode()
            assert len(sent) < 1000
            assert b"\\u0000" not in sent.replace(b"\\\\u0000", b"")


def test_a_body_has_at_most_the_bytes_allowed() -> None:
    assert parsed(b"[1,2]", bytes_max=5) == [1, 2]
    with pytest.raises(TooLarge) as refused:
        parsed(b"[1,2]", bytes_max=4)
    assert refused.value.faults[0].code == "too_large"


@pytest.mark.parametrize("depth_max", [1, 32, strict_json.DEPTH_CEILING])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"[":', "}")])
def test_nesting_has_its_bound_on_both_sides(depth_max: int, opening: str, closing: str) -> None:
    inside = opening * (depth_max - 1) + "[]" + closing * (depth_max - 1)
    parsed(inside.encode(), bytes_max=MEBIBYTE, depth_max=depth_max)
    with pytest.raises(Malformed) as refused:
        parsed((opening + inside + closing).encode(), bytes_max=MEBIBYTE, depth_max=depth_max)
    assert refused.value.faults[0].code == "too_deep"


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b'["\\\\",' * 100_000,
        b'["\\\\",' + b"[" * 33 + b"]" * 33 + b',"\\\\"]',
        b'[" \\" ",' * 100_000,
        b"[]," * 1000 + b"[" * 33 + b"]" * 33,
    ],
)
def test_nesting_that_would_break_a_parser_is_refused_before_parsing(body: bytes) -> None:
    with pytest.raises(Malformed) as refused:
        value_of(body)
    assert refused.value.faults[0].code == "too_deep"


@pytest.mark.parametrize(
    "body", [b"[" + b"[[]]," * 1000 + b"1]", b'["' + b"[" * 1000 + b'"]', b'["\\"' + b"{" * 1000 + b'\\\\"]']
)
def test_many_brackets_beside_each_other_or_in_text_are_not_deep(body: bytes) -> None:
    assert parsed(body, bytes_max=MEBIBYTE, depth_max=3) == json.loads(body)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-strict_json.INTEGER_MAX, strict_json.INTEGER_MAX)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8", exclude_characters="\0")), inner)
    ),
    max_leaves=20,
)


@given(json_values, st.booleans())
def test_values_come_back_as_they_were_written(value: object, escaped: bool) -> None:  # noqa: FBT001 - drawn
    body = json.dumps(value, ensure_ascii=escaped).encode()
    assert parsed(body, bytes_max=MEBIBYTE) == value
    assert value_of(text_of(value).encode()) == value


@given(json_values)
def test_the_measured_depth_is_the_depth(value: object) -> None:
    def depth(part: object) -> int:
        members = part.values() if isinstance(part, dict) else part if isinstance(part, list) else None
        return 0 if members is None else 1 + max(map(depth, members), default=0)

    body = json.dumps(value).encode()
    deepest = max(depth(value), 1)
    parsed(body, bytes_max=MEBIBYTE, depth_max=deepest)
    if deepest > 1:
        with pytest.raises(Malformed):
            parsed(body, bytes_max=MEBIBYTE, depth_max=deepest - 1)


@given(
    st.binary()
    | st.lists(
        st.sampled_from(
            [b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b"\\u", b"d800", b"0000", b"1", b"e9", b"-", b".", b"NaN"]
        )
    ).map(b"".join)
)
def test_any_bytes_give_a_value_or_a_refusal(body: bytes) -> None:
    value, codes = answer_to(body)
    assert codes or json.dumps(value, default=str, allow_nan=False).encode()


def naughty_strings() -> list[str]:
    if not NAUGHTY.exists():
        pytest.skip("the Big List of Naughty Strings is not at ../shared/fuzz/blns.json")
    strings = json.loads(NAUGHTY.read_bytes())
    assert isinstance(strings, list)
    return strings


def test_naughty_strings_come_through_or_are_refused() -> None:
    for text in naughty_strings():
        for escaped in (True, False):
            body = json.dumps({"text": text, "list": [text]}, ensure_ascii=escaped).encode(errors="surrogatepass")
            value, codes = answer_to(body)
            assert codes <= {"lone_surrogate", "nul_character", "not_utf8"}
            assert codes or value == {"text": text, "list": [text]}
            answer_to(text.encode(errors="surrogatepass"))


def test_a_bad_line_is_a_bad_row_and_not_a_bad_file() -> None:
    rows = ndjson_rows(b'{"a":1}\r\n\n  \nNaN\n[1\n"\xff"\n2', bytes_max=100, rows_max=5)
    assert [(row.line, row.value, [fault.code for fault in row.faults]) for row in rows] == [
        (1, {"a": 1}, []),
        (4, None, ["not_a_number"]),
        (5, None, ["not_json"]),
        (6, None, ["not_utf8"]),
        (7, 2, []),
    ]
    assert rows[0] == Row(1, {"a": 1})


def test_lines_have_bounds_of_bytes_and_rows() -> None:
    assert len(ndjson_rows(b"1\n\n2\n", bytes_max=5, rows_max=2)) == 2
    assert ndjson_rows(b"", bytes_max=5, rows_max=2) == []
    with pytest.raises(TooLarge) as rows:
        ndjson_rows(b"1\n2\n3", bytes_max=5, rows_max=2)
    with pytest.raises(TooLarge) as size:
        ndjson_rows(b"1\n\n2\n", bytes_max=4, rows_max=2)
    assert (rows.value.faults[0].code, size.value.faults[0].code) == ("too_many_rows", "too_large")


def test_text_is_compact_with_chinese_unescaped_and_takes_no_decimals() -> None:
    assert text_of({"学分": ["2.50", 1]}) == '{"学分":["2.50",1]}'
    with pytest.raises(TypeError):
        text_of(Decimal("2.50"))
