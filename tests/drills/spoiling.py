"""Requests that were granted, spoilt in every way: each place in turn holds a canary's word, or something unknown does.

What a request can say, and where, comes from the API document, so that a new operation or field is spoilt as well.
"""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from tests.drills.canaries import CANARIES, SPOKEN
from tests.drills.remote import Remote, Reply, operation_of, operations

Operation = tuple[str, str]

READABLE_BODIES = {
    "TextIn": "a text of consent is published",
    "WithdrawalIn": "everybody with a token reads why a rule set was withdrawn",
    "InstitutionIn": "the registry of institutions is public",
    "EndIn": "the registry of institutions is public",
    "MoveIn": "the registry of institutions is public",
    "DelegationIn": "institutions read who reviews for them, and why",
    "RegionsIn": "the registry of regions is public",
    "SchemeIn": "credit schemes are public",
    "ProgrammeIn": "programmes are published",
    "RevocationIn": "a reason belongs to the decision, which is never rewritten",
    "ConversionIn": "it names a programme and outcomes",
    "DecisionIn": "a reason belongs to the decision, which is never rewritten",
    "ReasonIn": "a reason belongs to the decision, which is never rewritten",
    "AppealIn": "a reason belongs to the decision, which is never rewritten",
    "AwardCaseDecisionIn": "a reason belongs to the decision, which is never rewritten",
    "CaseDecisionIn": "a reason belongs to the decision, which is never rewritten",
    "AnyDocument": "rule sets are published",
}
"""Bodies that hold what institutions say for readers, and why: their words may stand in the database, nowhere else."""

READABLE_FIELDS = {
    "OutcomeIn": ("external_id", "kind", "title", "code", "category", "level", "scheme", "programme", "score"),
    "ConsentIn": ("purpose", "recipient", "text"),
    "WebhookIn": ("url", "description"),
}
"""Fields of other bodies that are readable: what was learnt, what a consent is for, what is said of a webhook."""


@dataclass(frozen=True)
class Place:
    """A value in a body: the keys that lead to it."""

    keys: tuple[Any, ...]

    def with_value(self, body: Any, value: Any) -> Any:
        """Return a copy of the body with another value here."""
        if not self.keys:
            return value
        made = copy.deepcopy(body)
        inner = made
        for key in self.keys[:-1]:
            inner = inner[key]
        inner[self.keys[-1]] = value
        return made


def places(value: Any, keys: tuple[Any, ...] = ()) -> Iterator[tuple[Place, Any]]:
    """Yield every value in a body with its place, itself first; of a list the first member only."""
    yield Place(keys), value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from places(inner, (*keys, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*keys, 0))


def left_out(document: dict[str, Any], value: Any, schema: dict[str, Any], keys: tuple[Any, ...] = ()) -> Iterator[Place]:  # fmt: skip # noqa: E501
    """Yield the place of each field that a body could have and hasn't, its lists and inner objects included."""
    schema = resolved(document, schema)
    if isinstance(value, list) and value and "items" in schema:
        yield from left_out(document, value[0], schema["items"], (*keys, 0))
    if not isinstance(value, dict):
        return
    for name, inner in schema.get("properties", {}).items():
        if name in value:
            yield from left_out(document, value[name], inner, (*keys, name))
        else:
            yield Place((*keys, name))


def resolved(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema of the API document itself, where another only refers to it."""
    for name in ("allOf", "anyOf"):
        if name in schema:
            return resolved(document, schema[name][0])
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def body_name(operation: dict[str, Any]) -> str | None:
    """Return the name of the schema of an operation's JSON body, if it takes one."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    schema = content["schema"]
    return str(schema.get("items", schema)["$ref"].rpartition("/")[2])


def unwalked(replies: list[Reply], document: dict[str, Any]) -> set[Operation]:
    """Return the operations of the document that were never granted."""
    return operations(document).keys() - granted(replies, document).keys()


def unspoilt(replies: list[Reply], document: dict[str, Any]) -> set[Operation]:
    """Return the operations with a body that never refused one as malformed."""
    known = operations(document)
    refused = {operation_of(reply, known) for reply in replies if reply.status_code in (400, 422)}
    return {(method, path) for method, path in known if body_name(document["paths"][path][method.lower()])} - refused


def granted(replies: list[Reply], document: dict[str, Any]) -> dict[Operation, Reply]:
    """Return for each operation the last request that was granted, one with a JSON document if there is any."""
    known = operations(document)
    found: dict[Operation, Reply] = {}
    for reply in replies:
        operation = operation_of(reply, known)
        if operation is None or reply.status_code >= 400:
            continue
        if operation not in found or reply.sent.get("json") is not None:
            found[operation] = reply
    return found


def spoil(remote: Remote, document: dict[str, Any]) -> None:
    """Send every granted request again, spoilt in every way."""
    for (method, path), reply in granted(remote.replies, document).items():
        operation = document["paths"][path][method.lower()]
        headers = reply.sent.get("headers") or {}
        headers = {name: value for name, value in headers.items() if name != "Idempotency-Key"}
        spoil_address(remote, operation, reply, headers, path)
        spoil_headers(remote, reply, headers)
        schema = body_name(operation)
        if schema is not None and reply.sent.get("json") is not None:
            spoil_body(remote, reply, headers, schema)
            one, whole = CANARIES[183], operation["requestBody"]["content"]["application/json"]["schema"]
            for place in left_out(document, reply.sent["json"], whole):
                fuller = place.with_value(reply.sent["json"], word_at(schema, place, one.text))
                remote.open(reply.path, reply.method, json=fuller, headers=headers)


def spoil_body(remote: Remote, reply: Reply, headers: dict[str, str], schema: str) -> None:
    """Put words where values stand, words as names beside them, and break the JSON around them."""
    one, sound = CANARIES[180], reply.sent["json"]
    for place, value in places(sound):
        word = word_at(schema, place, one.text)
        changes = [word, [word], {word: word}, int(one.resident_id[:17]), float(one.resident_id[:15]) / 7]
        if isinstance(value, dict):
            changes = [value | {name: one.name} for name in (one.name, one.resident_id, f"{one.passport}/~{one.name}")]
        for change in changes:
            remote.open(reply.path, reply.method, json=place.with_value(sound, change), headers=headers)
    whole = json.dumps(sound, ensure_ascii=False)
    twice = f'{{"{one.name}": 1, "{one.name}": 2, "x": {{"{one.resident_id}": 1e5, "{one.name}": {"7" * 40}}}}}'
    broken = (
        f'{whole[:-1]} "{one.name}',
        f'{{"{one.name}": {one.name}}}',
        twice,
        f'{{"{one.name}\\ud800": "\\u0000"}}',
    )
    for text in broken:
        remote.open(reply.path, reply.method, data=text.encode(), content_type="application/json", headers=headers)
    typed = {"data": whole.encode(), "content_type": f"text/{one.passport}"}
    remote.open(reply.path, reply.method, headers=headers, **typed)


def word_at(schema: str, place: Place, word: str) -> str:
    """Return the word that is put somewhere: one that may be kept, where it is meant to be readable."""
    is_readable = schema in READABLE_BODIES or bool({*place.keys} & {*READABLE_FIELDS.get(schema, ())})
    return SPOKEN + word[-8:] if is_readable else word


def spoil_address(remote: Remote, operation: dict[str, Any], reply: Reply, headers: dict[str, str], path: str) -> None:
    """Put words into the path, in place of its ids, and into the query."""
    one, body = CANARIES[181], reply.sent.get("json")
    parts = path.split("/")
    for number, part in enumerate(parts):
        if part.startswith("{"):
            for word in (one.name, one.resident_id, one.netid):
                there = reply.path.partition("?")[0].split("/")
                there[number] = quote(word, safe="")
                remote.open("/".join(there), reply.method, json=body, headers=headers)
    queries = [one_of["name"] for one_of in operation.get("parameters", []) if one_of.get("in") == "query"]
    for name in (*queries, one.name, one.resident_id):
        remote.open(f"{reply.path.partition('?')[0]}?{quote(name)}={quote(one.text)}", reply.method, json=body, headers=headers)  # fmt: skip # noqa: E501


def spoil_headers(remote: Remote, reply: Reply, headers: dict[str, str]) -> None:
    """Put words into headers that the bank reads, and call by a method that nobody knows."""
    one, request = CANARIES[182], {"json": reply.sent.get("json")}
    for name, words in {
        "Idempotency-Key": (one.name, one.text),
        "If-Match": (one.name, f'"{one.resident_id}"'),
        "X-Request-Id": (one.resident_id, one.passport, one.phone, one.legacy_id, one.name),
        "Authorization": (f"Bearer {one.resident_id}", f"{one.passport} {one.name}"),
        "Accept": (one.passport,),
    }.items():
        for word in words:
            remote.open(reply.path, reply.method, headers=headers | {name: word}, **request)
    remote.open(reply.path, one.passport, headers=headers, **request)
