"""What a report says of its runs, a part of the page each (order.py)."""
