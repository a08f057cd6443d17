"""Clients that alone deal with their learners: what each account holds is known to the last line at every moment."""

import http.client
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.builders import learner_body, outcome_body
from tests.drills.asking import Asked, Reply
from tests.drills.crowd import ISSUER, Client, WalkEndedError, hundredths
from tests.drills.journal import Effect, Effects, Learner, posted

ACCEPTOR = "acceptor"
TARGET = {"institution": ACCEPTOR, "programme": "administration"}
COURSES = {"c1": "管理学", "c3": "公文写作"}
"""Courses of 3 credits, and the titles that replace them."""

HOURS = {100: "16", 200: "32", 300: "48", 400: "64"}
REMEMBERED = 12

APPLICATIONS = 3
"""Times that a learner applies for both courses at once, unless one is converted before."""

_ENTRIES = ("recognise", "reverse", "hold", "release", "convert", "restore")


@dataclass
class Owned:
    """An outcome on an account that only one client deals with."""

    external_id: str
    title: str
    id: str
    hundredths: int
    revision: int = 1


@dataclass
class Owner(Client):
    """Opens accounts and walks them through records, corrections, revocations and conversions."""

    first_person: int = 0
    number: int = 0
    remembered: list[tuple[Asked, Reply]] = field(default_factory=list)

    def turn(self) -> None:
        """Walk one learner through everything, reading after each step."""
        learner = self._opened()
        spare = self._post(learner, "")
        chosen = {code: self._post(learner, title) for code, title in COURSES.items()}
        self._correct(learner, spare, self.random.choice((100, 200, 400)))
        self._is_refused(Asked(ISSUER, "PUT", _path(spare), _body(learner, spare) | {"hours": "160"}, match=1), 412)
        if self.chance(1 / 2):
            self._revoke(learner, spare)
        for _ in range(APPLICATIONS):
            under_way = [(outcome, self._apply(learner, outcome, code)) for code, outcome in chosen.items()]
            states = [self._ended(learner, outcome, conversion_id) for outcome, conversion_id in under_way]
            if "approved" in states or self.stop.is_set():
                break
        changed = Asked(ISSUER, "POST", "/v1/outcomes", _body(learner, chosen["c1"]) | {"hours": "160"})
        self._is_refused(changed, 409)

    def _opened(self) -> Learner:
        """Open an account; sent again it is the same person."""
        self.number += 1
        body = learner_body(self.first_person + self.number)
        reply = self._done(Asked(ISSUER, "POST", "/v1/learners", body, self._key("open")), "account opened", (200, 201))
        if reply.status == http.client.OK and not reply.is_doubted:
            self.journal.find("replay", f"{self.name}: a new person is answered as known")
        identifier = body["identifiers"][0]["value"]
        self.journal.identifiers[identifier] = reply.document["id"]
        return Learner(reply.document["id"], identifier)

    def _post(self, learner: Learner, title: str) -> Owned:
        """Record a course of 3 credits."""
        self.number += 1
        outcome = Owned(f"{self.name}-{self.number}", title or f"{self.name}-{self.number}", "", 300)
        key = self._key("post") if self.chance(1 / 2) else None
        self.journal.doubtful[outcome.external_id] = posted(300)
        reply = self._done(
            Asked(ISSUER, "POST", "/v1/outcomes", _body(learner, outcome), key), "single post", (200, 201)
        )
        if reply.status == http.client.OK and not reply.is_doubted:
            self.journal.find("replay", f"{outcome.external_id}: the first of its kind was answered as a repeat")
        outcome.id = self.journal.ids[outcome.external_id] = reply.document["id"]
        self._enter(learner, outcome, posted(300))
        return outcome

    def _correct(self, learner: Learner, outcome: Owned, new: int) -> None:
        """Correct the hours of a record."""
        revision, before = outcome.revision + 1, outcome.hundredths
        effects: Effects = (("revision", revision), ("reverse", -before), ("recognise", new))
        self._doubt(outcome, effects)
        outcome.hundredths = new
        asked = Asked(ISSUER, "PUT", _path(outcome), _body(learner, outcome), self._key("put"), outcome.revision)
        reply = self._done(asked, "correction", (200,))
        self._expect(reply, outcome.external_id, ("revision", revision), ("status", "recognised"))
        outcome.revision = revision
        self._enter(learner, outcome, effects)

    def _revoke(self, learner: Learner, outcome: Owned) -> None:
        """Revoke a record; asked again under no key it is answered as it stands."""
        effects: Effects = (("revoked", 0), ("reverse", -outcome.hundredths))
        self._doubt(outcome, effects)
        asked = Asked(ISSUER, "POST", f"{_path(outcome)}/revoke", {"reason": "误录"}, self._key("revoke"))
        self._expect(self._done(asked, "revocation", (200,)), outcome.external_id, ("status", "revoked"))
        self._enter(learner, outcome, effects)

    def _apply(self, learner: Learner, outcome: Owned, course: str) -> str:
        """Apply for a conversion and return its id."""
        wanted = "best" if self.chance(1 / 2) else [outcome.id]
        spent = outcome.hundredths
        hold: Effects = (("hold", -spent),)
        self._doubt(outcome, hold)
        who = f"learner:{learner.id}"
        body = {"target": TARGET | {"courses": [course]}, "outcomes": wanted}
        reply = self._done(Asked(who, "POST", "/v1/conversions", body, self._key("apply")), "application", (201,))
        found = reply.document
        self.journal.conversions[found["id"]] = "in_review"
        parts = [(part["outcome_id"], hundredths(part["spent"])) for part in found["parts"]]
        if parts != [(outcome.id, spent)]:
            self.journal.find("replay", f"conversion {found['id']}: of {parts}")
        self._enter(learner, outcome, hold)
        self._is_refused(Asked(who, "POST", "/v1/conversions", body, self._key("twice")), 409)
        self._is_refused(Asked(ISSUER, "PUT", _path(outcome), _body(learner, outcome) | {"hours": "64"}, None, 1), 409)
        conversion_id: str = found["id"]
        return conversion_id

    def _ended(self, learner: Learner, outcome: Owned, conversion_id: str) -> str:
        """Withdraw an application, or let its reviewer approve or reject it."""
        state = self.random.choice(("withdrawn", "approved", "rejected"))
        let_go: Effects = (("release", outcome.hundredths),)
        effects = (*let_go, ("convert", -outcome.hundredths)) if state == "approved" else let_go
        path, who, body = f"/v1/conversions/{conversion_id}/decisions", ACCEPTOR, {"reason": "理由"}
        if state == "withdrawn":
            path, who = f"/v1/conversions/{conversion_id}/withdraw", f"learner:{learner.id}"
        else:
            body["decision"] = {"approved": "approve", "rejected": "reject"}[state]
        self._doubt(outcome, effects)
        asked = Asked(who, "POST", path, body, self._key("end"))
        self._expect(self._done(asked, f"application {state}", (200,)), conversion_id, ("state", state))
        self.journal.conversions[conversion_id] = state
        self._enter(learner, outcome, effects)
        late = {"decision": "approve"}
        self._is_refused(
            Asked(ACCEPTOR, "POST", f"/v1/conversions/{conversion_id}/decisions", late, self._key("late")), 409
        )
        return state

    def _done(self, asked: Asked, kind: str, statuses: tuple[int, ...]) -> Reply:
        """Ask for something with an effect, remember it, and sometimes ask once more for something of before."""
        reply = self.caller.ask(asked)
        if reply.status not in statuses:
            self.journal.find("unforeseen", f"{asked.method} {asked.path}: {reply.status} {str(reply.document)[:300]}")
            raise WalkEndedError
        self.journal.count(self.journal.done, kind)
        if asked.key is not None:
            self.remembered = [*self.remembered[-REMEMBERED:], (asked, reply)]
            if self.chance(1 / 3):
                self._replay()
        return reply

    def _replay(self) -> None:
        """Send a keyed request of before again: its answer is the one that was given."""
        asked, first = self.random.choice(self.remembered)
        reply = self.caller.ask(asked)
        self.journal.count(self.journal.replayed, "request")
        if (reply.status, reply.document) != (first.status, first.document):
            told = f"{reply.status} {str(reply.document)[:150]}, first {first.status} {str(first.document)[:150]}"
            self.journal.find("replay", f"{asked.method} {asked.path}: {told}")

    def _is_refused(self, asked: Asked, status: int) -> None:
        """Ask for what can't be: it is refused and leaves nothing."""
        reply = self.caller.ask(asked)
        self.journal.count(self.journal.refused, f"{asked.method} with {status}")
        if reply.status != status:
            self.journal.find("unforeseen", f"{asked.method} {asked.path}: {reply.status}, not {status}")

    def _expect(self, reply: Reply, what: str, *members: tuple[str, object]) -> None:
        """See that an answer tells how things stand now."""
        said = [(name, reply.document.get(name)) for name, _ in members]
        if said != list(members):
            self.journal.find("replay", f"{what}: {said}, not {list(members)}")

    def _doubt(self, outcome: Owned, effects: Effects) -> None:
        """Note what will stand if the request that is about to be sent takes effect."""
        self.journal.doubtful[outcome.external_id] = self.journal.stands[outcome.external_id] + effects

    def _enter(self, learner: Learner, outcome: Owned, effects: Effects) -> None:
        """Note what stands now, and look whether the bank says so, too."""
        external_id = outcome.external_id
        self.journal.stands[external_id] = self.journal.stands.get(external_id, ()) + effects
        self.journal.doubtful.pop(external_id, None)
        learner.order += [(external_id, effect) for effect in effects if effect[0] in _ENTRIES]
        (self._read_balance if self.chance(1 / 2) else self._read_statement)(learner)

    def _read_balance(self, learner: Learner) -> None:
        """See that the account has exactly what was acknowledged."""
        reply = self.caller.ask(Asked(ISSUER, "GET", f"/v1/learners/{learner.id}/balance"))
        self.journal.count(self.journal.read, "balance")
        names = ("available", "held", "converted")
        one = (reply.document.get("balances") or [{}])[0]
        has = tuple(hundredths(one.get(name, "0")) for name in names)
        if has != learner.sums():
            self.journal.find("own_writes", f"learner {learner.id}: {has}, not {learner.sums()} ({', '.join(names)})")

    def _read_statement(self, learner: Learner) -> None:
        """See that the passbook has exactly what was acknowledged, in its order."""
        reply = self.caller.ask(Asked(ISSUER, "GET", f"/v1/learners/{learner.id}/statement?limit=50"))
        self.journal.count(self.journal.read, "statement")
        items = reply.document.get("items", [])  # none where the account itself was lost
        lines = [(line["outcome_id"], (line["kind"], hundredths(line["amount"]))) for line in items]
        expected = self._expected(learner.order)
        if list(reversed(lines)) != expected:
            self.journal.find("own_writes", f"learner {learner.id}: {lines[::-1][-4:]}, not {expected[-4:]}")

    def _expected(self, order: Sequence[tuple[str, Effect]]) -> list[tuple[str, Effect]]:
        return [(self.journal.ids[external_id], effect) for external_id, effect in order]

    def _key(self, name: str) -> str:
        self.number += 1
        return f"{self.name}-{name}-{self.number}"


def _path(outcome: Owned) -> str:
    return f"/v1/outcomes/{outcome.id}"


def _body(learner: Learner, outcome: Owned) -> dict[str, Any]:
    """Return the record of an outcome as it is known."""
    changes = {"external_id": outcome.external_id, "title": outcome.title, "hours": HOURS[outcome.hundredths]}
    return outcome_body(learner.id, 0, **changes, completed_on="2024-06-30")
