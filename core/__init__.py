"""Bluetit without its pages: no module here imports Streamlit."""
