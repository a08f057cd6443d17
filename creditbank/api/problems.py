"""Problem details (RFC 9457): the one table from refusals to statuses, and the answer to anything unforeseen."""

import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from creditbank.core.errors import Family, Fault, Refusal, TooMany
from creditbank.formats.strict_json import text_of

RETRY_SECONDS = 1
"""What a caller is told to wait when the bank is busy."""

STATUSES = {
    Family.MALFORMED: 422,
    Family.TOO_LARGE: 413,
    Family.UNREADABLE: 415,
    Family.UNAUTHENTICATED: 401,
    Family.NOT_ALLOWED: 403,
    Family.UNKNOWN: 404,
    Family.GONE: 410,
    Family.CONFLICT: 409,
    Family.RULE_SAYS_NO: 422,
    Family.OUTDATED: 412,
    Family.CONDITION_MISSING: 428,
    Family.TOO_MANY: 429,
    Family.TRY_LATER: 503,
}
"""The status of each family of refusals."""

NOT_JSON_STATUS = 400
"""A body that is no JSON at all, before anything in it can be judged."""

_DOOR_CODES = frozenset({"not_json", "not_utf8", "byte_order_mark"})

log = structlog.get_logger()


class Unreadable(Refusal):
    """The body comes as a type that the bank does not read."""

    family = Family.UNREADABLE
    code = "unsupported_media_type"
    title = "The content type is not supported"


def register_problems(app: Flask) -> None:
    """Answer refusals, HTTP's own errors and anything unforeseen as problem details."""
    app.register_error_handler(Refusal, refused)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unforeseen)


def refused(refusal: Refusal) -> Response:
    """Return the problem that tells a refusal with all its reasons."""
    status = STATUSES[refusal.family]
    if any(fault.code in _DOOR_CODES for fault in refusal.faults):
        status = NOT_JSON_STATUS
    answer = problem(status, refusal.code, refusal.title, refusal.faults)
    if refusal.family is Family.UNAUTHENTICATED:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="creditbank", error="invalid_token"'
    if refusal.family is Family.TRY_LATER:
        answer.headers["Retry-After"] = str(RETRY_SECONDS)
    if isinstance(refusal, TooMany):
        answer.headers["Retry-After"] = str(refusal.retry_seconds)
    g.refusal_code = refusal.faults[0].code if refusal.faults else refusal.code
    return answer


def problem(status: int, code: str, title: str, faults: tuple[Fault, ...]) -> Response:
    """Return a problem; `errors` lists every reason with pointer, code and a sentence in each language."""
    body = {
        "type": f"urn:creditbank:problem:{code}",
        "title": title,
        "status": status,
        "code": code,
        "request_id": g.get("request_id", ""),
        "errors": [fault_document(fault) for fault in faults],
    }
    if len(faults) == 1:
        body["detail"] = faults[0].message_en
    return Response(text_of(body), status=status, content_type="application/problem+json")


def fault_document(fault: Fault) -> dict[str, str]:
    """Return one reason as it stands on the wire."""
    return {
        "pointer": fault.pointer,
        "code": fault.code,
        "message_zh": fault.message_zh,
        "message_en": fault.message_en,
    }


def _http_error(error: HTTPException) -> Response:
    """Return the problem for what the framework refuses, such as an unknown path or method."""
    status = error.code or 500
    sentences = {
        404: ("没有这个地址；请核对路径与编号。", "There is nothing at this address; check the path and the id."),
        405: (
            "此地址不支持该方法；可用的方法见 Allow。",
            "This address does not take that method; Allow names those that it takes.",
        ),
    }
    zh, en = sentences.get(status, ("无法处理此请求。", error.description or error.name))
    code = error.name.lower().replace(" ", "_")
    answer = problem(status, code, error.name, (Fault("", code, zh, en),))
    allow = error.get_headers(request.environ)
    answer.headers.extend([(name, value) for name, value in allow if name.lower() == "allow"])
    return answer


def _unforeseen(error: Exception) -> Response:
    """Log a fault of our own with its trace and tell the caller nothing but where to find it."""
    log.error("unforeseen", exc_info=error, path=request.url_rule and request.url_rule.rule)
    zh = "系统内部错误，已记录；请凭 request_id 联系我们。"
    en = "A fault of ours, which is logged; name the request_id when you write to us."
    return problem(500, "internal", "Internal error", (Fault("", "internal", zh, en),))
