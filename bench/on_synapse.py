"""Cases on a real Synapse, which is the limit there: what a bot adds to it, and how fast it fans out."""

COMMANDS = None
FAN_OUT = None
