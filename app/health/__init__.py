"""Is it well: for a load balancer, for a trader, and the log for an admin."""
