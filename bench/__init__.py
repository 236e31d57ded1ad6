"""How fast we are beside other bots: measured side by side in one run, never as a test that counts time."""
