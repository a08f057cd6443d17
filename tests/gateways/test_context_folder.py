"""Contexts are installed from files, all of them or none, and a folder that was meddled with isn't used."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from creditbank.cli import main
from creditbank.gateways.context_folder import CONTEXTS_MAX, FILE_BYTES_MAX, ContextsUnusable, install, open_contexts
from tests.formats.linked import EXTENSIONS, FILES, SAMPLES, SMALL, needs_samples

ADDRESS = "https://example.org/a"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "small.jsonld"
    path.write_text(json.dumps(SMALL), encoding="utf-8")
    return path


def test_what_is_installed_is_there_under_its_address_and_replaced_by_the_next(tmp_path: Path, file: Path) -> None:
    folder = tmp_path / "in" / "it"
    assert open_contexts(folder) == {}
    assert install(folder, [(ADDRESS, file), (f"{ADDRESS}?b", file)]) == [ADDRESS, f"{ADDRESS}?b"]
    assert open_contexts(folder) == {ADDRESS: SMALL, f"{ADDRESS}?b": SMALL}
    file.write_text('{"@context": {"x": "urn:x"}}', encoding="utf-8")
    install(folder, [(ADDRESS, file)])
    assert open_contexts(folder) == {ADDRESS: {"@context": {"x": "urn:x"}}, f"{ADDRESS}?b": SMALL}


def test_a_well_known_context_needs_no_address(tmp_path: Path) -> None:
    path = tmp_path / "any name"
    path.write_text(json.dumps(EXTENSIONS, indent=3), encoding="utf-8")
    assert install(tmp_path / "f", [(None, path)]) == ["https://purl.imsglobal.org/spec/ob/v3p0/extensions.json"]


@needs_samples
def test_contexts_of_the_standards_are_well_known(tmp_path: Path) -> None:
    assert install(tmp_path, [(None, SAMPLES / "contexts" / one) for one in FILES.values()]) == list(FILES)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"@context": "https://example.org/x"}', '{"@context": {}, "@context": {}}', "{" * 99]
)
def test_what_is_no_context_is_not_installed_and_nothing_with_it(tmp_path: Path, file: Path, content: str) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text(content, encoding="utf-8")
    with pytest.raises(ContextsUnusable, match=r"bad\.json"):
        install(tmp_path / "f", [(ADDRESS, file), (ADDRESS, bad)])
    assert open_contexts(tmp_path / "f") == {}


def test_huge_ones_too_many_and_odd_addresses_are_refused(tmp_path: Path, file: Path) -> None:
    for address in (None, "x", "ftp://x", "https://a b", "https://" + "a" * 500):
        with pytest.raises(ContextsUnusable):
            install(tmp_path / "f", [(address, file)])
    with pytest.raises(ContextsUnusable, match="at most"):
        install(tmp_path / "f", [(f"{ADDRESS}{number}", file) for number in range(CONTEXTS_MAX + 1)])
    head = '{"@context": {"x": "'
    for size, is_taken in ((FILE_BYTES_MAX, True), (FILE_BYTES_MAX + 1, False)):
        file.write_text(head + "a" * (size - len(head) - 3) + '"}}', encoding="utf-8")
        if is_taken:
            install(tmp_path / "f", [(ADDRESS, file)])
        else:
            with pytest.raises(ContextsUnusable, match="can't be used"):
                install(tmp_path / "f", [(ADDRESS, file)])


def test_a_folder_that_was_meddled_with_is_not_used(tmp_path: Path, file: Path) -> None:
    install(tmp_path / "f", [(ADDRESS, file)])
    (one,) = (tmp_path / "f").iterdir()
    one.rename(one.with_name("other.json"))
    with pytest.raises(ContextsUnusable, match=r"other\.json"):
        open_contexts(tmp_path / "f")


def test_the_console_installs_and_lists_them(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CREDITBANK_CONTEXTS", str(tmp_path / "f"))
    console = CliRunner()
    assert console.invoke(main, ["contexts", "list"]).output == ""
    ended = console.invoke(main, ["contexts", "add", f"{ADDRESS}?v=1={file}"])
    assert (ended.exit_code, ended.output) == (0, f"{ADDRESS}?v=1 is installed.\n")
    assert console.invoke(main, ["contexts", "list"]).output == f"{ADDRESS}?v=1\n"
    ended = console.invoke(main, ["contexts", "add", str(file)])
    assert (ended.exit_code, "well-known" in ended.output) == (1, True)
    ended = console.invoke(main, ["contexts", "add", str(tmp_path / "missing")])
    assert (ended.exit_code, "can't be read" in ended.output) == (1, True)
