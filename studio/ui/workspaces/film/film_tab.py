"""The Film tab: a row of shots above, the film that is made of them below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import randrange
from typing import TYPE_CHECKING

import msgspec
from PySide6.QtCore import QPoint, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.formats.suffixes import is_picture, pictures_in
from studio.formats.untrusted_files import is_file, is_folder
from studio.kinds.film import KIND, FilmRequest
from studio.protocol import Problem, ProblemError, Request
from studio.storyboard.board import MAX_SHOTS, Board, BoardShot, with_seeds
from studio.storyboard.board_files import BoardFiles, new_id
from studio.ui.gallery.shown_result_menu import ShownResultMenu
from studio.ui.media.video.video_panel import VideoPanel
from studio.ui.shell.paused_hint import PausedHint
from studio.ui.shell.state import AppState
from studio.ui.shell.tab_values import tab_values
from studio.ui.style.theme import GRID
from studio.ui.style.translations import translated
from studio.ui.widgets.buttons import dialog_button
from studio.ui.widgets.dropped_files import accepted_paths, dropped_paths
from studio.ui.widgets.empty_state import EmptyState
from studio.ui.widgets.run_bar import RunBar
from studio.ui.workspaces.film.animatic_panel import AnimaticPanel
from studio.ui.workspaces.film.board_page import BoardPage
from studio.ui.workspaces.film.making import Making, export
from studio.ui.workspaces.film.values import FilmValues

if TYPE_CHECKING:
    from studio.library.records import Asset
    from studio.storyboard.script import Script

TASK = KIND.task
_SAVE_MS = 800
_NOTHING, _SHOTS, _FILM, _PLAYED = range(4)
"""The pages."""
_SCRIPTS = "*.md *.txt *.csv *.tsv *.xlsx *.json *.jsonl"
_MAX_SEED = 2**31


class FilmTab(QWidget):
    """Makes the pictures and voices of a storyboard, and then its film."""

    def __init__(self, state: AppState, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state = state
        self._values = tab_values(state.settings, TASK, FilmValues)
        self._id = self._values.board
        self._film: Asset | None = None
        self._menu = ShownResultMenu(state, self)
        self.setAcceptDrops(True)
        self.making = Making(state, self)
        self.page = BoardPage(
            state.background,
            [
                (self.tr("Add shot"), "film.add", "plus", self._add_shot),
                (self.tr("Add pictures…"), "film.pictures", "images", self.choose_pictures),
                (self.tr("Open script…"), "film.script", "folder-open", self.choose_script),
                (self.tr("Play shots"), "film.play_shots", "play", self.play_shots),
            ],
            self,
        )
        self.title, self.settings, self.shots = (
            self.page.title,
            self.page.settings,
            self.page.shots,
        )
        self.variations = self.page.variations
        self.run_bar = RunBar(TASK, generate_text=self.tr("Make film"), parent=self)
        self.run_bar.extra.addWidget(PausedHint(state, TASK))
        self.parts = dialog_button(
            self.tr("Make pictures and voices"), "film.parts", self._make_parts, self, "images"
        )
        self.export = dialog_button(
            self.tr("Export…"), "film.export", self.choose_export, self, "upload"
        )
        self.export.setToolTip(
            self.tr("Film, subtitles, PDF and contact sheet, as files in a folder")
        )
        self.export.setEnabled(False)
        self.pages = dialog_button(
            self.tr("Show film"), "film.pages", self._turn_page, self, "film"
        )
        self.pages.setVisible(False)
        self.run_bar.leading.addWidget(self.parts)
        self.run_bar.leading.addWidget(self.pages)
        self.run_bar.leading.addWidget(self.export)
        self.run_bar.leading.addStretch(1)
        self._empty = EmptyState(
            KIND.icon,
            self.tr("From a script to a film"),
            self.tr(
                "Open a script, send one here from the Text tab, or drop pictures. Each shot has a "
                "picture to choose from, a voice, and a length; the film has subtitles."
            ),
            parent=self,
        )
        self._empty.set_actions(
            [
                (self.tr("Try an example"), self._try_example),
                (self.tr("Open script…"), self.choose_script),
                (self.tr("Add pictures…"), self.choose_pictures),
            ]
        )
        self.panel = VideoPanel("film", state.background, self)
        self.panel.failed.connect(lambda text: state.show_message(text, "warning"))
        self.panel.menu_requested.connect(self._open_menu)
        self.played = AnimaticPanel(state.background, self)
        self.played.failed.connect(lambda text: state.show_message(text, "warning"))
        self.result = QStackedWidget(self)
        self.result.setObjectName("film.result")
        self.result.setAccessibleName(self.tr("Result"))
        self.result.addWidget(self._empty)
        for page in (self.page, self.panel, self.played):
            self.result.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.result, 1)
        layout.addWidget(self.run_bar)
        self._save_timer = QTimer(self)
        self._save_timer.setSingleShot(True)
        self._save_timer.setInterval(_SAVE_MS)
        self._save_timer.timeout.connect(self._save)
        self._connect()
        self._show_state()

    # ---- running

    def board(self) -> Board:
        """Return the storyboard as it is shown."""
        return self.page.board()

    def generate(self) -> None:
        """Make what is missing, and the film."""
        self._start(with_film=True)

    def _make_parts(self) -> None:
        self._start(with_film=False)

    def _add_shot(self) -> None:
        self.shots.add([BoardShot(seed=randrange(_MAX_SEED))])

    def stop(self) -> None:
        """Cancel every job that has not ended."""
        self.making.stop()

    def focus_prompt(self) -> None:
        """Focus the title."""
        self.title.setFocus()

    def take(self, paths: Sequence[Path]) -> None:
        """Add a shot for each picture, also of those in folders."""
        found: list[Path] = []
        for path in paths:
            found += pictures_in(path) if is_folder(path) else [path] * is_picture(path)
        room = MAX_SHOTS - len(self.shots.shots())
        if len(found) > room:
            self._state.show_message(
                self.tr(
                    "A storyboard has at most {most} shots. `studio film` makes a film of more."
                ).format(most=MAX_SHOTS),
                "warning",
            )
        self.shots.add([BoardShot(picture=path.stem, file=str(path)) for path in found[:room]])

    def take_text(self, text: str) -> None:
        """Begin a storyboard with the shots of a script."""
        # Not at the top: the window would wait for what reads tables.
        from studio.storyboard.script import parse_script

        try:
            self._show_script(parse_script(text))
        except ProblemError as error:
            self._state.show_message(translated(error.problem.message), "warning")

    def open_script(self, path: Path) -> None:
        """Begin a storyboard with the shots of a file."""
        from studio.storyboard.script import read_script

        self._state.background.read(
            self, lambda: read_script(path), self._show_script, self._refused
        )

    def play_shots(self) -> None:
        """Play the shots as the film will be, with what there is of them."""
        library, board = self._state.library, self.board()
        if library is not None and board.shots:
            self._show_page(_PLAYED)
            self.played.play_board(library, self._id, board)

    def choose_script(self) -> None:
        """Let the person choose a script."""
        name, _ = QFileDialog.getOpenFileName(
            self, self.tr("Open script"), "", f"{self.tr('Scripts')} ({_SCRIPTS})"
        )
        if name:
            self.open_script(Path(name))

    def choose_pictures(self) -> None:
        """Let the person choose pictures."""
        names, _ = QFileDialog.getOpenFileNames(self, self.tr("Add pictures"))
        self.take([Path(name) for name in names])

    def choose_export(self) -> None:
        """Let the person choose a folder, and write film and papers there."""
        name = QFileDialog.getExistingDirectory(self, self.tr("Export to folder"))
        if name:
            self.export_to(Path(name))

    def export_to(self, folder: Path) -> None:
        """Write film, subtitles, PDF and contact sheet to a folder."""
        library, film, board, id = self._state.library, self._film, self.board(), self._id
        if library is None or film is None:
            return

        def done(written: Sequence[Path]) -> None:
            self._state.show_message(
                self.tr("{count} files were written to {folder}.").format(
                    count=len(written), folder=folder
                )
            )

        self._state.background.long(
            self, lambda: export(library, id, board, film, folder), done, self._refused
        )

    def _start(self, *, with_film: bool) -> None:
        board = self.board()
        if not board.shots:
            self._state.show_message(self.tr("Add a shot first."), "warning")
            return
        if self.making.is_running:
            return
        self._save()
        self.run_bar.set_running(True)
        self.run_bar.set_waiting()
        self._show_state()
        self.making.start(self._id, board, with_film=with_film)

    def _refused(self, problem: Problem) -> None:
        self._state.show_message(translated(problem.message), "warning")

    def _ended(self, status: str) -> None:
        self.run_bar.set_running(False)
        texts = {
            "done": self.tr("Finished"),
            "cancelled": self.tr("Stopped. What is there is not made again."),
        }
        self.run_bar.set_status(texts.get(status, self.tr("Failed")))
        self._show_state()

    # ---- showing

    def _show_script(self, script: Script) -> None:
        self._id = new_id()
        shots = with_seeds(script.shots, randrange(_MAX_SEED), self.variations.value())
        self._show_board(msgspec.structs.replace(self.board(), title=script.title, shots=shots))
        for note in script.notes:
            self._state.show_message(translated(note))
        self._changed()

    def _show_board(self, board: Board) -> None:
        self._film = None
        self.panel.stop()
        self._show_page(_SHOTS)
        self.page.show_board(board)
        self._show_state()
        self.making.look(self._id, board)

    def _show_film(self, asset: Asset) -> None:
        self._film = asset
        self.panel.show_video(asset.path, asset.duration or 0.0)
        self.panel.caption.set_text(asset.path.name)
        self._show_state()
        self._show_page(_FILM)

    def _show_state(self) -> None:
        has_shots = bool(self.shots.shots())
        if not has_shots:
            self._show_page(_NOTHING)
        elif self.result.currentIndex() == _NOTHING or (
            self._film is None and self.result.currentIndex() == _FILM
        ):
            self._show_page(_SHOTS)
        self.parts.setEnabled(has_shots and not self.making.is_running)
        self.export.setEnabled(self._film is not None)

    def _show_page(self, page: int) -> None:
        if page != _PLAYED:
            self.played.stop()
        self.result.setCurrentIndex(page)
        has_other = self._film is not None and page != _NOTHING
        self.pages.setVisible(has_other or page == _PLAYED)
        text = self.tr("Show film") if page == _SHOTS else self.tr("Show shots")
        self.pages.setText(text)
        self.pages.setAccessibleName(text)

    def _turn_page(self) -> None:
        self.panel.stop()
        self._show_page(_FILM if self.result.currentIndex() == _SHOTS else _SHOTS)

    def _open_menu(self, at: QPoint) -> None:
        if self._film is not None:
            self._menu.open(self._film.id, at)

    def _try_example(self) -> None:
        self.take_text(
            self.tr(
                "# A day in pictures\n\n| Picture | Voice |\n| --- | --- |\n"
                "| sun, 3d style | Good morning. The sun is up. |\n"
                "| red apple, 3d style | First, we eat a red apple. |\n"
                "| bicycle, 3d style | Then we ride the bicycle. |\n"
            )
        )

    # ---- set-up

    def _connect(self) -> None:
        self.run_bar.generate_clicked.connect(self.generate)
        self.run_bar.stop_clicked.connect(self.stop)
        self.page.changed.connect(self._changed)
        self.making.shown.connect(self.shots.show_made)
        self.making.film.connect(self._show_film)
        bar = self.run_bar
        self.making.loading.connect(lambda e: bar.set_loading(translated(e.stage), e.fraction))
        self.making.progress.connect(lambda e: bar.set_progress(e.step, e.steps, e.seconds_left))
        self.making.refused.connect(self._refused)
        self.making.ended.connect(self._ended)
        self._state.library_opened.connect(self._read_board)
        self._state.closing.connect(self.panel.stop)
        self._state.closing.connect(self.played.stop)

    def slices(self) -> Iterator[Callable[[], object]]:
        """Yield the reading of the stored storyboard, for after the first paint."""
        yield self._read_board

    def _read_board(self) -> None:
        library, id = self._state.library, self._id
        if library is None or not id or self.shots.shots():
            return

        def show(board: Board | None) -> None:
            if board is not None and self._id == id and not self.shots.shots():
                self._show_board(board)

        self._state.background.read(
            self, lambda: BoardFiles(library.root).read(id), show, self._refused
        )

    def _changed(self) -> None:
        self._save_timer.start()
        self._show_state()

    def _save(self) -> None:
        """Write the storyboard to the library."""
        self._save_timer.stop()
        library, board = self._state.library, self.board()
        if library is None or (not board.shots and not self._id):
            return
        self._id = self._id or new_id()
        self._values.board, id = self._id, self._id
        self._state.save_soon()
        self._state.background.in_order(
            self, lambda: BoardFiles(library.root).write(id, board), None, self._refused
        )

    def values_to_settings(self) -> None:
        """Store the storyboard that is shown."""
        if self._save_timer.isActive():
            self._save()

    def restore(self, source: Asset | Request) -> None:
        """Show the shots of a film."""
        request = source if isinstance(source, Request) else source.recipe.request
        if not isinstance(request, FilmRequest):
            return
        self._id = new_id()
        files = [Path(file.path) for file in request.pictures]
        shots = [
            BoardShot(files[shot.picture].stem, shot.text, shot.seconds, shot.motion or "auto")
            for shot in request.shots
        ] or [BoardShot(path.stem) for path in files]
        places = [shot.picture for shot in request.shots] or list(range(len(files)))
        named = [
            msgspec.structs.replace(shot, file=str(files[place]))
            for shot, place in zip(shots[:MAX_SHOTS], places, strict=False)
        ]
        self._show_board(Board(title=request.title, shots=tuple(named)))
        if not isinstance(source, Request) and is_file(source.path):
            self._show_film(source)

    # ---- dropping

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted_paths(event, dropped_paths)

    def dropEvent(self, event: QDropEvent) -> None:
        paths = accepted_paths(event, dropped_paths)
        if paths:
            self.take(paths)
