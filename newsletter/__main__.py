"""Lets `python -m newsletter` be the command line."""

from newsletter.cli import main

if __name__ == "__main__":
    main()
