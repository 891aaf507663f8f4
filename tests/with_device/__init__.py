"""What needs a real device; each part says what, and skips where it is not there."""
