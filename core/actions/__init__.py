"""What happens when a model sees one of its classes on a live camera: a picture, a sound, words, a colour."""
