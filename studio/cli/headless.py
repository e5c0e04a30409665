"""Run jobs on the command line, until they have ended or Ctrl+C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType, TracebackType

from studio.cli.exit_status import DONE, INTERRUPTED, SOME_FAILED
from studio.cli.output import HumanOutput, JsonOutput, Output, Tally
from studio.engine.factory import make_engines
from studio.jobs.lanes import JobSource, Lanes, stop_engines
from studio.library.recipes.aigc_setting import label_from_settings
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Failed, ProblemError, Sentence
from studio.settings import Paths, load_settings, sweep_state


class Headless:
    """The engines and lanes of a command. On exit, stops them and closes the library.

    `if_nothing` is printed if there was nothing to do, `if_interrupted` after Ctrl+C, unless the
    output is JSON.
    """

    def __init__(
        self,
        library: Library,
        paths: Paths,
        registry: Registry,
        *,
        as_json: bool,
        stream_text: bool = False,
        if_nothing: Sentence | None = None,
        if_interrupted: Sentence | None = None,
    ) -> None:
        self._library = library
        sweep_state(paths)
        library.label = label_from_settings(load_settings(paths.settings)[0])
        self._engines = make_engines(logs=paths.logs, cache=paths.cache)
        self._registry = registry
        self._lanes: Lanes | None = None
        self.tally = Tally()
        self._output: Output
        if as_json:
            self._output = JsonOutput(self.tally)
        else:
            self._output = HumanOutput(
                self.tally,
                stream_text=stream_text,
                if_nothing=if_nothing,
                if_interrupted=if_interrupted,
            )

    def __enter__(self) -> Headless:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        stop_engines(self._engines)
        self._library.close()

    @property
    def last_companions(self) -> Sequence[str]:
        """The ids of the last jobs that ran before their turn, to share calls with another."""
        lanes = self._lanes.lanes if self._lanes is not None else ()
        return [job for lane in lanes for job in lane.last_taken[1:]]

    def run(
        self,
        jobs: JobSource,
        on_report: Callable[[object], None] = lambda _: None,
        wait: Callable[[threading.Event, Callable[[object], None]], bool] = lambda *_: False,
    ) -> int:
        """Run jobs, print their events, and return the exit status.

        `on_report` is called with every report before it is printed. `wait` is called when the
        source has no more jobs, with an event that is set by Ctrl+C, and with a function that
        prints events; if it returns True, the source has jobs again.
        """
        interrupted = threading.Event()
        lanes = self._lanes = Lanes(self._library, self._engines, self._registry, jobs)

        def stop(_number: int, _frame: FrameType | None) -> None:
            if interrupted.is_set():
                raise KeyboardInterrupt
            interrupted.set()
            # Not in the handler itself: it may have interrupted code that holds the locks.
            threading.Thread(target=lanes.cancel_all, daemon=True).start()

        def report(event: object) -> None:
            on_report(event)
            self._output.report(event)

        before = {number: signal.signal(number, stop) for number in _SIGNALS}
        try:
            lanes.run_all(report)
            while wait(interrupted, self._output.report):
                lanes.run_all(report)
            if interrupted.is_set():
                # Jobs of the queue that have not been claimed keep waiting.
                self._library.queue.cancel_claimed()
        except ProblemError as error:
            report(Failed(next(iter(lanes.lanes[0].last_taken), ""), error.problem))
        except KeyboardInterrupt:
            interrupted.set()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
        self.tally.interrupted = interrupted.is_set()
        self._output.finish()
        if interrupted.is_set():
            return INTERRUPTED
        return SOME_FAILED if self.tally.failed else DONE


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
