"""Counting checks on claims and quorums: what can be decided at all, by whom alone, and who is indispensable.

A quorum of size k out of a set must hold every member of `including` and at least groups[g] members of each group g.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from armslength.analysis.finding import ERROR, NOTE, WARNING, Finding
from armslength.core.arrangement.terms import Arrangement, Claim, Quorum
from armslength.views.words import listing


@dataclass(frozen=True, slots=True)
class Electorate:
    """Who may vote and what every quorum of theirs needs; `group` maps a voter to its group."""

    of: Sequence[str]
    groups: Mapping[str, int]
    including: Sequence[str]
    group: Mapping[str, str | None]

    def members(self, group: str) -> list[str]:
        """The voters of one group."""
        return [voter for voter in self.of if self.group[voter] == group]

    def reaches(self, voters: Iterable[str], size: int) -> bool:
        """Whether these voters alone form a quorum of `size`."""
        present = [voter for voter in self.of if voter in set(voters)]
        return (
            len(present) >= size
            and set(self.including) <= set(present)
            and all(sum(self.group[v] == g for v in present) >= least for g, least in self.groups.items())
        )

    def can_disagree(self, first: int, second: int) -> bool:
        """Whether two quorums of these sizes can share no voter, so that both sides can be reached (rule 3.1f)."""
        if self.including or any(2 * least > len(self.members(group)) for group, least in self.groups.items()):
            return False
        least = sum(self.groups.values())
        return max(first, least) + max(second, least) <= len(self.of)


def electorate(terms: Arrangement, rule: Claim | Quorum) -> Electorate:
    """The voters of a claim or of a quorum in the terms."""
    of = rule.monitors if isinstance(rule, Claim) else rule.of
    return Electorate(of, rule.groups, rule.including, {voter: terms.actors[voter].group for voter in of})


def unverifiable(terms: Arrangement) -> Iterator[Finding]:
    """S02: quorums that cannot be reached, or that can be reached for both answers."""
    for id_, claim in terms.claims.items():
        place, voters = f"claims.{id_}", electorate(terms, claim)
        yield from _reachable(voters, {"support": claim.support, "refute": claim.refute}, place)
        if voters.can_disagree(claim.support, claim.refute):
            yield Finding(
                "S02",
                ERROR,
                place,
                f"{claim.support} of {len(claim.monitors)} can say true while {claim.refute} others say false, and the "
                "first to arrive would win: raise support or refute above half, or name who must be among them",
            )
        yield from _late_reports(terms, id_, claim)
    judges = terms.allegations.determiners
    place, voters = "allegations.determiners", electorate(terms, judges)
    yield from _reachable(voters, {"quorum": judges.count}, place)
    if voters.can_disagree(judges.count, judges.count):
        yield Finding(
            "S02", ERROR, place, f"{judges.count} of {len(judges.of)} can uphold while as many others dismiss"
        )


def _reachable(voters: Electorate, sizes: Mapping[str, int], place: str) -> Iterator[Finding]:
    for name, size in sizes.items():
        if size > len(voters.of):
            yield Finding("S02", ERROR, f"{place}.{name}", f"{size} of {len(voters.of)} can never be reached")
    for group, least in voters.groups.items():
        have = len(voters.members(group))
        if least > have:
            yield Finding("S02", ERROR, f"{place}.groups", f"asks for {least} of the group {group}, and has {have}")
    for voter in voters.including:
        if voter not in voters.of:
            yield Finding("S02", ERROR, f"{place}.including", f"{voter} is not one of those who may vote")


def _late_reports(terms: Arrangement, id_: str, claim: Claim) -> Iterator[Finding]:
    """Reports that come too late, or end too early, for what they decide."""
    if claim.kind == "event":
        if claim.report_by is None:
            return
        latest = terms.start + claim.offset + claim.report_by
        for duty_id, duty in terms.duties.items():
            if duty.claim != id_ or duty.due is None or duty.due.anchor == "trigger":
                continue
            due = (terms.start if duty.due.anchor == "start" else terms.end) + duty.due.after
            place = f"claims.{id_}.report_by"
            if latest < due:
                yield Finding("S02", ERROR, place, f"ends before {duty_id} is due: done in time, it would stay unknown")
            elif latest > due + duty.cure:
                yield Finding(
                    "S02", WARNING, place, f"ends after the deadline of {duty_id}: a late report helps nobody"
                )
        return
    if claim.excuse is None:
        return
    excuse = terms.claims[claim.excuse.claim]
    if (excuse.period, excuse.offset) != (claim.period, claim.offset):
        yield Finding("S02", ERROR, f"claims.{id_}.excuse", f"{claim.excuse.claim} has other periods than {id_}")
    if excuse.report_by is not None and claim.report_by is not None and excuse.report_by > claim.report_by:
        yield Finding(
            "S02", ERROR, f"claims.{claim.excuse.claim}.report_by", f"ends after the report on {id_}, which it excuses"
        )


def capturable(terms: Arrangement) -> Iterator[Finding]:
    """S03: a debtor, or one group of monitors among several, that alone decides a claim."""
    for id_, claim in terms.claims.items():
        place, voters = f"claims.{id_}", electorate(terms, claim)
        owing = {name for duty in terms.duties.values() if duty.claim == id_ for name in (duty.debtor, duty.performer)}
        for name in sorted(owing & set(claim.monitors)):
            others = [voter for voter in claim.monitors if voter != name]
            if voters.reaches([name], claim.support):
                yield Finding("S03", ERROR, place, f"{name} owes this and can attest it alone")
            elif not voters.reaches(others, claim.refute):
                yield Finding("S03", WARNING, place, f"{name} owes this and can keep it from ever being refuted")
        named = sorted({group for voter in claim.monitors if (group := terms.actors[voter].group)})
        for group in named:
            members = voters.members(group)
            if len(members) == len(claim.monitors):
                continue
            powers = [
                word
                for word, size in (("support", claim.support), ("refute", claim.refute))
                if voters.reaches(members, size)
            ]
            if powers:
                yield Finding("S03", WARNING, place, f"the group {group} alone can {listing(powers)} it")


def stalls(terms: Arrangement) -> Iterator[Finding]:
    """S13: a party that alone can stop everything, or prevent what is suspended from continuing. (Time: see S21.)"""
    if terms.keeper in terms.parties:
        text = f"{terms.keeper} is a party and keeps the record: by silence alone it stops everything, for as long as "
        text += "it likes; a neutral keeper has nothing to gain by that"
        yield Finding("S13", WARNING, "keeper", text)
    judges = terms.allegations.determiners
    for party in _indispensable(electorate(terms, judges), judges.count):
        if party in terms.parties:
            text = f"nothing is determined without {party}, and no suspension ended: {party} alone can let every "
            text += "allegation time out, and every suspension run to its limit"
            yield Finding("S13", WARNING, "allegations.determiners", text)


def indispensable(terms: Arrangement) -> Iterator[Finding]:
    """S21: whose silence alone stops time, the record or a decision."""
    keepers = terms.timekeepers
    if keepers.count == len(keepers.of):
        yield Finding(
            "S21",
            WARNING,
            "timekeepers",
            f"time stands still, and nothing is released, while any one of {listing(keepers.of)} is silent; "
            "a neutral third timekeeper, with a quorum of two, avoids that",
        )
    if not terms.fallback_keepers:
        yield Finding(
            "S21", NOTE, "keeper", f"the record depends on {terms.keeper} alone: nobody can take over from it"
        )
    decides: dict[str, list[str]] = {}
    for id_, claim in terms.claims.items():
        for voter in _indispensable(electorate(terms, claim), claim.support):
            decides.setdefault(voter, []).append(id_)
    judges = terms.allegations.determiners
    for voter in _indispensable(electorate(terms, judges), judges.count):
        decides.setdefault(voter, []).append("allegations")
    for voter, what in sorted(decides.items()):
        yield Finding("S21", NOTE, f"monitors.{voter}", f"while {voter} is silent, these stay open: {listing(what)}")


def _indispensable(voters: Electorate, size: int) -> list[str]:
    if not voters.reaches(voters.of, size):
        return []
    return [voter for voter in voters.of if not voters.reaches([v for v in voters.of if v != voter], size)]
