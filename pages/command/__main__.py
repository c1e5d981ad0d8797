"""`python -m pages.command` is `bluetit`, where that has not been installed."""

from pages.command.main import main

if __name__ == "__main__":
    main()
