"""The SQL of leaderboards."""
