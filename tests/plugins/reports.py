"""Reports of a run in several processes go over a pipe as UTF-8: half a character in one is shown escaped."""

from collections.abc import Generator
from typing import Any

import pytest


def sendable(value: Any) -> Any:
    """The same with every text such that UTF-8 has it."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {sendable(key): sendable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(sendable(each) for each in value)
    return value


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    return sendable((yield))
