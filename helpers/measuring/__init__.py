"""Which device this is, how long a call takes on it, how much memory, and the bench that records both."""
