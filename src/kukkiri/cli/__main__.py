"""``python -m kukkiri.cli``: the command line without its script."""

from kukkiri.cli import main

if __name__ == "__main__":
    main()
