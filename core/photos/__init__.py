"""Photos in: bytes of any common format to an upright RGB image, and that image to what a network eats."""
