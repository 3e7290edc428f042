"""The leaderboard: one row a scored run, its columns, its order."""
