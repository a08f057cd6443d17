"""The file of trusted issuers is taken as a whole, or told what is wrong with it; what they issue is judged by it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from creditbank.core.credential import Standing, StatusPlace
from creditbank.formats.did_web import did_document, multikey_method
from creditbank.formats.status_list import REVOCATION, status_entries, status_list
from creditbank.gateways.issuer_file import IssuersUnusable, open_issuers
from creditbank.services.bank import looked_up
from creditbank.services.clients import administrator
from creditbank.services.credential_checks import Belief, Unsaid, Verdict, check
from tests.builders import BASE_URL, House
from tests.formats import credentials as made


def listed() -> list[dict[str, Any]]:
    return [{"name": "另一家学分银行", "document": did_document(made.DID, made.published())}]


def written(path: Path, content: object) -> str:
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return str(path)


def test_issuers_are_found_by_their_ids(tmp_path: Path) -> None:
    found = open_issuers(written(tmp_path / "issuers.json", listed()), "none")
    assert found[made.DID].name == "另一家学分银行"
    assert multikey_method(made.DID, made.keys().public[2]) in found[made.DID].methods
    assert open_issuers("none", "none") == {}


def test_the_scheme_of_an_issuers_credits_may_be_told(tmp_path: Path) -> None:
    content = [listed()[0] | {"credit_scheme": "cn-16h-half"}]
    found = open_issuers(written(tmp_path / "issuers.json", content), "none")
    assert found[made.DID].credit_scheme == "cn-16h-half"


SPOILT: list[Callable[[list[Any]], object]] = [
    lambda issuers: issuers.append(issuers[0]),
    lambda issuers: issuers.append({"name": "x"}),
    lambda issuers: issuers[0].update(more=1),
    lambda issuers: issuers[0].update(name=""),
    lambda issuers: issuers[0].update(credit_scheme=""),
    lambda issuers: issuers[0].update(credit_scheme=1),
    lambda issuers: issuers[0].update(document={}),
    lambda issuers: issuers[0].update(document="x"),
    lambda issuers: issuers[0]["document"].update(assertionMethod=[]),
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_faulty_file_is_not_used(tmp_path: Path, spoil: Callable[[list[Any]], object]) -> None:
    content = listed()
    spoil(content)
    with pytest.raises(IssuersUnusable):
        open_issuers(written(tmp_path / "issuers.json", content), "none")


@pytest.mark.parametrize("content", ["{}", "x", "[1", "null"])
def test_what_is_no_list_is_not_used(tmp_path: Path, content: str) -> None:
    path = tmp_path / "issuers.json"
    path.write_text(content)
    for setting in (str(path), str(tmp_path / "missing.json")):
        with pytest.raises(IssuersUnusable):
            open_issuers(setting, "none")


def judged(house: House, given: Any, *lists: Any) -> Verdict:
    """Return what the bank says of a credential of somebody else whom it trusts."""
    house.clock.now = made.AT
    belief = Belief(made.issuers())
    return looked_up(house.bank, administrator(), lambda work: check(work, (given, lists), BASE_URL, belief))


def a_list(*indexes: int, number: int = 1, purpose: str = REVOCATION) -> dict[str, Any]:
    address = f"{made.BASE}/v1/status-lists/{number}"
    return made.proven(status_list(address, made.DID, purpose, indexes, made.AT))


def test_others_are_believed_by_the_lists_that_come_along(house: House) -> None:
    given, jwt = made.proven(), made.jwt()
    good, suspension = a_list(), a_list(number=2, purpose="suspension")
    for one in (given, jwt):
        assert judged(house, one).status is Unsaid.UNKNOWN
        assert judged(house, one, good).status is Unsaid.UNKNOWN  # whether it is suspended nobody says
        found = judged(house, one, good, suspension)
        assert (found.status, found.is_accepted, found.faults) == (Standing.VALID, True, ())
        assert judged(house, one, a_list(4711), suspension).status is Standing.REVOKED
        assert judged(house, one, good, a_list(4711, number=2, purpose="suspension")).status is Standing.SUSPENDED
    without = {name: value for name, value in made.document().items() if name != "credentialStatus"}
    assert judged(house, made.proven(without)).status is Unsaid.NONE


def test_lists_of_others_or_changed_or_for_another_purpose_are_refused(house: House) -> None:
    given, suspension = made.proven(), a_list(number=2, purpose="suspension")
    changed = a_list()
    changed["credentialSubject"]["encodedList"] = a_list(4711)["credentialSubject"]["encodedList"]
    of_another = made.proven(status_list(f"{made.BASE}/v1/status-lists/1", made.DID, REVOCATION, (), made.AT), number=2)
    for one in (changed, of_another):
        found = judged(house, given, one, suspension)
        assert [fault.code for fault in found.faults] == ["status_list_refused"]
        assert not found.is_accepted
    for one in (a_list(purpose="suspension"), a_list(purpose="message")):
        assert [fault.code for fault in judged(house, given, one, suspension).faults] == ["status_index_foreign"]
    beyond = made.document(credentialStatus=status_entries(made.BASE, StatusPlace(1, 131_072)))
    found = judged(house, made.proven(beyond), a_list(), suspension)
    assert [fault.code for fault in found.faults] == ["status_index_foreign"]
