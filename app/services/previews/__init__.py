"""What people will receive, before it is sent: previews of each channel, exact requests, everybody's copies."""
