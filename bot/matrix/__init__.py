"""The only code that knows the chat library: everything else meets the homeserver through these types."""

from storage.optional_libraries import without

# The chat library keeps its keys by peewee, which loads the drivers of all databases; its store is a SQLite file.
with without("psycopg"):
    import peewee  # type: ignore[import-untyped]  # noqa: F401

# It seals media by pycryptodome, which calls C through cffi and its parser of headers, or without them through ctypes.
with without("cffi"):
    import Crypto.Util._raw_api  # noqa: F401
