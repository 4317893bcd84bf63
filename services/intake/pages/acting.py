"""What a customer does on the page of their ticket, in terms of `ticket_changes`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.intake.pages.catalogues import Texts
from services.intake.pages.fields import tidy, wrong_text
from services.intake.pages.form_body import Form
from services.intake.pages.page_files import KeptFile
from services.intake.pages.ticket_view import Action, actions
from shared.db import ticket_changes
from shared.db.engine import Row, Transaction
from shared.db.ticket_changes import Asked, Author, NewComment
from shared.db.ticket_changes.family import Member
from shared.domain.attachment import AttachmentRules
from shared.domain.comment import AuthorKind
from shared.domain.errors import Conflict
from shared.domain.lifecycle import ChildrenRule, LifeRules, Transition
from shared.domain.outcome import VerificationMethod
from shared.domain.role import Role
from shared.domain.ticket import Channel

#: Who a status page is to events.
ACTOR = "page:status"
#: Characters of a message, of what is said with a rating, and of what a verification keeps.
MAX_TEXT, MAX_WORDS, MAX_WHAT = 50_000, 5_000, 10_000
#: What takes files, and what takes words besides.
WITH_FILES = frozenset({Action.ANSWER, Action.DENY, Action.REOPEN})
_TEXTS = WITH_FILES | {Action.FOLLOW_UP}


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody wants to do: the action, their words, the score if they rate, their files."""

    action: Action
    text: str = ""
    score: int = 0
    files: Sequence[KeptFile] = ()


def deed_of(form: Form, t: Texts) -> tuple[Deed | None, dict[str, str]]:
    """Return what a form asks for, and what is wrong with it by field; None if it is no action."""
    try:
        action = Action(form.get("do"))
    except ValueError:
        return None, {}
    text, score = tidy(form.get(action.value)), form.get("score")
    needed = action in _TEXTS
    limit = MAX_WORDS if action is Action.RATE else MAX_TEXT
    found = list(wrong_text(text, limit, t, needed=needed))
    errors = {action.value: found[0]} if found else {}
    if action is Action.RATE and score not in {"1", "2", "3", "4", "5"}:
        errors["score"] = t("error.score")
    return Deed(action, text, int(score) if action is Action.RATE and not errors else 0), errors


def act(
    tx: Transaction,
    member: Member,
    deed: Deed,
    now: datetime,
    request_id: str,
    rules: LifeRules,
    files: AttachmentRules,
) -> str:
    """Do it with a locked ticket; return the id of the ticket to show afterwards.

    Raises Conflict if the ticket is not in a state for it any more, InvalidInput or TooLarge for
    its files.
    """
    if deed.action not in actions(member[0], now, rules):
        message = f"The ticket is {member[0]['status']}; its requester cannot {deed.action} now."
        raise Conflict(message)
    asked = Asked(ACTOR, request_id, role=Role.REQUESTER)
    # The desk's question what becomes of children is none for a customer.
    rules = replace(rules, children=ChildrenRule.LEAVE)
    return _DEEDS[deed.action](_Scene(tx, member, deed, now, asked, rules, files))


@dataclass(frozen=True, slots=True)
class _Scene:
    tx: Transaction
    member: Member
    deed: Deed
    now: datetime
    asked: Asked
    rules: LifeRules
    files: AttachmentRules

    @property
    def ticket(self) -> Row:
        return dict(self.member[0])

    def again(self) -> "_Scene":
        """Return it with the ticket as it is after a change."""
        [member] = ticket_changes.members(self.tx, [self.member[0]["id"]])
        return replace(self, member=member)


def _say(scene: _Scene, text: str) -> None:
    requester: Mapping[str, str] = scene.ticket["requester"]
    author = Author(AuthorKind.REQUESTER, requester.get("id"), requester.get("name"))
    said = NewComment(author, text, uploads=[file.id for file in scene.deed.files])
    ticket_changes.comment(
        scene.tx, *scene.member, said, scene.now, scene.asked, scene.rules, scene.files
    )


def _answer(scene: _Scene) -> str:
    """Also reopens: what a requester says on a ticket that is over does so."""
    _say(scene, scene.deed.text)
    return str(scene.ticket["id"])


def _confirm(scene: _Scene) -> str:
    _verify(scene, passed=True, what=None)
    return str(scene.ticket["id"])


def _deny(scene: _Scene) -> str:
    _verify(scene, passed=False, what=scene.deed.text[:MAX_WHAT])
    _say(scene.again(), scene.deed.text)
    return str(scene.ticket["id"])


def _follow_up(scene: _Scene) -> str:
    document = ticket_changes.follow_up(
        scene.tx, scene.member, scene.deed.text, None, scene.now, scene.asked, Channel.WEB
    )
    return str(document["id"])


def _cancel(scene: _Scene) -> str:
    step = Transition.CANCEL
    ticket_changes.transition(
        scene.tx, *scene.member, step, {}, scene.now, scene.asked, scene.rules
    )
    return str(scene.ticket["id"])


def _rate(scene: _Scene) -> str:
    ticket_changes.rate(
        scene.tx,
        *scene.member,
        scene.deed.score,
        scene.deed.text or None,
        scene.now,
        scene.asked,
        scene.rules,
    )
    return str(scene.ticket["id"])


def _verify(scene: _Scene, *, passed: bool, what: str | None) -> None:
    checked = {"method": VerificationMethod.REQUESTER, "passed": passed, "by": None, "what": what}
    ticket_changes.verify(scene.tx, *scene.member, checked, scene.now, scene.asked, scene.rules)


_DEEDS: dict[Action, Callable[[_Scene], str]] = {
    Action.ANSWER: _answer,
    Action.CONFIRM: _confirm,
    Action.DENY: _deny,
    Action.REOPEN: _answer,
    Action.FOLLOW_UP: _follow_up,
    Action.CANCEL: _cancel,
    Action.RATE: _rate,
}
