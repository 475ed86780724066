"""Workers: what runs outside a request. Each job works on whatever is due in the database."""
