"""Addresses from people: links taken apart, checked, connected to and read, or pictures inside of an address."""
