"""The homeserver as the bot sees it: hear a batch, send an event, keep rooms; nothing here retries by itself."""

from __future__ import annotations

from bot.matrix.batches import Batches
from bot.matrix.downloads import Downloads
from bot.matrix.history import History
from bot.matrix.reports import Reports
from bot.matrix.rooms import Rooms
from bot.matrix.sending import Sending
from bot.matrix.uploads import Uploads


class Homeserver(Batches, Sending, Rooms, History, Uploads, Downloads, Reports):
    """One account on one device. Every method raises Fault when it does not succeed, and none of them tries again."""
