"""A program that works on a store until it is done or killed: run by test_processes.py, several at a time.

It says "accepted EVENT" and "finished EVENT" once that is committed. Arguments: file, number of this program, how many
run, rounds.
"""

import sys
import time
import uuid
from pathlib import Path

from attrs import evolve

from hermes.messages import Usage
from hermes.store.compose import compose
from hermes.store.engine.database import Database, Operation
from hermes.store.rows import Turn, TurnOutcome
from hermes.store.tables import acceptance, claims, delivery, turns
from tests.hermes.store.builders import BURIAL, SOURCE, calls, event, outbound, result, says


def main(path: str, me: int, programs: int, rounds: int) -> None:
    database = Database.open(Path(path))
    source = evolve(SOURCE, account=f"program {me}", chat_id=f"program {me}")
    keys = [f"{me}:{number}" for number in range(3)]
    run = uuid.uuid4().hex[:8]
    for key in keys:
        work(database, key)
    for round_number in range(rounds):
        events = [event(f"{run}:{round_number}:{key}", key=key, source=source) for key in keys]
        # One chat that all hand over and only the first works on, as when a platform delivers twice.
        shared = event(f"shared:{round_number}", key="shared")
        accept = [(lambda c, each=each: acceptance.accept(c, each, time.time())) for each in (*events, shared)]
        do(database, *accept)
        for each in (*events, shared):
            print("accepted", each.event_id, flush=True)
        for key in [*keys, *(["shared"] if me == 0 else [])]:
            work(database, key)
        deliver(database, source.account)
    if me == 0:
        while work(database, "shared"):
            pass
    database.close()


def do(database: Database, *batch: Operation) -> list[object]:
    outcomes = database.commit(batch)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return outcomes


def work(database: Database, key: str) -> bool:
    """Run turns until nothing waits; whether there were any."""
    worked = False
    while True:
        claimant = claims.Claimant("gateway", uuid.uuid4().hex, compose, lambda owner: False)
        (turn,) = do(database, lambda c, who=claimant: claims.claim(c, key, who, BURIAL, time.time()))
        if turn is None:
            return worked
        assert isinstance(turn, Turn)
        finish(database, turn)
        worked = True


def finish(database: Database, turn: Turn) -> None:
    lease, position = turn.lease, len(turn.messages)
    if position == 1:
        do(database, lambda c: turns.append(c, lease, 1, (calls(),), Usage(1, 1), time.time()))
        do(database, lambda c: turns.append(c, lease, 2, (result(),), Usage(), time.time()))
        position = 3
    names = tuple(row.event.event_id for row in turn.rows)
    answer = evolve(
        outbound(f"{lease.turn_id}:0", answers=names, source=turn.rows[0].event.source), turn_id=lease.turn_id
    )
    last = (says("done"),) if position == 3 else (result(), says("done"))
    do(
        database,
        lambda c: turns.finish(c, lease, position, last, (answer,), TurnOutcome.DONE, Usage(), time.time()),
    )
    for name in names:
        print("finished", name, flush=True)


def deliver(database: Database, account: str) -> None:
    (lease,) = do(database, lambda c: delivery.open_delivery(c, "web", account, idempotent=True))
    while rows := do(database, lambda c: delivery.due(c, lease, frozenset(), 10, time.time()))[0]:
        for row in rows:
            do(database, lambda c, row=row: delivery.begin_send(c, lease, row.id, time.time()))
            do(database, lambda c, row=row: delivery.sent(c, lease, row.id, "m", time.time()))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
