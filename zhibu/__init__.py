"""The front door: the command line and the composition of all rooms."""

from storage.sqlite_library import use_bundled

# Before any room is imported: the chat library imports sqlite3 too, and whoever is first decides which one all get.
use_bundled()
