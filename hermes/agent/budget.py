"""How many model calls one turn may make (``agent.max_turns``).

A spent budget does not cut the turn off: one more call is made without tools, in which the model sums up what it did.
The turn ends with that call, whatever comes of it.
"""

from attrs import define

SUM_UP = (
    "The tool budget of this turn is spent. Without tools now: say what you did and found, what is left, "
    "and how to go on."
)
"""For the end of the final request, as a message that is not journaled: without it a model asks for tools in vain."""


@define
class Budget:
    """Model calls of one turn."""

    limit: int
    spent: int = 0
    """Begun so far, those before a crash included as far as they left a reply."""

    @property
    def left(self) -> bool:
        """Whether a call with tools is left."""
        return self.spent < self.limit

    def take(self) -> bool:
        """Count one more call. True: it is the final one, without tools."""
        final = not self.left
        self.spent += 1
        return final

    def exhausted(self) -> str:
        """What the person is told when the final call brought no words either."""
        return (
            f"I stopped after {self.limit} model calls (agent.max_turns) and have no summary to give. "
            "What I did so far stands; write on to let me continue."
        )
