"""What the server does besides pages: how it starts and stops, and what browsers fetch by themselves."""
