from hypothesis import given
from hypothesis import strategies as st

from hermes.process import wire

_TEXTS = st.binary(max_size=30).map(lambda data: data.replace(b"\0", b""))
_NAMES = _TEXTS.map(lambda data: data.replace(b"=", b"")).filter(bool)


@given(
    argv=st.lists(_TEXTS, min_size=1, max_size=5),
    environment=st.dictionaries(_NAMES, _TEXTS, max_size=5),
    directory=_TEXTS,
    grace=st.floats(0, 1e6),
    umask=st.none() | st.integers(0, 0o777),
    terminal=_TEXTS,
)
def test_a_guardian_reads_the_spec_that_was_written(
    argv: list[bytes],
    environment: dict[bytes, bytes],
    directory: bytes,
    grace: float,
    umask: int | None,
    terminal: bytes,
) -> None:
    spec = wire.Spec(
        argv=argv, environment=environment, directory=directory, grace=grace, umask=umask, terminal=terminal
    )
    assert vars(wire.Spec.decode(spec.encode())) == vars(spec)


def test_a_crash_is_one_line_that_a_pipe_takes_whole() -> None:
    line = wire.crashed(ValueError("a\nb" + "\N{SNOWMAN}" * 10_000))
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert len(line) < 4096
