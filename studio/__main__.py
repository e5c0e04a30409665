"""The one way in: the command line, and without a command the window."""

from multiprocessing import freeze_support


def main() -> None:
    """Run `studio`; never returns. Nothing else may be imported before `freeze_support`."""
    freeze_support()
    import sys

    from studio.cli.main import run

    sys.exit(run(sys.argv[1:], _window))


def _window() -> int:
    from studio.ui.app import main as open_window

    return open_window(["studio"])


if __name__ == "__main__":
    main()
