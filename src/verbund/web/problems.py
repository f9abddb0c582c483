"""Refusals as problem+json (RFC 9457); anything else is a bug, logged once and told without details."""

import logging
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from verbund.base.refusal import Broken, Malformed, Overloaded, Refusal, TooFast, Unknown

LANGUAGES = ("de", "en")
log = logging.getLogger(__name__)


_BY_STATUS: dict[int, type[Refusal]] = {404: Unknown, 429: TooFast, 503: Overloaded}


def language_of(header: str) -> str:
    """German unless English is named first."""
    for part in header.lower().split(","):
        if part.strip()[:2] in LANGUAGES:
            return part.strip()[:2]
    return "de"


def problem(refusal: Refusal, language: str) -> tuple[int, bytes]:
    """(status, body) of a refusal."""
    sentence = refusal.sentence(language)
    shape: dict[str, Any] = {
        "type": f"urn:verbund:{refusal.code}", "title": sentence.split(". ")[0].rstrip("."), "status": refusal.status,
        "code": refusal.code, "detail": sentence,
    }  # fmt: skip
    plain = {key: value for key, value in refusal.fields.items() if isinstance(value, str | int | bool)}
    return refusal.status, msgspec.json.encode({**plain, **shape})


def refused(request: Request[Any, Any, Any], refusal: Refusal) -> Response[bytes]:
    status, body = problem(refusal, language_of(request.headers.get("accept-language", "")))
    headers = {"cache-control": "no-store"}
    headers |= getattr(refusal, "headers", {})
    if "retry_after_s" in refusal.fields:
        headers["retry-after"] = str(refusal.fields["retry_after_s"])
    return Response(body, status_code=status, media_type="application/problem+json", headers=headers)


def http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """The framework's own errors in our form: a wrong body, an unknown path."""
    if error.status_code >= 500 and "$.data" not in str(error.__cause__):
        return broken(request, error)
    known = _BY_STATUS.get(error.status_code, Malformed)
    refusal = known()
    status, body = problem(refusal, language_of(request.headers.get("accept-language", "")))
    if known is Malformed and error.status_code not in (400, 500):
        status = error.status_code
    return Response(body, status_code=status, media_type="application/problem+json")


def broken(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return refused(request, Broken())


HANDLERS: dict[Any, Any] = {Refusal: refused, HTTPException: http_error, Exception: broken}
__all__ = ["HANDLERS", "language_of", "problem"]
