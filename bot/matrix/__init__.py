"""The only code that knows the chat library: everything else meets the homeserver through these types."""
