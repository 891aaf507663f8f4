"""What continuous integration reads: verdicts and results in the formats of others."""
