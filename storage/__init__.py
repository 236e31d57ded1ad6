"""The memory: what is known, and the one door through which it changes."""
