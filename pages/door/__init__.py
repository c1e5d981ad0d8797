"""Where whoever is not let in yet comes in: a light page of our own, which needs neither Streamlit nor scripts."""
