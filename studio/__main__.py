"""The one way in: the command line, and without a command the window."""

import sys


def main() -> None:
    """Run `studio`; never returns. Nothing else may be imported before `freeze_support`."""
    if getattr(sys, "frozen", False):  # elsewhere it does nothing, and its import takes 7 ms
        from multiprocessing import freeze_support

        freeze_support()
    import os

    # Child processes would import modules from the current folder, which may be a stranger's.
    os.environ["PYTHONSAFEPATH"] = "1"
    if sys.platform == "win32":
        os.environ["NODEFAULTCURRENTDIRECTORYINEXEPATH"] = "1"

    from studio.cli.main import run

    sys.exit(run(sys.argv[1:], _window))


def _window() -> int:
    from studio.ui.app import main as open_window

    return open_window(["studio"])


if __name__ == "__main__":
    main()
