"""Running jobs without a window: one after another, in the main thread, until Ctrl+C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Sequence
from types import FrameType, TracebackType

from studio.cli.exit_status import DONE, INTERRUPTED, SOME_FAILED
from studio.cli.output import HumanOutput, JsonOutput, Output, Tally
from studio.engine.factory import local_engine
from studio.jobs.runner import Runner
from studio.library.recipes.aigc_setting import label_of
from studio.library.records import Job
from studio.library.store import Library
from studio.models.registry import Registry
from studio.protocol import Failed, ProblemError
from studio.settings import Paths, load_settings


class Headless:
    """The engine and the runner of one command. As a context it closes them, and the library.

    `if_nothing` is said to a person where there was nothing to do, and `if_interrupted` after
    Ctrl+C.
    """

    def __init__(
        self,
        library: Library,
        paths: Paths,
        registry: Registry,
        *,
        as_json: bool,
        stream_text: bool = False,
        if_nothing: str = "",
        if_interrupted: str = "",
    ) -> None:
        self._library = library
        library.label = label_of(load_settings(paths.settings)[0])
        self._engine = local_engine(logs=paths.logs, cache=paths.cache)
        self._runner = Runner(library, self._engine, registry)
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
        self._engine.stop()
        self._library.close()

    def run(
        self,
        jobs: Iterable[Job],
        also: Callable[[object], None] = lambda _: None,
        companions: Callable[[Job, int], Sequence[Job]] = lambda *_: (),
    ) -> int:
        """Run jobs, print how it goes, and return the exit status.

        `also` hears every report too, before it is printed. `companions` gives jobs that are
        run together with one whose turn it is: at most so many rows in all.
        """
        interrupted = threading.Event()
        current: list[str] = []

        def stop(_number: int, _frame: FrameType | None) -> None:
            if interrupted.is_set():
                raise KeyboardInterrupt
            interrupted.set()
            # Not in the handler itself: it may have interrupted code that holds the same locks.
            for job in current:
                threading.Thread(target=self._runner.cancel, args=(job,), daemon=True).start()

        def report(event: object) -> None:
            also(event)
            self._output.report(event)

        before = {number: signal.signal(number, stop) for number in _SIGNALS}
        try:
            for job in jobs:
                if interrupted.is_set():
                    break
                together = [job, *companions(job, self._runner.rows_together(job))]
                current[:] = [job.id for job in together]
                self._runner.run_together(together, report)
            if interrupted.is_set():
                # What waits in the queue goes on waiting.
                self._library.cancel_claimed()
        except ProblemError as error:
            report(Failed(current[0] if current else "", error.problem))
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
