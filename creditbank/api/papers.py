"""Credentials on paper, as PDF."""

from typing import Any
from uuid import UUID

from flask import Response

from creditbank.api import fields
from creditbank.api.caller import authenticate, bank, errand
from creditbank.api.credential_forms import base_url
from creditbank.api.resource import Resource
from creditbank.core.errors import Conflict, Fault
from creditbank.formats.papers import Language, Paper, paper_document
from creditbank.gateways.typesetting import Unprintable, typeset
from creditbank.services import bank as services
from creditbank.services import papers
from creditbank.services.bank import Answer, Work
from creditbank.services.papers import Print, Wanted

PDF = "application/pdf"

resource = Resource("Papers", __name__, url_prefix="/v1/credentials", description="Credentials on paper")
resource.before_request(authenticate)

PAPERS = {"200": {"description": "The paper", "content": {PDF: {"schema": {"type": "string", "format": "binary"}}}}}
"""How a paper is documented."""


class PaperQuery(fields.StrictSchema):
    """How a credential is printed."""

    print = fields.Choice(
        Print, metadata={"description": "Of balances: `statement` (if left out), `passbook`, `transcript`"}
    )
    language = fields.Choice(Language, load_default=Language.CHINESE)


@resource.route("/<id:credential_id>.pdf")
@resource.doc(
    responses={
        "200": {"description": "The paper", "content": {PDF: {"schema": {"type": "string", "format": "binary"}}}}
    }
)
@resource.arguments(PaperQuery(), location="query")
def paper(query: dict[str, Any], credential_id: UUID) -> Response:
    """Print a credential, for its learner or its issuer: a certificate, a letter, a statement, passbook or transcript.

    It has an address on which anybody sees whether it still holds; the learner finds that among the links to it.
    """
    printed: list[Paper] = []

    def action(work: Work) -> Answer:
        printed[:] = [papers.paper_of(work, credential_id, Wanted(query.get("print"), query["language"]), base_url())]
        return Answer({}, is_new=False, subject=str(credential_id))

    services.carried_out(bank(), errand("credential.print", with_key=False), action)
    try:
        return Response(typeset(paper_document(printed[0])), content_type=PDF, headers={"Cache-Control": "no-store"})
    except Unprintable as unprintable:
        zh = "其中有字体不含的字，无法打印而不出错；请使用电子凭证。"
        en = "It has characters that the font has no glyph for; use the electronic credential, which has them."
        raise Conflict((Fault("", "unprintable", zh, en),)) from unprintable
