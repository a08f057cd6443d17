"""The log over HTTP: signed checkpoints and proofs for everybody, and the proof of an entry for who may read it."""

import base64
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import marshmallow
from flask import Response, request

from creditbank.api import fields
from creditbank.api.caller import asked_by_anybody, authenticate, looked_up, subject
from creditbank.api.resource import ME, Resource, answered
from creditbank.core.calendar import instant_text
from creditbank.core.errors import Fault
from creditbank.services import proofs
from creditbank.services.proofs import SIZE_MAX, Inclusion, Shown

resource = Resource("Log", __name__, url_prefix="/v1/log", description="Signed checkpoints of the ledger, and proofs")

statement_resource = Resource("Statement proofs", __name__, url_prefix="/v1/learners", description="A line in the log")
statement_resource.before_request(authenticate)

HASH = "[A-Za-z0-9+/]{43}="
ENTRY = "(me|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})/[a-z0-9-]{1,64}/[1-9][0-9]{0,8}"

_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_NOTE = {200: {"description": "A signed note, or JSON", "content": {"text/plain": {"schema": {"type": "string"}}}}}


class CheckpointQuery(fields.StrictSchema):
    """Which checkpoint is asked for."""

    size = fields.Whole(
        0, SIZE_MAX, load_default=None, metadata={"description": "Leaves of the log; the newest if left out"}
    )


class SizeQuery(fields.StrictSchema):
    """In the log of which size a leaf is to be proven."""

    size = fields.Whole(
        1, SIZE_MAX, load_default=None, metadata={"description": "That of the newest checkpoint if left out"}
    )


class ProofQuery(SizeQuery):
    """What is to be proven: that a leaf is in the log (position, hash or entry), or that the log grew (from, to)."""

    position = fields.Whole(0, SIZE_MAX, load_default=None)
    hash = fields.Text(44, pattern=HASH, hint="base64, 32 bytes", load_default=None)
    entry = fields.Text(
        111,
        pattern=ENTRY,
        hint="learner/scheme/number",
        load_default=None,
        metadata={"description": "An entry of a learner's, for who may read their statement; `me` for one's own"},
    )
    older = fields.Whole(0, SIZE_MAX, data_key="from", load_default=None)
    newer = fields.Whole(0, SIZE_MAX, data_key="to", load_default=None)

    @marshmallow.validates_schema
    def _check(self, data: dict[str, Any], **_kwargs: Any) -> None:  # noqa: ANN401
        named = [name for name in ("position", "hash", "entry", "older") if data[name] is not None]
        foreign = data["size"] if named == ["older"] else data["newer"]
        if len(named) != 1 or foreign is not None:
            zh = "请给出 position、hash、entry 之一（可加 size），或 from（可加 to）。"
            en = "Name one of position, hash and entry (size may be added), or from (to may be added)."
            raise marshmallow.ValidationError([Fault("", "wrong_proof", zh, en)])


class CheckpointOut(marshmallow.Schema):
    """A checkpoint: `note` is what was signed, with the signature; `keys` are all public keys that ever signed one."""

    origin = marshmallow.fields.String(required=True)
    size = marshmallow.fields.Integer(required=True)
    root = marshmallow.fields.String(required=True, metadata={"description": "base64"})
    note = marshmallow.fields.String(required=True)
    made_at = marshmallow.fields.DateTime(required=True)
    keys = marshmallow.fields.List(marshmallow.fields.String(), required=True)


class InclusionOut(marshmallow.Schema):
    """That a leaf is in the log; `line` is what its hash is over, shown to the learner and to auditors."""

    position = marshmallow.fields.Integer(required=True)
    size = marshmallow.fields.Integer(required=True)
    leaf_hash = marshmallow.fields.String(required=True, metadata={"description": "base64"})
    hashes = marshmallow.fields.List(marshmallow.fields.String(), required=True)
    line = marshmallow.fields.String()


class ProofOut(marshmallow.Schema):
    """That a leaf is in the log (position, size, leaf_hash, hashes), or that the log grew (from, to, hashes)."""

    position = marshmallow.fields.Integer()
    size = marshmallow.fields.Integer()
    leaf_hash = marshmallow.fields.String(metadata={"description": "base64"})
    line = marshmallow.fields.String()
    older = marshmallow.fields.Integer(data_key="from")
    newer = marshmallow.fields.Integer(data_key="to")
    hashes = marshmallow.fields.List(marshmallow.fields.String(), required=True)


@resource.route("/checkpoint")
@resource.doc(security=[], responses=_NOTE)
@resource.arguments(CheckpointQuery(), location="query")
@resource.response(200, CheckpointOut)
@resource.alt_response(404, "NOT_FOUND")
def checkpoint(query: dict[str, Any]) -> Response:
    """Show the newest checkpoint, or that of a size, as a signed note or as JSON, by Accept."""
    shown = asked_by_anybody(lambda work: proofs.checkpoint(work, query["size"]))
    headers = ({} if query["size"] is None else _FOR_EVER) | {"Vary": "Accept"}
    if request.accept_mimetypes.best_match(["text/plain", "application/json"]) == "application/json":
        return answered(_checkpoint_document(shown), headers=headers)
    return Response(shown.checkpoint.note, content_type="text/plain; charset=utf-8", headers=headers)


@resource.route("/proof")
@resource.doc(security=[{}, {"token": []}])
@resource.arguments(ProofQuery(), location="query")
@resource.response(200, ProofOut)
@resource.alt_response(404, "NOT_FOUND")
@resource.alt_response(409, "CONFLICT")
def proof(query: dict[str, Any]) -> Response:
    """Prove that a leaf is in the log, by its position, hash or entry, or that the log only grew.

    For everybody, but for an entry, which needs `statement:read`.
    """
    older, position, size = query["older"], query["position"], query["size"]
    if older is not None:
        grown = asked_by_anybody(lambda work: proofs.consistency(work, older, query["newer"]))
        return answered({"from": grown.older, "to": grown.newer, "hashes": _texts(grown.hashes)})
    if query["entry"] is not None:
        return _proof_of_entry(query["entry"], size)
    named = base64.b64decode(query["hash"]) if position is None else position
    return answered(_document(asked_by_anybody(lambda work: proofs.inclusion(work, named, size))))


def _proof_of_entry(named: str, size: int | None) -> Response:
    """Answer with the proof of an entry that is named by learner, scheme and number."""
    authenticate()
    learner, scheme, number = named.split("/")
    learner_id = subject(None if learner == ME else UUID(learner))
    key = (learner_id, scheme, int(number))
    return answered(_document(looked_up(lambda work: proofs.inclusion_of_entry(work, learner_id, key, size))))


@statement_resource.route("/<learner:learner_id>/statement/<id:entry_id>/proof")
@statement_resource.arguments(SizeQuery(), location="query")
@statement_resource.response(200, InclusionOut)
@statement_resource.alt_response(409, "CONFLICT")
def statement_proof(query: dict[str, Any], learner_id: UUID | None, entry_id: UUID) -> Response:
    """Prove that a line of the passbook is in the log. Needs `statement:read`."""
    of = subject(learner_id)
    found = looked_up(lambda work: proofs.inclusion_of_entry(work, of, entry_id, query["size"]))
    return answered(_document(found))


def _document(found: Inclusion) -> dict[str, Any]:
    """Return a proof of inclusion as it stands on the wire."""
    document = {
        "position": found.leaf.position,
        "size": found.size,
        "leaf_hash": _text(found.leaf.hash),
        "hashes": _texts(found.hashes),
    }
    return document if found.line is None else document | {"line": found.line}


def _checkpoint_document(shown: Shown) -> dict[str, Any]:
    """Return a checkpoint as it stands on the wire."""
    stored = shown.checkpoint
    return {
        "origin": shown.origin,
        "size": stored.size,
        "root": _text(stored.root),
        "note": stored.note,
        "made_at": instant_text(stored.made_at),
        "keys": list(shown.keys),
    }


def _texts(hashes: Iterable[bytes]) -> list[str]:
    return [_text(one) for one in hashes]


def _text(digest: bytes) -> str:
    """Return a hash as it stands on the wire."""
    return base64.b64encode(digest).decode()
