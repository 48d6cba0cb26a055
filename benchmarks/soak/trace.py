"""What a soak has seen, as it is kept in results.json. Seconds count from its beginning."""

from attrs import define, field, frozen


@frozen
class Reading:
    """The gateway at one moment."""

    at: float
    pid: int
    memory: float
    """Megabytes, of the process with all that it started."""
    descriptors: int
    """Less the connections."""
    connections: int
    """To the Bot API and the model."""
    threads: int
    children: int


@frozen
class Told:
    """One thing in whose place an open word came that there is no answer."""

    said: float
    told: float
    why: str


@define
class Tally:
    """What became of what was said on one platform."""

    said: int = 0
    answered: int = 0
    told: list[Told] = field(factory=list[Told])
    lost: list[str] = field(factory=list[str])
    doubled: list[str] = field(factory=list[str])
    out_of_order: int = 0
    marked: int = 0
    """Messages that say that they may be repetitions."""


@frozen
class Span:
    """A fault as it was."""

    service: str
    kind: str
    begins: float
    ends: float
    recovered: float | None = None
    """Seconds from its end to the next answer; None: something else went wrong before that could be told."""


@define
class Trace:
    """One run."""

    seed: int
    seconds: float
    expected: float
    """How many things people say who are never kept waiting."""
    planned: tuple[int, int]
    """Faults and kills."""
    readings: list[Reading] = field(factory=list[Reading])
    faults: list[Span] = field(factory=list[Span])
    kills: list[float] = field(factory=list[float])
    ended: list[float] = field(factory=list[float])
    """When the gateway ended by itself."""
    left: int = 0
    """Processes that a killed gateway left running."""
    telegram: Tally = field(factory=Tally)
    page: Tally = field(factory=Tally)
