"""Papers and the page: printed, checked by anybody in a browser or a program, withdrawn by their holder."""

from html.parser import HTMLParser
from typing import Any

import jwt
import pypdfium2
import pytest

from creditbank.gateways.keyring import Kind
from creditbank.services import rotation
from creditbank.services.clients import administrator
from tests.builders import SAME_TITLE, House

TARGET = {"institution": "acceptor", "programme": "administration", "courses": ["c1"]}
BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


class Shown(HTMLParser):
    """What a page shows, and the tags that it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Note a tag with its attributes' names."""
        self.tags += [tag, *(f"@{name}" for name, _ in attrs)]

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.text += data


def issued(house: House, learner_id: str, **said: Any) -> dict[str, Any]:
    """Have a credential issued for the learner."""
    answer = house.http.post("/v1/credentials", json=said, headers=house.learner_auth(learner_id))
    assert answer.status_code == 201, answer.get_data(as_text=True)
    document: dict[str, Any] = answer.json
    return document


def printed(house: House, credential_id: str, headers: dict[str, str], **query: str) -> list[str]:
    """Return the texts of a paper's pages."""
    answer = house.http.get(f"/v1/credentials/{credential_id}.pdf", query_string=query, headers=headers)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert answer.content_type == "application/pdf"
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(answer.get_data())]


def address_in(text: str) -> str:
    """Return the path of the address for checking."""
    joined = "".join(text.split())
    start = joined.index("/verify/")
    return joined[start : start + len("/verify/") + 32]


def test_a_certificate_is_printed_and_its_address_shows_what_it_says(house: House) -> None:
    learner = house.open_learner(name="王𬭎䶮·阿卜杜拉")
    outcome = house.post_outcome(learner["id"], title="书法（初级）")
    own = house.learner_auth(learner["id"])
    made = issued(house, learner["id"], kind="outcome", subject_id=outcome["id"], with_name=True)
    (text,) = printed(house, made["id"], own)
    for said in ("王𬭎䶮·阿卜杜拉", "书法（初级）", "3.00", "学习成果证书"):
        assert said in text, said
    page = house.http.get(address_in(text), headers=BROWSER)
    assert page.status_code == 200
    assert page.content_type == "text/html; charset=utf-8"
    shown = Shown(page.get_data(as_text=True))
    for said in ("有效", "王𬭎䶮·阿卜杜拉", "书法（初级）", "3.00", "与纸质件一致"):
        assert said in shown.text, said
    told = house.http.get(address_in(text)).json
    assert (told["status"], told["link_valid_until"]) == ("valid", None)
    assert told["shown"]["achievement"]["name"] == "书法（初级）"
    assert address_in(printed(house, made["id"], own)[0]) == address_in(text), "printed again it has the same address"


def test_an_address_is_typed_in_any_case_and_a_mistyped_one_is_answered_with_a_page(house: House) -> None:
    learner = house.open_learner()
    outcome = house.post_outcome(learner["id"])
    made = issued(house, learner["id"], kind="outcome", subject_id=outcome["id"])
    path = address_in(printed(house, made["id"], house.learner_auth(learner["id"]))[0])
    code = path.removeprefix("/verify/")
    for typed in (code.upper(), code.capitalize()):
        assert "有效" in Shown(house.http.get(f"/verify/{typed}", headers=BROWSER).get_data(as_text=True)).text
    for mistyped in (code[:-1], code + "x", "1" + code[1:], code[:4] + " " + code[4:], "x", "%00"):
        answer = house.http.get(f"/verify/{mistyped}", headers=BROWSER)
        assert (answer.status_code, answer.content_type) == (404, "text/html; charset=utf-8")
        assert "查无此凭证" in Shown(answer.get_data(as_text=True)).text
        assert house.http.get(f"/verify/{mistyped}").get_json()["code"] == "unknown"


def test_the_page_needs_no_script_and_fetches_nothing(house: House) -> None:
    learner_id = house.open_learner()["id"]
    made = issued(house, learner_id, kind="balance")
    (text,) = printed(house, made["id"], house.learner_auth(learner_id))
    page = house.http.get(address_in(text), headers=BROWSER)
    shown = Shown(page.get_data(as_text=True))
    assert not {"script", "img", "link", "iframe", "@src", "@style", "@onclick"} & set(shown.tags)
    assert {"html", "main", "h1", "title", "@lang"} <= set(shown.tags)
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert page.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("title", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}"])
def test_what_an_institution_wrote_is_text_on_the_page(house: House, title: str) -> None:
    learner_id = house.open_learner()["id"]
    outcome = house.post_outcome(learner_id, title=title)
    made = issued(house, learner_id, kind="outcome", subject_id=outcome["id"])
    (text,) = printed(house, made["id"], house.learner_auth(learner_id))
    shown = Shown(house.http.get(address_in(text), headers=BROWSER).get_data(as_text=True))
    assert title in shown.text
    assert not {"script", "img", "@onerror"} & set(shown.tags)


def test_revoked_says_so_on_the_page_and_prints_no_more(house: House) -> None:
    learner_id = house.open_learner()["id"]
    outcome = house.post_outcome(learner_id)
    own = house.learner_auth(learner_id)
    made = issued(house, learner_id, kind="outcome", subject_id=outcome["id"])
    address = address_in(printed(house, made["id"], own)[0])
    revoked = house.http.post(f"/v1/outcomes/{outcome['id']}/revoke", json={"reason": "录入有误"}, headers=house.auth())
    assert revoked.status_code == 200
    page = house.http.get(address, headers=BROWSER).get_data(as_text=True)
    assert 'class="status revoked"' in page
    assert "已撤销" in page
    again = house.http.get(f"/v1/credentials/{made['id']}.pdf", headers=own)
    assert (again.status_code, again.json["errors"][0]["code"]) == (409, "credential_over")


def test_the_holder_withdraws_a_paper(house: House) -> None:
    learner_id = house.open_learner()["id"]
    own = house.learner_auth(learner_id)
    made = issued(house, learner_id, kind="balance")
    address = address_in(printed(house, made["id"], own)[0])
    (share,) = house.http.get(f"/v1/credentials/{made['id']}/shares", headers=own).json["items"]
    house.http.delete(f"/v1/credentials/{made['id']}/shares/{share['id']}", headers=own)
    gone = house.http.get(address, headers=BROWSER)
    assert gone.status_code == 404
    assert "查无此凭证" in gone.get_data(as_text=True)
    assert house.http.get(address).json["code"] == "unknown"
    again = house.http.get(f"/v1/credentials/{made['id']}.pdf", headers=own)
    assert (again.status_code, again.json["errors"][0]["code"]) == (409, "paper_withdrawn")


def test_a_passbook_and_a_transcript_tell_what_was_recorded_when_they_were_issued(house: House) -> None:
    learner_id = house.open_learner()["id"]
    for number in range(60):
        house.post_outcome(learner_id, title=f"课程第{number}门", completed_on=f"2026-05-{1 + number % 28:02d}")
    made = issued(house, learner_id, kind="balance")
    house.clock.move(seconds=1)
    house.post_outcome(learner_id, title="之后的课程")
    own = house.learner_auth(learner_id)
    for kind, heading in (("passbook", "日期 类别 学习成果"), ("transcript", "完成日期 学习成果 颁发机构")):
        texts = printed(house, made["id"], own, print=kind)
        whole = "".join("".join(texts).split())
        assert len(texts) > 1
        assert all(heading in text for text in texts if "课程第" in text), kind
        assert all(f"课程第{number}门" in whole for number in range(60)), kind
        assert "之后的课程" not in whole
    english = "".join(printed(house, made["id"], own, print="statement", language="en"))
    assert "Statement of credits" in english
    assert "课程第" not in english


def test_a_conversion_letter_lists_what_counts_as_what(house: House) -> None:
    house.publish_rules(SAME_TITLE)
    house.publish_programme("acceptor")
    learner_id = house.open_learner()["id"]
    outcome = house.post_outcome(learner_id, title="管理学")
    converted = house.convert(learner_id, TARGET, [outcome["id"]])
    made = issued(house, learner_id, kind="conversion", subject_id=converted["id"])
    (text,) = printed(house, made["id"], house.learner_auth(learner_id))
    for said in ("学习成果转换认定书", "管理学", "c1", "3.00", "转换明细"):
        assert said in text, said
    page = Shown(house.http.get(address_in(text), headers=BROWSER).get_data(as_text=True))
    assert "管理学" in page.text
    assert {"table", "th", "@scope", "@tabindex"} <= set(page.tags)


def test_only_those_who_may_see_a_credential_print_it(house: House) -> None:
    learner_id, other = house.open_learner()["id"], house.open_learner()["id"]
    outcome = house.post_outcome(learner_id)
    made = issued(house, learner_id, kind="outcome", subject_id=outcome["id"])
    url = f"/v1/credentials/{made['id']}.pdf"
    assert house.http.get(url, headers=house.learner_auth(other)).status_code == 404
    assert house.http.get(url).status_code == 401
    assert printed(house, made["id"], house.auth("cqdx", "credentials:issue")), "its issuer prints it at the counter"
    wrong = house.http.get(url, query_string={"print": "passbook"}, headers=house.learner_auth(learner_id))
    assert (wrong.status_code, wrong.json["errors"][0]["code"]) == (422, "wrong_print")


def test_a_name_without_a_glyph_is_refused_and_never_printed_as_a_box(house: House) -> None:
    learner_id = house.open_learner(name="王\U0002c29b")["id"]
    made = issued(house, learner_id, kind="balance", with_name=True)
    answer = house.http.get(f"/v1/credentials/{made['id']}.pdf", headers=house.learner_auth(learner_id))
    assert (answer.status_code, answer.json["errors"][0]["code"]) == (409, "unprintable")


def test_opening_the_address_of_a_paper_stands_in_the_diary(house: House) -> None:
    learner_id = house.open_learner()["id"]
    own = house.learner_auth(learner_id)
    made = issued(house, learner_id, kind="balance")
    house.http.get(address_in(printed(house, made["id"], own)[0]), headers=BROWSER)
    (line, *_) = house.http.get(f"/v1/learners/{learner_id}/access-log", headers=own).json["items"]
    assert (line["sight"], line["basis"].partition(":")[0]) == ("credentials", "share")


def test_a_papers_file_is_checked_without_the_bank_a_year_and_a_change_of_keys_later(house: House) -> None:
    learner_id = house.open_learner(name="王芳")["id"]
    outcome = house.post_outcome(learner_id, title="书法")
    own = house.learner_auth(learner_id)
    made = issued(house, learner_id, kind="outcome", subject_id=outcome["id"], with_name=True)
    pdf = house.http.get(f"/v1/credentials/{made['id']}.pdf", headers=own).get_data()
    rotation.rotate(house.bank, administrator(), Kind.CREDENTIAL)
    house.clock.move(days=366)
    published = {one["id"]: one for one in house.http.get("/.well-known/did.json").json["verificationMethod"]}
    attached = pypdfium2.PdfDocument(pdf).get_attachment(0)  # from here on nobody asks the bank
    assert attached.get_name() == "credential.jwt"
    token = bytes(attached.get_data()).decode()
    key = jwt.PyJWK(published[jwt.get_unverified_header(token)["kid"]]["publicKeyJwk"], algorithm="RS256")
    claims = jwt.decode(token, key, algorithms=["RS256"], options={"verify_aud": False})
    subject = claims["credentialSubject"]
    assert (subject["achievement"]["name"], subject["identifier"][0]["identityHash"]) == ("书法", "王芳")
    head, body, signature = token.split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{head}.{body}.{signature[:-8]}AAAAAAAA", key, algorithms=["RS256"], options={"verify_aud": False})
