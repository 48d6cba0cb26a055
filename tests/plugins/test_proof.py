import pytest


def test_a_report_names_each_test_with_its_outcome_and_figures(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest
        def test_kills(record_property):
            record_property("kills", 1000)
            record_property("lost", 0)
        def test_broken():
            assert False
        def test_absent():
            pytest.skip("no server here")
        """
    )
    result = pytester.runpytest_inprocess("-p", "tests.plugins.proof", "--proof-report", "proof.md")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    lines = (pytester.path / "proof.md").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| test_")]
    assert [(name.rpartition("::")[2], outcome, figures) for name, outcome, _, figures in rows] == [
        ("test_absent", "skipped", ""),
        ("test_broken", "failed", ""),
        ("test_kills", "passed", "kills: 1000, lost: 0"),
    ]


def test_a_run_without_tests_leaves_the_last_report_alone(pytester: pytest.Pytester) -> None:
    (pytester.path / "proof.md").write_text("older")
    result = pytester.runpytest_inprocess("-p", "tests.plugins.proof", "--proof-report", "proof.md")
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert (pytester.path / "proof.md").read_text() == "older"
