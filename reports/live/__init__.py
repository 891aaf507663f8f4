"""What is seen of devices while they are measured: lines of text, a page, metrics."""
