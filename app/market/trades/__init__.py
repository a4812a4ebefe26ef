"""The tape: what anybody traded on a market. Our own executions are fills."""
