"""What a start does first: changes of files that a kill cut short are taken back, before any turn looks at them."""

import logging
from functools import partial

import trio

from hermes.home import Home
from hermes.tools.files.journal import settle_left

log = logging.getLogger(__name__)

# Seconds. It is a few renames, and a disk that does not answer must not keep a gateway from its chats; the thread goes
# on when the disk does, and the next patch tries too.
SETTLE_WITHIN = 10.0


async def settle_changes(home: Home) -> None:
    """Take them back. Cancelled, or late: the thread that waits for the disk is left behind."""
    with trio.move_on_after(SETTLE_WITHIN) as scope:
        await trio.to_thread.run_sync(partial(settle_left, home.changes_dir), abandon_on_cancel=True)
    if scope.cancelled_caught:
        log.warning("changes of files that were cut short are not all taken back within %g seconds", SETTLE_WITHIN)
