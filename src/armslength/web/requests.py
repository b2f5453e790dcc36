"""Reading requests: bounded in size and in time, and JSON only."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import ClientDisconnect, Request

from armslength.errors import Malformed

LARGEST: Final = 256 * 1024  # bytes
DEADLINE_S: Final = 10.0  # that a body may take …
LONGEST: Final = 15  # digits of a number of bytes
SLOWEST: Final = 64 * 1024  # … and a second more for each so many bytes that have come


async def json_body(request: Request, *, largest: int = LARGEST, deadline: float = DEADLINE_S) -> bytes:
    """The body of a JSON request. Raises Malformed: "media-type", "too-large" or "too-slow"."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Malformed("media-type", "must be application/json", "Content-Type")
    return await whole_body(request, largest=largest, deadline=deadline)


def announces_more(request: Request, than: int) -> bool:
    """Whether a request says that its body has more bytes than this, or does not say how many."""
    announced = request.headers.get("content-length", "")
    return not announced.isdecimal() or len(announced) > LONGEST or int(announced) > than


async def whole_body(request: Request, *, largest: int = LARGEST, deadline: float = DEADLINE_S) -> bytes:
    """The body of a request, whatever it is. Raises Malformed: "too-large" or "too-slow"."""
    if "content-length" in request.headers and announces_more(request, largest):
        raise Malformed("too-large", f"at most {largest} bytes", "Content-Length")
    body = bytearray()
    try:
        async with asyncio.timeout(deadline) as limit:
            until = limit.when() or 0.0
            async for block in request.stream():
                body += block
                if len(body) > SLOWEST:
                    limit.reschedule(until + len(body) / SLOWEST)
                if len(body) > largest:
                    raise Malformed("too-large", f"at most {largest} bytes", "body")
    except TimeoutError:
        reason = f"the body took longer than {deadline:g} s, and {SLOWEST // 1024} KiB a second from then on"
        raise Malformed("too-slow", reason, "body") from None
    except ClientDisconnect:
        raise Malformed("broken-off", "the connection ended inside the body", "body") from None
    return bytes(body)
