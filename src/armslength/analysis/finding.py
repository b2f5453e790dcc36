"""What a check says: one finding, with the check's id, how grave it is, where, and why."""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """severity: "error" (do not sign), "warning" (decide knowingly) or "note" (good to know). `place` is a dotted path
    in the terms as they are authored, such as claims.k2.excuse."""

    id: str
    severity: str
    place: str
    message: str
