"""SD-JWTs, as the API gives them, read, cut down and refused by npm's @sd-jwt/sd-jwt-vc (`make test-credentials`)."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from creditbank.gateways.keyring import Kind
from creditbank.services import rotation
from creditbank.services.clients import administrator
from tests.api.test_credentials import change, verdict
from tests.api.test_credentials_by_others import Case, case, node, verdicts
from tests.api.test_presentations import AT_LEAST, Shower, body, disclosure
from tests.builders import BASE_URL, House

__all__ = ["node"]


@pytest.fixture
def shower(house: House) -> Shower:
    """Give a learner of a bank whose clock is that of the world, as that library goes by no other for some claims."""
    house.clock.now = datetime.now(UTC).replace(microsecond=0)
    house.tokens.clear()
    return Shower(house)


def asked(house: House, sd_jwt: str, **more: Any) -> Case:
    """Return the question what a text is worth, with the Token Status List under the address that it names."""
    found = case(house, sdJwt=sd_jwt, **more)
    headers = {"Accept": "application/statuslist+jwt"}
    listed = house.http.get("/v1/status-lists/1", headers=headers).get_data(as_text=True)
    found["documents"] |= {f"{BASE_URL}/v1/status-lists/1": listed}
    return found


def test_what_is_presented_is_believed_by_others_with_what_it_shows(node: str, shower: Shower) -> None:
    made = [
        shower.presented(at_least=AT_LEAST),
        shower.presented(outcomes=[shower.leveled[0]["id"]], with_name=True, with_birth_date=True),
    ]
    told = verdicts(node, [asked(shower.house, one["presentation"]) for one in made])
    for one, said in zip(made, told, strict=True):
        assert (said["verified"], said["reasons"]) == (True, [])
        assert {name: said["shown"][name] for name in one["shown"]} == one["shown"]
    assert [said["statuses"] for said in told] == [[0], []], "a record has no status of its own"


@pytest.mark.parametrize("alg", ["ES256", "EdDSA", "RS256"])
def test_a_wallet_of_others_presents_what_its_holder_chooses(node: str, shower: Shower, alg: str) -> None:
    path = f"/v1/credentials/{shower.issue(kind='balance', subject_id=None)['id']}"
    whole = shower.sd_jwt(path, alg)
    frame = {"creditsAtLeast": {"cn-16h-half": {"3": {"30.00": True}}}}
    (made,) = verdicts(node, [asked(shower.house, whole, frame=frame)])
    said = verdict(shower.house, made["presentation"])
    assert (said["accepted"], said["shown"]["creditsAtLeast"]) == (True, frame["creditsAtLeast"])
    assert said["shown"].keys() == {"vct", "creditsAsOf", "creditsAtLeast"}
    assert len(made["presentation"].split("~")) == 6


def test_each_change_is_refused_by_others_or_shows_nothing(node: str, shower: Shower) -> None:
    text = shower.presented(at_least=AT_LEAST, with_name=True)["presentation"]
    token, *disclosures, _ = text.split("~")
    head, _, signature = token.split(".")
    payload = body(text)
    changes = [payload | {name: [*value, "x"] if name == "_sd" else f"{value}1"} for name, value in payload.items()]
    changes += [{other: payload[other] for other in payload if other != name} for name in payload]
    forged = ["~".join([f"{head}.{packed(one)}.{signature}", *disclosures, ""]) for one in changes]
    forged += ["~".join([f"{token[:-8]}AAAAAAAA", *disclosures, ""])]
    told = verdicts(node, [asked(shower.house, one) for one in [text, *forged]])
    assert len(forged) >= 20
    assert [said["verified"] for said in told] == [True] + [False] * len(forged)
    changed = []
    for place, one in enumerate(disclosures):
        salt, name, _ = disclosure(one)
        changed.append([*disclosures[:place], packed([salt, name, {"50.00": True}]), *disclosures[place + 1 :]])
    told = verdicts(node, [asked(shower.house, "~".join([token, *one, ""])) for one in changed])
    assert not [said for said in told if "50.00" in json.dumps(said.get("shown", {}))]
    assert not [one for one in changed if verdict(shower.house, "~".join([token, *one, ""]))["verified"]]


def test_what_is_revoked_or_suspended_reads_so_at_others(node: str, shower: Shower) -> None:
    made = [shower.presented(at_least=AT_LEAST) for _ in range(3)]
    for one, how in zip(made, ("revoke", "suspend"), strict=False):
        (credential,) = one["credential_ids"]
        change(shower.house, {"id": credential}, how, shower.own)
    told = verdicts(node, [asked(shower.house, one["presentation"]) for one in made])
    assert [said["statuses"] for said in told] == [[1], [2], [0]]


def test_others_go_on_believing_what_a_retired_key_signed(node: str, shower: Shower) -> None:
    text = shower.presented(at_least=AT_LEAST)["presentation"]
    rotation.rotate(shower.house.bank, administrator(), Kind.CREDENTIAL)
    rotation.retire(shower.house.bank, administrator(), Kind.CREDENTIAL)
    (said,) = verdicts(node, [asked(shower.house, text)])
    assert (said["verified"], said["reasons"]) == (True, [])


def packed(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
