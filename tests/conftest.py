"""The rules of this house's tests.

1. Everything speaks to 127.0.0.1 or ::1 only, on port 0 or a Unix socket. Another address raises
   (tests/plugins/loopback.py).
2. Each wait stands in ``trio.fail_after``. No test sleeps to let something happen: it waits for the thing itself.
3. Where time passes, the test asks for ``autojump_clock``. No test asserts on elapsed real time: the machine may be
   busy.
4. Prefer, in this order: a pure function, a memory channel, a memory stream pair, a fake server in this process, the
   real thing (marked ``real``, ``kill`` or ``browser``). Long counts are marked ``proof`` and run by ``make proof``.
5. Tests run in any order: the header prints the seed, ``--order-seed`` repeats it (tests/plugins/order.py).
6. Nothing is left behind: no task, no file outside ``tmp_path``, no process (tests/plugins/leftovers.py fails the
   session).
7. A test is named as a sentence about behaviour, in a tree that mirrors the code's. A test that cannot fail is a
   defect.
8. No test sees the developer's own settings: HOME and HERMES_HOME lie under ``tmp_path``, keys and proxies are gone
   (tests/plugins/environment.py).
"""

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "pytester",
    "tests.plugins.environment",
    "tests.plugins.garbage",
    "tests.plugins.leftovers",
    "tests.plugins.loopback",
    "tests.plugins.order",
    "tests.plugins.proof",
    "tests.plugins.reports",
]

# A busy machine is no defect of the code, so no example has a deadline.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("house")
