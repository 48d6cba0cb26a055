"""The liveness child of a platform: proves a round trip every so often, where the adapter can do that for free.

A failed probe is no crash of this child: the age of the last proven round trip grows, and past its bound the
supervisor restarts the inbound child, whose connection is the one that is deaf.
"""

import trio

from actors.messages import Look
from actors.platform.connection import Proof
from actors.runtime import Context
from adapters.contract import Adapter
from hermes.errors import HermesError

# Seconds for one probe: a round trip that takes longer is as good as none.
PROBE_WITHIN = 10.0


async def liveness(
    context: Context[Look], adapter: Adapter, proof: Proof, *, task_status: trio.TaskStatus[None]
) -> None:
    """Probe until cancelled; each success is a beat of the inbound child."""
    task_status.started()
    interval = adapter.probe_interval
    while interval is None:
        await trio.sleep_forever()
    while True:
        await trio.sleep(interval)
        try:
            with trio.fail_after(PROBE_WITHIN):
                await adapter.probe()
        except HermesError as error:
            context.detail(f"probe failed: {error}")
        except trio.TooSlowError:
            context.detail(f"probe failed: no answer within {PROBE_WITHIN:g} s")
        else:
            context.detail("")
            proof.beat()
