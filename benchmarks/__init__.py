"""Benchmarks: each program prints one JSON object; ratios are taken within one run, because machines are noisy."""
