"""What things cost, measured: run by hand, never as a test, each figure with the command that yields it."""
