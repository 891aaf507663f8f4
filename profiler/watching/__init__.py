"""Looking at devices while they are measured: collectors in threads, bounded memories, and views of what came."""
