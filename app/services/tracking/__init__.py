"""What became of recipients: deliveries, dead letters, receipts, bounces, and the numbers held against the rows."""
