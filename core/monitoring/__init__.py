"""How a server and its work stand, for whoever watches over them."""
