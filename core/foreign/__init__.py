"""Models from elsewhere: read, tried out and asked in processes of their own, never in the server's."""
