"""``--proof-report FILE`` writes what a run showed: each test, its outcome and time, and the figures it recorded.

A test records a figure by pytest's own ``record_property("kills", 1000)``. Nothing is written unless a test ran.
"""

import platform
import time
from pathlib import Path

import pytest


def table(reports: list[pytest.TestReport]) -> list[str]:
    """Markdown rows, by test name."""
    rows = ["| test | outcome | seconds | figures |", "| --- | --- | --: | --- |"]
    for report in sorted(reports, key=lambda report: report.nodeid):
        figures = ", ".join(f"{name}: {value}" for name, value in report.user_properties)
        rows.append(f"| {report.nodeid} | {report.outcome} | {report.duration:.0f} | {figures} |")
    return rows


class ProofReport:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._reports: list[pytest.TestReport] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self._reports.append(report)

    def pytest_sessionfinish(self) -> None:
        if not self._reports:
            return
        head = [
            "# Proof",
            "",
            f"Written by `make proof` on {time.strftime('%Y-%m-%d', time.gmtime())}: "
            f"Python {platform.python_version()}, {platform.system()} {platform.release()}, {platform.machine()}.",
            "",
        ]
        self._path.write_text("\n".join(head + table(self._reports)) + "\n", encoding="utf-8")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--proof-report", type=Path, default=None, help="write the outcome of each test to this file")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.proof_report is not None:
        config.pluginmanager.register(ProofReport(config.option.proof_report), "proof-report")
