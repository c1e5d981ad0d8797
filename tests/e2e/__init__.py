"""Tests with a real browser. One browser and one app serve all of them; they end before any other test begins."""
