"""The API document as it is served: every operation with all the refusals that it may answer, and no others."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from creditbank.api.resource import Documented

_TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address
_OF_HEADERS = {
    "Idempotency-Key": (HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY),
    "If-Match": (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.PRECONDITION_REQUIRED),
}
_FREE_PATHS = frozenset({"/healthz", "/readyz"})
_RETRY_AFTER = {
    "Retry-After": {"description": "Seconds until there is a budget again", "schema": {"type": "integer", "minimum": 1}}
}
_OF_BODIES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def served_document(api: Documented) -> dict[str, Any]:
    """Return the OpenAPI document; what an operation can refuse follows from what it takes."""
    document: dict[str, Any] = api.spec.to_dict()
    for path, item in document["paths"].items():
        shared = item.get("parameters", [])
        for operation in (value for name, value in item.items() if name != "parameters"):
            for status in sorted(set(_refusals(path, operation, [*shared, *operation.get("parameters", [])]))):
                operation["responses"].setdefault(str(int(status)), {"$ref": f"#/components/responses/{status.name}"})
                document["components"]["responses"][status.name] = _problem(status)
            operation["responses"] = dict(sorted(operation["responses"].items()))
    document["components"]["responses"] = dict(sorted(document["components"]["responses"].items()))
    return document


def _refusals(path: str, operation: dict[str, Any], parameters: list[dict[str, Any]]) -> Iterator[HTTPStatus]:
    """Yield the statuses of the refusals that an operation can answer."""
    if path not in _FREE_PATHS:
        yield HTTPStatus.TOO_MANY_REQUESTS
    if path == _TOKEN_PATH:
        yield from (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.SERVICE_UNAVAILABLE)
        return
    is_open = operation.get("security") == []
    if not is_open:
        yield from (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    if not is_open or parameters or "requestBody" in operation:
        yield HTTPStatus.SERVICE_UNAVAILABLE
    if "requestBody" in operation:
        yield from _OF_BODIES
    for parameter in parameters:
        if parameter["in"] == "path":
            yield HTTPStatus.NOT_FOUND
        elif parameter["in"] == "query":
            yield HTTPStatus.UNPROCESSABLE_ENTITY
        yield from _OF_HEADERS.get(parameter["name"], ())


def _problem(status: HTTPStatus) -> dict[str, Any]:
    """Return how a refusal is documented."""
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    headers = {"headers": _RETRY_AFTER} if status is HTTPStatus.TOO_MANY_REQUESTS else {}
    return {"description": status.phrase, **headers, "content": content}
