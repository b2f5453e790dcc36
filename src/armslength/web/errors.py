"""The one place where an exception becomes a response."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.responses import Response

from armslength.errors import ArmslengthError, Refused, Unauthorised
from armslength.wire import dsp

# Errors of reading a request, before anything is looked at, have statuses of their own.
READING: Final[Mapping[str, int]] = {"too-large": 413, "media-type": 415, "too-slow": 408}

log = logging.getLogger(__name__)


def response(error: Exception) -> Response:
    """An error as this product's own interfaces show it: {"error", "reason"} and "place" where there is one."""
    known = _known(error)
    body = {"error": known.code, "reason": known.reason} | ({"place": known.place} if known.place else {})
    return _response(_status(known), msgspec.json.encode(body), known)


def protocol_response(error: Exception, kind: str, pids: tuple[str | None, str | None] | None) -> Response:
    """An error as the Dataspace Protocol shows it: `kind` is the @type, `pids` are (consumer's, provider's).

    What the record does not allow is a 400 there, not a 409.
    """
    known = _known(error)
    status = 400 if isinstance(known, Refused) else _status(known)
    return _response(status, dsp.write_error(kind, known.code, [str(known)], pids), known)


def _known(error: Exception) -> ArmslengthError:
    if isinstance(error, ArmslengthError):
        return error
    log.error("unexpected error", exc_info=error)
    return ArmslengthError("internal", "something went wrong here; nothing is wrong with the request")


def _status(error: ArmslengthError) -> int:
    return READING.get(error.code, error.status)


def _response(status: int, body: bytes, error: ArmslengthError) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorised) else None
    return Response(body, status, headers, media_type="application/json")
