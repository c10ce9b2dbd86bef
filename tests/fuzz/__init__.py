"""What visitors and callers may give, made up and damaged thousands of times: `make fuzz`."""
