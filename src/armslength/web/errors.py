"""The one place where an exception becomes a response."""

from __future__ import annotations

import logging

from starlette.responses import Response

from armslength.errors import ArmslengthError, Malformed, Refused, Unauthorised
from armslength.wire import dsp
from armslength.wire.errors import encode_error

log = logging.getLogger(__name__)


def response(error: Exception) -> Response:
    """An error as this product's own interfaces show it."""
    known = _known(error)
    return _response(known.http_status, encode_error(known), known)


def protocol_response(error: Exception, kind: str, pids: tuple[str | None, str | None] | None) -> Response:
    """An error as the Dataspace Protocol shows it: `kind` is the @type, `pids` are (consumer's, provider's).

    What the record does not allow is a 400 there, not a 409.
    """
    known = _known(error)
    status = Malformed.status if isinstance(known, Refused) else known.http_status
    return _response(status, dsp.write_error(kind, known.code, [str(known)], pids), known)


def _known(error: Exception) -> ArmslengthError:
    if isinstance(error, ArmslengthError):
        return error
    log.error("unexpected error", exc_info=error)
    return ArmslengthError("internal", "something went wrong here; nothing is wrong with the request")


def _response(status: int, body: bytes, error: ArmslengthError) -> Response:
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorised) else None
    return Response(body, status, headers, media_type="application/json")
