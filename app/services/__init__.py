"""Services: one use case per function, one transaction each. Read facts, ask a rule, write,
announce."""
