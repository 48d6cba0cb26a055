import pytest


def test_a_test_that_writes_half_a_character_is_reported_by_another_process(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        r"""
        import logging
        def test_log():
            logging.getLogger().warning("half \ud83d")
        def test_fails():
            assert "half \ud83d" == "whole"
        """
    )
    result = pytester.runpytest_subprocess("-p", "tests.plugins.reports", "-n", "1")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E*half *ud83d*"])
