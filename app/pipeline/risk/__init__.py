"""What a trader allows: limits, switches, sizes. Pure rules over values that `flow` collects."""
