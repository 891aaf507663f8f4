"""What is put on a phone, and what sees to it that nothing stays there."""
