"""What is told to people, in words and numbers, whoever draws it: without Streamlit."""
