"""Random histories of one store against a small model of what it promises.

The model knows, for each event, which turn names it and how it stands. After every step the store must agree, and its
parts with each other; at the end everything that was accepted has been answered, in order.
"""

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from attrs import define, evolve, field
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from hermes.errors import LeaseLost
from hermes.events import InboundKind, OutboundKind
from hermes.messages import Message, Role, Usage
from hermes.store.compose import compose
from hermes.store.engine.codec import unpack_names
from hermes.store.engine.database import Database
from hermes.store.rows import AnswerResult, Lease, Turn, TurnOutcome
from hermes.store.tables import acceptance, asks, claims, delivery, exchanges, sessions, transcript, turns
from tests.hermes.store.builders import (
    BURIAL,
    NOW,
    SOURCE,
    calls,
    commit,
    event,
    notice,
    outbound,
    question,
    question_message,
    result,
    rows,
    says,
)

KEYS = st.sampled_from(["one", "two"])
T = TypeVar("T")


@define
class Running:
    """A turn that runs, as the model sees it."""

    turn_id: str
    names: list[str]
    lease: Lease
    attempts: int = 1
    messages: int = 1
    asked: list[str] = field(factory=list)


class Journal(RuleBasedStateMachine):
    stale = Bundle("stale")
    """Leases that were taken over."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="journal-"))
        self.database = Database.open(self.folder / "state.db")
        self.database.connection.execute("PRAGMA synchronous = OFF")
        self.waiting: dict[str, list[str]] = defaultdict(list)
        self.running: dict[str, Running] = {}
        self.states: dict[str, str] = {}
        self.dead: dict[str, list[list[str]]] = defaultdict(list)
        self.row_ids: dict[str, int] = {}
        self.order: dict[str, list[str]] = defaultdict(list)
        self.now = NOW
        self.count = 0

    def teardown(self) -> None:
        try:
            self.finish_all()
        finally:
            self.database.close()
            shutil.rmtree(self.folder)

    def do(self, operation: Callable[..., T]) -> T:
        return commit(self.database, operation)

    def fresh(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"

    def say(self, event_id: str, key: str, kind: InboundKind = InboundKind.MESSAGE) -> int:
        said = event(event_id, key=key, kind=kind, source=evolve(SOURCE, chat_id=key))
        accepted = self.do(lambda c: acceptance.accept(c, said, self.now))
        assert not accepted.duplicate
        self.row_ids[event_id] = accepted.row_id
        self.states[event_id] = "pending"
        return accepted.row_id

    def settled(self, key: str) -> int:
        """The row of a command, which whatever is done next settles."""
        name = self.fresh("command")
        row_id = self.say(name, key, InboundKind.COMMAND)
        self.states[name] = "done"
        return row_id

    @rule(key=KEYS)
    def accept(self, key: str) -> None:
        name = self.fresh("e")
        self.say(name, key)
        self.waiting[key].append(name)

    @rule(data=st.data())
    def accept_again(self, data: st.DataObject) -> None:
        if self.row_ids:
            name = data.draw(st.sampled_from(sorted(self.row_ids)))
            again = self.do(lambda c: acceptance.accept(c, event(name, "changed", key="elsewhere"), self.now))
            assert (again.duplicate, again.row_id) == (True, self.row_ids[name])

    @rule(key=KEYS, target=stale)
    def claim(self, key: str) -> object:
        """Also what a crash looks like: the next program claims what the one before had in hand."""
        old = self.running.get(key)
        lost = multiple(old.lease) if old else multiple()
        claim_id = self.fresh("claim").ljust(16, "-")
        who = claims.Claimant("gateway", claim_id, compose, lambda owner: False)
        turn = self.do(lambda c: claims.claim(c, key, who, BURIAL, self.now))
        again = self.do(lambda c: claims.claim(c, key, who, BURIAL, self.now))
        assert again == (None if turn is None else evolve(turn, gave_up=True))
        if old is not None and old.attempts == claims.MAX_CLAIMS:
            self.bury(key, self.running.pop(key))
            old = None
        if old is not None:
            self.resumed(old, turn)
        else:
            self.begun(key, turn)
        return lost

    def bury(self, key: str, running: Running) -> None:
        for name in running.names:
            self.states[name] = "dead"
        self.dead[key].append(running.names)

    def resumed(self, running: Running, turn: Turn | None) -> None:
        assert turn is not None
        assert turn.lease.turn_id == running.turn_id
        assert turn.lease.token > running.lease.token
        assert [row.event.event_id for row in turn.rows] == sorted(running.names, key=self.row_ids.__getitem__)
        assert len(turn.messages) == running.messages
        assert [ask.id for ask in turn.asks] == running.asked
        running.attempts += 1
        assert turn.attempts == running.attempts
        running.lease = turn.lease

    def begun(self, key: str, turn: Turn | None) -> None:
        if not self.waiting[key]:
            assert turn is None
            return
        name = min(self.waiting[key], key=self.row_ids.__getitem__)
        assert turn is not None
        assert [row.event.event_id for row in turn.rows] == [name]
        self.waiting[key].remove(name)
        self.states[name] = "taken"
        self.running[key] = Running(turn.lease.turn_id, [name], turn.lease)

    @rule(key=KEYS)
    def append(self, key: str) -> None:
        running = self.running.get(key)
        if running:
            position = running.messages
            call = f"c{position}"
            added = (calls(call), result(call))
            for _ in range(2):
                self.do(lambda c: turns.append(c, running.lease, position, added, Usage(1, 1), self.now))
            running.messages += 2

    @rule(key=KEYS)
    def join(self, key: str) -> None:
        running = self.running.get(key)
        if running and self.waiting[key]:
            name = self.waiting[key].pop(0)
            steer, join_id = Message(Role.USER, "steer"), self.fresh("join")
            for _ in range(2):
                assert self.do(lambda c: turns.join(c, running.lease, self.row_ids[name], steer, join_id, self.now))
            running.names.append(name)
            running.messages += 1
            self.states[name] = "taken"

    @rule(key=KEYS, data=st.data())
    def join_what_is_taken(self, key: str, data: st.DataObject) -> None:
        running = self.running.get(key)
        taken = running.names if running else []
        if running and taken:
            row_id = self.row_ids[data.draw(st.sampled_from(taken))]
            assert not self.do(lambda c: turns.join(c, running.lease, row_id, says("x"), "another", self.now))

    @rule(key=KEYS)
    def ask(self, key: str) -> None:
        running = self.running.get(key)
        if running:
            name = self.fresh("ask")
            self.do(
                lambda c: asks.open_ask(
                    c,
                    running.lease,
                    question(name, running.lease, deadline=self.now + 300),
                    evolve(question_message(name), session_key=key),
                    self.now,
                )
            )
            running.asked.append(name)
            self.now += 1

    @rule(key=KEYS, data=st.data())
    def answer(self, key: str, data: st.DataObject) -> None:
        running = self.running.get(key)
        if running and running.asked:
            name = data.draw(st.sampled_from(running.asked))
            row_id = self.settled(key)
            before = {ask.id: ask.state for ask in self.do(lambda c: asks.of_turn(c, running.turn_id))}[name]
            told = {
                self.do(lambda c: asks.answer_ask(c, row_id, name, "once", notice(f"late-{row_id}"), self.now))
                for _ in range(2)
            }
            assert told == {AnswerResult.TAKEN if before == "open" else AnswerResult.ALREADY}

    @rule(key=KEYS, outcome=st.sampled_from([TurnOutcome.DONE, TurnOutcome.STOPPED, TurnOutcome.FAILED]))
    def finish(self, key: str, outcome: TurnOutcome) -> None:
        running = self.running.pop(key, None)
        if running:
            answer = outbound(
                f"{running.turn_id}:0",
                session_key=key,
                source=evolve(SOURCE, chat_id=key),
                answers=tuple(running.names),
            )
            for _ in range(2):
                self.do(
                    lambda c: turns.finish(
                        c, running.lease, running.messages, (says("end"),), (answer,), outcome, Usage(1, 1), self.now
                    )
                )
            self.order[key] += running.names[:1]
            for name in running.names:
                self.states[name] = "done"

    @rule(lease=consumes(stale))
    def write_under_a_lost_lease(self, lease: Lease) -> None:
        before = rows(self.database, "messages", "id"), rows(self.database, "outbox", "id")
        with pytest.raises(LeaseLost):
            self.do(lambda c: turns.append(c, lease, 1, (says("late"),), Usage(), self.now))
        with pytest.raises(LeaseLost):
            self.do(lambda c: turns.finish(c, lease, 1, (), (notice("late"),), TurnOutcome.DONE, Usage(), self.now))
        assert before == (rows(self.database, "messages", "id"), rows(self.database, "outbox", "id"))

    @rule(key=KEYS)
    def renew(self, key: str) -> None:
        row_id = self.settled(key)
        self.do(lambda c: sessions.renew(c, row_id, key, (), self.now))

    @rule(key=KEYS)
    def undo(self, key: str) -> None:
        row_id = self.settled(key)
        dead_before = {name: self.states[name] for names in self.dead[key] for name in names}
        self.do(lambda c: exchanges.undo(c, row_id, key, notice(self.fresh("n")), notice(self.fresh("n")), self.now))
        # An exchange that was given up may be the one that was taken back: then /retry has lost it too.
        for name in dead_before:
            self.states[name] = self.stored()[name]
        self.dead[key] = [names for names in self.dead[key] if self.states[names[0]] == "dead"]

    @rule(key=KEYS)
    def retry(self, key: str) -> None:
        row_id = self.settled(key)
        command_id = next(name for name, found in self.row_ids.items() if found == row_id)
        revives = max(self.dead[key], key=lambda names: max(map(self.row_ids.__getitem__, names)), default=None)
        done = {
            self.do(lambda c: exchanges.retry(c, row_id, key, notice(f"nothing-{row_id}"), self.now)) for _ in range(2)
        }
        assert len(done) == 1
        if revives is not None:
            assert done == {True}
            self.dead[key].remove(revives)
            for name in revives:
                self.states[name] = "pending"
                self.waiting[key].append(name)
        elif done == {True}:
            self.asked_again(key, command_id)
        self.waiting[key].sort(key=self.row_ids.__getitem__)

    def asked_again(self, key: str, command_id: str) -> None:
        found = self.database.connection.execute(
            "SELECT event_id, id FROM inbox WHERE utterance = ? ORDER BY id", (f"{command_id}:retry",)
        ).fetchall()
        assert found
        # They become one turn; the model follows single rows, so it lets them go on as such.
        self.database.connection.execute("UPDATE inbox SET utterance = '' WHERE utterance <> ''")
        for name, row_id in found:
            self.states[name], self.row_ids[name] = "pending", row_id
            self.waiting[key].append(name)

    @rule()
    def deliver(self) -> None:
        """Everything goes out, each chat in the order of its rows, each row once."""
        lease = self.do(lambda c: delivery.open_delivery(c, "web", "local", idempotent=True))
        last: dict[str, int] = defaultdict(int)
        while due := self.do(lambda c: delivery.due(c, lease, frozenset(), 10, self.now)):
            for row in due:
                assert row.id > last[row.message.source.chat_id]
                last[row.message.source.chat_id] = row.id
                assert self.do(lambda c, row=row: delivery.begin_send(c, lease, row.id, self.now))
                self.do(lambda c, row=row: delivery.sent(c, lease, row.id, "m", self.now))

    @invariant()
    def the_store_and_the_model_agree(self) -> None:
        assert self.stored() == self.states

    def stored(self) -> dict[str, str]:
        return dict(self.database.connection.execute("SELECT event_id, state FROM inbox").fetchall())

    @invariant()
    def every_row_is_named_by_exactly_one_turn(self) -> None:
        found = self.database.connection.execute("SELECT event_id, turn_id FROM inbox WHERE state = 'taken'").fetchall()
        assert sorted(found) == sorted((name, run.turn_id) for run in self.running.values() for name in run.names)

    @invariant()
    def the_parts_of_the_store_agree(self) -> None:
        execute = self.database.connection.execute
        assert execute("PRAGMA foreign_key_check").fetchall() == []
        gaps = "SELECT turn_id FROM messages GROUP BY turn_id HAVING count(*) <> max(position) + 1"
        assert execute(gaps).fetchall() == []
        counted = """
            SELECT id FROM sessions WHERE message_count <>
                (SELECT count(*) FROM messages WHERE session_id = sessions.id AND hidden = 0)
        """
        assert execute(counted).fetchall() == []
        shown = """
            SELECT event_id FROM inbox JOIN entries ON entries.id = inbox.entry_id
            WHERE entries.state <> CASE inbox.state WHEN 'taken' THEN 'running' ELSE inbox.state END AND hidden = 0
        """
        assert execute(shown).fetchall() == []

    @invariant()
    def a_whole_chat_is_shown_once(self) -> None:
        for key in ("one", "two"):
            entries = transcript.transcript(self.database.connection, key, None, 500).entries
            keys = [(entry.kind, entry.key) for entry in entries if entry.kind != "tool"]
            assert len(keys) == len(set(keys))
            assert set(self.waiting[key]) <= {entry.key for entry in entries}

    def finish_all(self) -> None:
        for key in ("one", "two"):
            while self.waiting[key] or key in self.running:
                self.claim(key)
                self.finish(key, TurnOutcome.DONE)
        self.deliver()
        self.database.connection.execute("INSERT INTO messages_fts(messages_fts, rank) VALUES ('integrity-check', 1)")
        told = self.database.connection.execute("SELECT answers, kind, session_key FROM outbox ORDER BY id").fetchall()
        ends = [(key, unpack_names(answers)) for answers, kind, key in told if kind == OutboundKind.ANSWER]
        for key in ("one", "two"):
            assert [names[0] for chat, names in ends if chat == key] == self.order[key]
        answered = [name for _, names in ends for name in names]
        messages = {name for name in self.states if not name.startswith("command") or ":retry:" in name}
        given_up = {name for names in (*self.dead["one"], *self.dead["two"]) for name in names}
        assert len(answered) == len(set(answered))
        noticed = {name for answers, *_ in told for name in unpack_names(answers)}
        assert messages - given_up <= noticed
        assert given_up <= noticed


Journal.TestCase.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
TestJournal = Journal.TestCase
