"""The demonstration's consents: what its learners can agree to, and the one who lets the partner read."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from flask import Flask

from creditbank.core.calendar import bank_day
from creditbank.demo_records import PARTNER
from creditbank.services.access import client_token, learner_token
from creditbank.services.bank import Bank

CONSENT_TEXTS = (
    {
        "code": "credits-to-partner",
        "version": 1,
        "title_zh": "学分余额与明细查询授权书",
        "title_en": "Consent to reading balance and passbook",
        "text_zh": "我同意接收方在授权期内，为所列用途查询我的学分余额、学分明细与学习成果。接收方不得用于其他用途，"
        "也不得转交他人。我可以随时撤回授权，撤回后接收方立即不能再查询；撤回不影响此前已进行的查询。",
        "text_en": "I let the recipient read my balance, passbook and learning outcomes, for the purpose named, "
        "until the day named. The recipient uses them for nothing else and passes them to nobody. I can withdraw this "
        "at any time; from then on nothing more is read.",
        "purpose": "查询学分",
        "scopes": ["balance:read", "statement:read", "outcomes:read"],
    },
    {
        "code": "balance-to-partner",
        "version": 1,
        "title_zh": "学分余额查询授权书",
        "title_en": "Consent to reading the balance",
        "text_zh": "我同意接收方在授权期内，为所列用途查询我的学分余额，不含明细。我可以随时撤回授权，立即生效。",
        "text_en": "I let the recipient read my balance, without the passbook, for the purpose named and until the day "
        "named. I can withdraw this at any time, with effect at once.",
        "purpose": "查询学分余额",
        "scopes": ["balance:read"],
    },
    {
        "code": "identity-to-partner",
        "version": 1,
        "title_zh": "身份信息单独同意书",
        "title_en": "Separate consent to reading who I am",
        "text_zh": "我单独同意接收方在授权期内，为所列用途查询我的姓名、出生日期与部分遮盖的证件号码。"
        "这些是敏感个人信息：泄露可能危害我的人身与财产安全。我可以不同意，也可以随时撤回，不影响其他授权。",
        "text_en": "I let the recipient read my name, birth date and masked identifiers, for the purpose named, "
        "until the day named. This is sensitive: in wrong hands it can harm me or my property. I may refuse or "
        "withdraw it, and other consents stay as they are.",
        "purpose": "核对身份",
        "scopes": ["identity:read"],
    },
)
"""What the demonstration's learners agree to: two texts on credits, and one of its own on who somebody is."""


def share_with_partner(app: Flask, bank: Bank, administrator: dict[str, Any], learner: dict[str, Any]) -> None:
    """Publish the texts, and let a learner share their credits with the partner; what is there already stays."""
    http, issuer = app.test_client(), app.config["ISSUER"]
    token = client_token(bank, issuer, administrator["client_id"], administrator["scopes"])
    for text in CONSENT_TEXTS:
        answer = http.post("/v1/consent-texts", json=text, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code in (200, 201), answer.get_data(as_text=True)
    headers = {"Authorization": f"Bearer {learner_token(bank, issuer, UUID(learner['id']))}"}
    if http.get("/v1/learners/me/consents", headers=headers).get_json()["items"]:
        return
    body = {
        "recipient": PARTNER.code,
        "purpose": "职业培训推荐",
        "scopes": ["balance:read", "statement:read"],
        "valid_until": (bank_day(bank.clock()) + timedelta(days=365)).isoformat(),
    }
    answer = http.post("/v1/learners/me/consents", json=body, headers=headers)
    assert answer.status_code == 201, answer.get_data(as_text=True)  # noqa: PLR2004 - HTTP's Created
