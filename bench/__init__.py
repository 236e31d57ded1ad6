"""What things cost, and how fast we are beside other bots: measured by hand, never as a test that counts time."""
