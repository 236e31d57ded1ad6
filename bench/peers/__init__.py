"""The bots that we are measured beside: each is the smallest one of its kind that answers a command by an echo."""
