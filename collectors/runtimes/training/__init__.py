"""Steps of training as programs: executed as any command, their windows by printed marks (docs/commands.md)."""
