"""How a class reaches this computer: its addresses, the certificate, and the door at which browsers knock."""
