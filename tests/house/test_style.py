"""The house is kept: sizes, docstrings, and that each setting, refusal and call is documented."""

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from creditbank.api import batches, learners, resource
from creditbank.app import create_app
from creditbank.config import Settings
from creditbank.core.credit import HUNDREDTHS_MAX
from creditbank.core.errors import Refusal
from creditbank.core.permission import SCOPES
from creditbank.core.rules.condition_parsing import DEPTH_MAX
from creditbank.core.rules.parsing import RULES_MAX, TESTS_MAX
from creditbank.services.access import TOKEN_SECONDS
from creditbank.services.bank import ANSWERS_KEPT
from tests.house.transcripts import ROOT

FILE_LINES_MAX = 300
FUNCTION_LINES_MAX = 40
PARAMETERS_MAX = 5

LONGER_FILES = {
    "creditbank/services/outcomes.py": (320, "posting a batch is one use case whose steps are read together"),
    "creditbank/storage/conversions.py": (350, "an application with its parts, readers and claims, written together"),
    "creditbank/storage/database.py": (390, "transactions, locks and conditions: what the engines do differently"),
    "creditbank/storage/learners.py": (320, "the tables of a person, which are written and read together"),
    "tools/verify_ledger.py": (1090, "an outsider reads one file, and takes it along without another"),
    "creditbank/storage/ledger.py": (340, "the one door into the ledger: three tables that move in one posting"),
}
"""Files that may be longer, to how many lines, and why."""

SOURCES = sorted((ROOT / "creditbank").rglob("*.py"))
GUIDE = (ROOT / "api_docs" / "guide.md").read_text("utf-8")
OPENAPI = json.loads((ROOT / "api_docs" / "openapi.json").read_text("utf-8"))

Function = ast.FunctionDef | ast.AsyncFunctionDef


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _functions(tree: ast.AST) -> Iterator[tuple[Function, bool]]:
    """Yield every function and whether it is a method, whose own object doesn't count as a parameter."""
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, Function):
                yield child, isinstance(node, ast.ClassDef)


def _public(tree: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Yield what others may use of a module: its functions and classes with their methods."""
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from _public(node, f"{prefix}{node.name}.")


def _parameters(function: Function, *, is_method: bool) -> int:
    given = function.args
    count = len(given.posonlyargs) + len(given.args) + len(given.kwonlyargs)
    is_static = any(isinstance(mark, ast.Name) and mark.id == "staticmethod" for mark in function.decorator_list)
    return count - (is_method and not is_static)


def _tracked() -> list[Path]:
    """Return the project's own files, those that git would take among them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    else:  # unpacked from an archive
        folders = ("creditbank", "migrations", "api_docs", "docs", "tests", "tools")
        paths = [path for folder in folders for path in (ROOT / folder).rglob("*")] + list(ROOT.glob("*"))
    return [path for path in paths if path.is_file() and "__pycache__" not in path.parts]


def _refusals(family: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for child in family.__subclasses__():
        if child.__module__.startswith("creditbank."):
            yield child
        yield from _refusals(child)


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_a_file_opens_with_a_sentence_and_is_of_a_length_to_be_read(path: Path) -> None:
    text = path.read_text("utf-8")
    sentence = ast.get_docstring(ast.parse(text))
    assert sentence, "a file says what lives there"
    assert sentence.partition("\n\n")[0].rstrip().endswith((".", ":", "?")), sentence
    lines_max, _ = LONGER_FILES.get(_name(path), (FILE_LINES_MAX, ""))
    assert len(text.splitlines()) <= lines_max


@pytest.mark.parametrize("name", LONGER_FILES)
def test_a_file_is_named_as_longer_only_while_it_is(name: str) -> None:
    assert len((ROOT / name).read_text("utf-8").splitlines()) > FILE_LINES_MAX


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_functions_are_short_and_take_few_parameters(path: Path) -> None:
    for function, is_method in _functions(ast.parse(path.read_text("utf-8"))):
        assert function.end_lineno is not None
        assert function.end_lineno - function.lineno + 1 <= FUNCTION_LINES_MAX, function.name
        assert _parameters(function, is_method=is_method) <= PARAMETERS_MAX, function.name


@pytest.mark.parametrize("path", SOURCES, ids=_name)
def test_what_others_may_use_says_what_it_does(path: Path) -> None:
    for name, node in _public(ast.parse(path.read_text("utf-8"))):
        assert isinstance(node, Function | ast.ClassDef)
        is_framework_s_own = isinstance(node, Function) and name.rpartition(".")[0].startswith("_")
        assert is_framework_s_own or ast.get_docstring(node), name


def test_the_measures_measure() -> None:
    tree = ast.parse("class A:\n  def f(self, a, *, b): pass\ndef g(a, /, b): pass\ndef _h(): pass")
    counted = {found.name: _parameters(found, is_method=method) for found, method in _functions(tree)}
    assert counted == {"f": 2, "g": 2, "_h": 0}
    assert [name for name, _ in _public(tree)] == ["A", "A.f", "g"]


def test_every_setting_stands_in_the_readme_with_its_default() -> None:
    rows = re.findall(r"^\| `(CREDITBANK_\w+)` \| `([^`]*)` \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    default = Settings()
    wanted = {f"CREDITBANK_{one.name.upper()}": str(getattr(default, one.name)) for one in fields(Settings)}
    assert dict(rows) == wanted


def test_every_code_of_a_refusal_is_explained_in_the_guide() -> None:
    """Importing the app has defined every refusal."""
    codes = {refusal.code for refusal in _refusals()}
    assert "idempotency_key_reused" in codes
    assert sorted(code for code in codes if f"`{code}`" not in GUIDE) == []


def test_every_scope_is_explained_in_the_guide() -> None:
    assert [scope for scope in SCOPES if f"`{scope}`" not in GUIDE] == []


def test_the_limits_in_the_guide_are_those_of_the_code() -> None:
    limits = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", GUIDE[GUIDE.index("## Limits") :], re.MULTILINE))
    mebibyte = 1024 * 1024
    assert (
        limits["body of a single request"]
        == f"{resource.BODY_BYTES_MAX // mebibyte} MiB, {resource.DEPTH_MAX} levels deep"
    )
    assert limits["body of a batch"] == f"{batches.BODY_BYTES_MAX // mebibyte} MiB, {batches.ROWS_MAX:,} rows"
    assert limits["page of a list"] == f"{resource.PAGE_ROWS_MAX} items"
    assert limits["an amount of hours or credits"].startswith(f"{HUNDREDTHS_MAX / 100:,.2f},")
    assert limits["identifiers in one request"] == str(learners.IDENTIFIERS_MAX)
    assert limits["access token"] == f"{TOKEN_SECONDS // 60} minutes"
    assert limits["`Idempotency-Key`"].endswith(f"kept for {ANSWERS_KEPT.days} days")
    assert limits["rules of a set; its own tests"] == f"{RULES_MAX:,}; {TESTS_MAX:,}"
    assert limits["conditions inside each other"] == str(DEPTH_MAX)
    properties = OPENAPI["components"]["schemas"]["OutcomeIn"]["properties"]
    for name in ("external_id", "title"):
        assert limits[f"`{name}`"] == f"{properties[name]['maxLength']} characters"


def test_every_call_stands_in_the_api_document_and_in_the_guide(tmp_path: Path) -> None:
    settings = Settings(f"sqlite:///{tmp_path / 'bank.sqlite3'}", tmp_path / "keyring.json", log_format="none")
    app = create_app(settings)
    served = {
        (re.sub(r"<(?:[^:>]+:)?([^>]+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    documents = {"/openapi.json", "/ruleset.schema.json"}
    pages = {call for call in served if call[0].startswith("/docs") or call[0] in documents}
    documented = {(path, method) for path, item in OPENAPI["paths"].items() for method in item.keys() - {"parameters"}}
    assert served - pages == documented
    forms = {path: re.sub(r"\\\{.*?\\\}", r"[^/\\s?`]+", re.escape(path)) + r"(?=[\s?`\"]|$)" for path, _ in documented}
    assert sorted(path for path, form in forms.items() if not re.search(form, GUIDE)) == []


def _places() -> re.Pattern[str]:
    """Return what tells of a place: written in pieces, so that this file doesn't tell of one itself."""
    folders = "|".join(("ho" + "me", "Us" + "ers", "ro" + "ot", "wo" + "rk", "t" + "mp", "v" + "ar", "o" + "pt"))
    hosts = "|".join(re.escape(".".join(parts)) for parts in (("pypi", "org"), ("pythonhosted", "org")))
    option = "--(?:extra-)?index-" + "url"
    return re.compile(rf"(?<![\w.}})$<>/~-])/(?:{folders})/[\w.-]|{hosts}|{option}")


def test_no_file_names_a_place_of_the_machine_that_it_was_written_on() -> None:
    places, found = _places(), []
    assert places.search('open("/' + 'home/somebody/notes")')
    for path in _tracked():
        lines = path.read_text("utf-8", errors="replace").splitlines()
        found += [
            f"{_name(path)}:{number}: {line[:120]}" for number, line in enumerate(lines, 1) if places.search(line)
        ]
    assert found == []
