"""What folders, file names, tables and files beside photos say about their classes; pure, nothing is opened."""
