"""How signed credentials are asked for and answered: as documents or JWTs, by Accept and the query."""

from typing import Any

from flask import Response, current_app, request

from creditbank.api import fields
from creditbank.api.resource import answered
from creditbank.formats import token_status_list
from creditbank.formats.credential_key import Algorithm
from creditbank.formats.data_integrity import Cryptosuite
from creditbank.formats.linked_data import Contexts

JSON = "application/json"
DOCUMENT = "application/vc"
JWT = "application/vc+jwt"
SD_JWT = "application/dc+sd-jwt"
TOKEN_LIST = token_status_list.MEDIA_TYPE

FORMS = {
    "200": {
        "description": "A signed credential: a document with a Data Integrity proof, or a JWT, by Accept",
        "content": {
            DOCUMENT: {"schema": {"type": "object"}},
            JSON: {"schema": {"type": "object"}},
            JWT: {"schema": {"type": "string"}},
        },
    }
}
"""How a signed credential is documented."""

_ALSO_SD_JWT = "A signed credential: a document with a Data Integrity proof, a JWT, or an SD-JWT, by Accept"
SHOWABLE_FORMS = {
    "200": {
        "description": _ALSO_SD_JWT,
        "content": {**FORMS["200"]["content"], SD_JWT: {"schema": {"type": "string"}}},  # type: ignore[dict-item]
    }
}
"""How one is documented of which the holder can show some."""

_ALSO_TOKENS = "A list as a document or as a JWT, or a Token Status List of both purposes, by Accept"
LIST_FORMS = {
    "200": {
        "description": _ALSO_TOKENS,
        "content": {**FORMS["200"]["content"], TOKEN_LIST: {"schema": {"type": "string"}}},  # type: ignore[dict-item]
    }
}
"""How a status list is documented."""


class FormQuery(fields.StrictSchema):
    """By which algorithm a JWT is signed."""

    alg = fields.Choice(
        Algorithm,
        metadata={
            "description": "If left out RS256, which every reader of Open Badges knows; of an SD-JWT and its list ES256"
        },
    )

    def built(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return the query with the algorithm that the form goes by where none is named."""
        usual = Algorithm.ES256 if wants(SD_JWT) or wants(TOKEN_LIST) else Algorithm.RS256
        return {"alg": usual} | data


class ProofQuery(FormQuery):
    """How a credential is signed: by which algorithm as a JWT, by which cryptosuite as a document."""

    cryptosuite = fields.Choice(
        Cryptosuite,
        load_default=Cryptosuite.JCS,
        metadata={
            "description": "eddsa-jcs-2022 if left out; eddsa-rdfc-2022 where the bank has the contexts installed"
        },
    )


def base_url() -> str:
    """Return the address of the bank, under which its credentials and lists stand."""
    found: str = current_app.config["ISSUER"]
    return found


def contexts() -> Contexts:
    """Return the contexts by which credentials are read as linked data: the bank's own and those that are installed."""
    found: Contexts = current_app.extensions["creditbank.contexts"]
    return found


def wants_jwt() -> bool:
    """Tell whether the caller would rather have a JWT than a document."""
    return request.accept_mimetypes.best_match([JSON, DOCUMENT, JWT], default=JSON) == JWT


def wants(media_type: str) -> bool:
    """Tell whether the caller would rather have a form that only some credentials have."""
    return request.accept_mimetypes.best_match([JSON, DOCUMENT, JWT, media_type], default=JSON) == media_type


def jwt_answer(token: str, headers: dict[str, str] | None = None, media_type: str = JWT) -> Response:
    """Return a credential as a JWT, or in another form that is one text."""
    return Response(token, content_type=media_type, headers={"Vary": "Accept"} | (headers or {}))


def document_answer(document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """Return a credential as a document, under the type that the caller asked for."""
    answer = answered(document, headers={"Vary": "Accept"} | (headers or {}))
    if request.accept_mimetypes.best_match([JSON, DOCUMENT], default=JSON) == DOCUMENT:
        answer.content_type = DOCUMENT
    return answer
