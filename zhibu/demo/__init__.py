"""A sample branch on a real homeserver, for newcomers and for the journeys of the tests."""
