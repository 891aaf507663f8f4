"""Runs for the viewers of traces: ui.perfetto.dev and chrome://tracing."""
