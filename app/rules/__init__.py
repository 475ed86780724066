"""Rules: every decision of the product, pure: no Flask, SQL, Redis, network, clock, random, log."""
