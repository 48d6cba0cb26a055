"""The part of a store that model calls are written down in, in memory."""

import trio
from attrs import define, field

from hermes.errors import HermesError
from hermes.messages import Usage
from hermes.spending import Caps, ModelCall, Spent, further, granted


@define
class Ledger:
    """Holds calls against ``caps``, all of them in one turn, one session and one day."""

    caps: Caps = field(factory=Caps)
    begun: list[ModelCall] = field(factory=list[ModelCall])
    ended: list[Usage] = field(factory=list[Usage])
    reserved: list[int] = field(factory=list[int])
    """What an answer under way may have, each time that it changed."""
    rows: dict[str, int] = field(factory=dict[str, int])
    """Tokens of each call, with its request."""
    refuse: HermesError | None = None

    @property
    def spent(self) -> int:
        return sum(self.rows.values())

    async def begin_model_call(self, call: ModelCall, caps: Caps, now: float) -> int:
        await trio.lowlevel.checkpoint()
        if self.refuse:
            raise self.refuse
        output = granted(caps, self._spent(), call.most)
        self.begun.append(call)
        self.rows[call.key] = call.most.input_tokens + output
        self.reserved.append(output)
        return output

    async def extend_model_call(self, key: str, had: int, wanted: int, caps: Caps, now: float) -> int:
        await trio.lowlevel.checkpoint()
        assert had == self.reserved[-1]
        more = further(caps, self._spent(), wanted - had)
        self.rows[key] += more
        self.reserved.append(had + more)
        return had + more

    async def end_model_call(self, key: str, usage: Usage, now: float) -> None:
        await trio.lowlevel.checkpoint()
        assert key == self.begun[-1].key
        self.rows[key] = usage.input_tokens + usage.output_tokens
        self.ended.append(usage)

    def _spent(self) -> Spent:
        return Spent(self.spent, self.spent, self.spent, len(self.rows))
