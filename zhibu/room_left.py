"""How much room there is left on the disks that matter: those of the settings, the database and the backups."""

from __future__ import annotations

import shutil
from pathlib import Path

from storage.engines import sqlite_file
from zhibu.config import Config


def least_room(config: Config) -> tuple[int, Path]:
    """Return how many bytes are free where there is the least room, and where that is."""
    file = sqlite_file(config.database)
    wanted = (config.folder, config.path(config.backup.folder), *([file.parent] if file else []))
    return min((shutil.disk_usage(place).free, place) for place in map(nearest, wanted))


def nearest(folder: Path) -> Path:
    """Return the folder, or what is there of the way to it."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    return place
