"""``python -m kukkiri``: the command line without its script, for ``torchrun -m kukkiri`` too."""

from kukkiri.cli import main

if __name__ == "__main__":
    main()
