"""One answer with what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QPen
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.formats.chat.thoughts import ThoughtAnswer, split_thoughts
from studio.kinds.registry import AnyKind
from studio.kinds.sources import Source
from studio.protocol import Sentence
from studio.ui.gallery.review_states import state_title, text_note
from studio.ui.style.icons import icon
from studio.ui.style.theme import GRID, Severity, emphasise, mute
from studio.ui.style.translations import tr, translated
from studio.ui.widgets.buttons import tool_button
from studio.ui.widgets.plain_text import plain_label, plain_tooltip
from studio.ui.widgets.tinted_label import TintedLabel
from studio.ui.workspaces.text.answer_text import AnswerText
from studio.ui.workspaces.text.conversation import Answer
from studio.ui.workspaces.text.folded_text import folded
from studio.ui.workspaces.text.send_target import send_targets
from studio.ui.workspaces.text.sources.links import linked
from studio.ui.workspaces.text.thoughts import Thoughts
from studio.ui.workspaces.text.version_switch import VersionSwitch
from studio.ui.workspaces.text.word_places import place_in_source

if TYPE_CHECKING:
    from studio.ui.workspaces.text.findings_box import FindingsBox
    from studio.ui.workspaces.text.sources.sources_box import SourcesBox
    from studio.writing.facts.compare import FactCheck


class AnswerCard(QFrame):
    """The answer of a turn, or with `is_variation` one of several that can be selected.

    A variation is folded after its first lines until "Show all" is clicked.
    """

    copy_clicked = Signal(int)
    send_clicked = Signal(int, str)
    """The index of the answer, and the kind whose tab takes texts, such as Voice."""
    edit_clicked = Signal(int)
    review_clicked = Signal(int)
    use_clicked = Signal(int)
    unfold_clicked = Signal(int)
    regenerate_clicked = Signal()
    continue_clicked = Signal(int)
    again_clicked = Signal(int)
    passage_clicked = Signal(int, int)
    """The index of the answer, and the number of a passage that it rests on."""
    word_clicked = Signal(int, str, object)
    """The index of the answer, its text before a word, and where the word is on the screen."""

    def __init__(self, is_variation: bool, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.index = 0
        self.sources: tuple[Source, ...] = ()
        """The documents that the answer was made from; set before `show_answer`."""
        self.review = ""
        """The state of its review; set before `show_answer`."""
        self._is_variation = is_variation
        self._is_chosen = False
        self._before = self._source = ""
        shape = QFrame.Shape.StyledPanel if is_variation else QFrame.Shape.NoFrame
        self.setFrameShape(shape)
        self._heading = plain_label(parent=self)
        emphasise(self._heading)
        self._seed = plain_label(parent=self)
        mute(self._seed)
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setRetainSizeWhenHidden(True)
        self._seed.setSizePolicy(policy)
        self.use = QToolButton(self)
        self.use.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.use.setAutoRaise(True)
        self.use.clicked.connect(lambda: self.use_clicked.emit(self.index))
        self.regenerate = tool_button(
            "refresh-cw", self.tr("Regenerate with another seed"), parent=self
        )
        self.regenerate.setIcon(icon("refresh-cw", "muted"))
        self.regenerate.clicked.connect(self.regenerate_clicked)
        self._copy = tool_button("copy", self.tr("Copy this answer"), parent=self)
        self._copy.setIcon(icon("copy", "muted"))
        self._copy.clicked.connect(lambda: self.copy_clicked.emit(self.index))
        self.sends = [self._send_button(kind) for kind in send_targets()]
        self.edit = tool_button("pencil", self.tr("Edit this text"), "text.edit", self)
        self.edit.setIcon(icon("pencil", "muted"))
        self.edit.clicked.connect(lambda: self.edit_clicked.emit(self.index))
        self.decide = tool_button("shield-check", self.tr("Review…"), "text.review", self)
        self.decide.setIcon(icon("shield-check", "muted"))
        self.decide.clicked.connect(lambda: self.review_clicked.emit(self.index))
        self.words = tool_button(
            "arrow-left-right",
            self.tr("Other words: click a word of the answer"),
            "text.words",
            self,
        )
        self.words.setIcon(icon("arrow-left-right", "muted"))
        self.words.setCheckable(True)
        self.words.toggled.connect(self._set_picks_words)
        self.switch = VersionSwitch(self.tr("Earlier variation"), self.tr("Later variation"), self)
        self._thoughts: Thoughts | None = None
        self.body = AnswerText(True, self)
        self.body.word_clicked.connect(self._word_clicked)
        self.body.passage_clicked.connect(lambda n: self.passage_clicked.emit(self.index, n))
        self.show_all = QPushButton(self.tr("Show all"), self)
        self.show_all.setFlat(True)
        self.show_all.setAccessibleName(self.show_all.text())
        self.show_all.clicked.connect(lambda: self.unfold_clicked.emit(self.index))
        self.show_all.hide()
        self._note = TintedLabel(self)
        self._note.setWordWrap(True)
        self._note.hide()
        self.go_on = QPushButton(self.tr("Continue"), self)
        self.go_on.setIcon(icon("play"))
        self.go_on.setAccessibleName(self.go_on.text())
        self.go_on.setToolTip(self.tr("Write on from where this answer ends"))
        self.go_on.clicked.connect(lambda: self.continue_clicked.emit(self.index))
        self.go_on.hide()
        self._parts = QVBoxLayout(self)
        self._parts.setSpacing(GRID // 2)
        head = QHBoxLayout()
        foot = QHBoxLayout()
        note = QHBoxLayout()
        for row in (head, foot, note):
            row.setSpacing(GRID // 2)
        note.setSpacing(GRID)
        note.addWidget(self._note, 1)
        note.addWidget(self.go_on, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._heading)
        foot.addWidget(self.use)
        foot.addWidget(self.switch)
        for button in (self._copy, self.edit, *self.sends, self.regenerate):
            (head if is_variation else foot).addWidget(button)
        foot.addWidget(self.words)
        foot.addWidget(self.decide)
        if is_variation:
            head.insertWidget(1, self._seed, 1)
            foot.addStretch(1)
            self._parts.setContentsMargins(2 * GRID, GRID, GRID, GRID)
            self._parts.addLayout(head)
        else:
            foot.addWidget(self._seed, 1)
            self._parts.setContentsMargins(0, 0, 0, 0)
            self._heading.hide()
        self._parts.addWidget(self.body)
        self._findings: FindingsBox | None = None
        self._sources_box: SourcesBox | None = None
        self._parts.addWidget(self.show_all, 0, Qt.AlignmentFlag.AlignLeft)
        self._parts.addLayout(note)
        self._parts.addStretch(1)
        self._parts.addLayout(foot)
        self.switch.hide()
        self.use.hide()
        for button in self.sends:
            button.hide()
        self.edit.hide()
        self.decide.hide()
        self.regenerate.setVisible(not is_variation)

    def show_answer(
        self,
        answer: Answer,
        heading: str,
        finished: bool,
        waiting: str,
        is_folded: bool = False,
        is_of_form: bool = False,
    ) -> None:
        """Show an answer, or the note `waiting` while it has no text."""
        self._heading.setText(heading)
        seed = "" if answer.seed is None else self.tr("seed {seed}").format(seed=answer.seed)
        self._seed.setText(seed)
        for label in (self._heading, self._seed):
            label.setToolTip(plain_tooltip("\n".join(part for part in (seed, answer.path) if part)))
        parts = split_thoughts(answer.text)
        self._show_thoughts(parts, finished)
        whole = parts.answer
        if is_of_form and finished:
            from studio.writing.forms.readable import readable

            whole = readable(whole)
        shown = folded(whole) if is_folded else whole
        is_part = len(shown) < len(whole)
        # The beginning of a longer answer does not change any more.
        if finished and self.sources:
            shown = linked(shown, self.sources)
        self.body.note = text_note(self.review)
        self.body.show_answer(shown, finished or is_part)
        self.body.setVisible(bool(parts.answer))
        self.show_all.setVisible(is_part)
        self._copy.setVisible(bool(answer.text))
        for button in self.sends:
            button.setVisible(finished and bool(parts.answer))
        self.edit.setVisible(finished and bool(parts.answer) and bool(answer.asset))
        self.decide.setVisible(finished and bool(answer.asset) and bool(self.review))
        self.decide.setToolTip(
            plain_tooltip(self.tr("Review: {state}").format(state=state_title(self.review)))
        )
        self._before = answer.text[: len(answer.text) - len(parts.answer)]
        self._source = parts.answer
        # With links in it, the shown text is not the model's any more.
        can_pick = finished and bool(parts.answer) and not (self._is_variation or self.sources)
        self.words.setVisible(can_pick)
        if not can_pick:
            self.words.setChecked(False)
        self._show_sources(parts.answer if finished else "")
        self._seed.setVisible(bool(answer.text) or self._is_variation)
        failed = translated(answer.failed) if isinstance(answer.failed, Sentence) else answer.failed
        note, severity = self._note_on(answer, failed, waiting, finished)
        self._note.show_text(note, severity)
        self._note.setVisible(bool(note))
        self.go_on.setVisible(
            finished and bool(answer.text) and (answer.stopped or answer.reached_limit)
        )

    def _send_button(self, kind: AnyKind) -> QToolButton:
        button = tool_button(kind.icon, tr(kind.text_action), f"text.send_on.{kind.task}", self)
        button.setIcon(icon(kind.icon, "muted"))
        button.clicked.connect(lambda: self.send_clicked.emit(self.index, kind.task))
        return button

    def _show_sources(self, answer: str) -> None:
        if self._sources_box is None:
            if not self.sources:
                return
            from studio.ui.workspaces.text.sources.sources_box import SourcesBox

            self._sources_box = SourcesBox(self)
            self._sources_box.passage_clicked.connect(
                lambda number: self.passage_clicked.emit(self.index, number)
            )
            self._parts.insertWidget(self._parts.indexOf(self.show_all) + 1, self._sources_box)
        self._sources_box.setVisible(bool(self.sources))
        self._sources_box.show_sources(self.sources, answer)

    def show_check(self, found: FactCheck | None, can_repeat: bool, review: str = "") -> None:
        """Show what the checks of a form found in the answer; None if it was not checked."""
        if self._findings is None:
            if found is None:
                return
            from studio.ui.workspaces.text.findings_box import FindingsBox

            self._findings = FindingsBox(self)
            self._findings.again_clicked.connect(lambda: self.again_clicked.emit(self.index))
            self._parts.insertWidget(self._parts.indexOf(self.show_all) + 1, self._findings)
        self._findings.setVisible(found is not None)
        if found is not None:
            self._findings.show_check(found, can_repeat, review)
            self._findings.mark(self.body, self._source, found)

    def _set_picks_words(self, picks: bool) -> None:
        self.body.picks_words = picks
        shape = Qt.CursorShape.PointingHandCursor if picks else Qt.CursorShape.IBeamCursor
        self.body.viewport().setCursor(shape)

    def _word_clicked(self, start: int, length: int, place: object) -> None:
        rendered = self.body.toPlainText()
        found = place_in_source(self._source, rendered, start, length)
        if found is not None:
            self.word_clicked.emit(self.index, self._before + self._source[:found], place)

    def _note_on(
        self, answer: Answer, failed: str, waiting: str, finished: bool
    ) -> tuple[str, Severity | None]:
        if failed:
            return failed, "error"
        if not answer.text:
            return waiting, None
        if finished and answer.stopped:
            return self.tr("Stopped before it was finished."), "warning"
        if finished and answer.reached_limit:
            return self.tr("Reached the length limit."), None
        return "", None

    def _show_thoughts(self, parts: ThoughtAnswer, finished: bool) -> None:
        if self._thoughts is None and parts.thoughts:
            self._thoughts = Thoughts(self)
            self._parts.insertWidget(self._parts.indexOf(self.body), self._thoughts)
        if self._thoughts is not None:
            self._thoughts.show_thoughts(parts, finished)

    def show_choice(self, chosen: bool, can_be_chosen: bool) -> None:
        """Show whether the conversation continues with this answer, or could."""
        self.use.setVisible(can_be_chosen)
        # A disabled button would be grey.
        self.use.setCheckable(chosen)
        self.use.setChecked(chosen)
        if chosen:
            self.use.setText(self.tr("Selected"))
            self.use.setIcon(icon("check"))
            self.use.setToolTip(self.tr("The conversation continues with this answer"))
        else:
            self.use.setText(self.tr("Select"))
            self.use.setIcon(icon("circle-dashed"))
            self.use.setToolTip(self.tr("Continue the conversation with this answer"))
        self.use.setAccessibleName(self.use.text())
        if chosen != self._is_chosen:
            self._is_chosen = chosen
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._is_chosen:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Accent), 2))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(1, 1, -1, -1), GRID - 1, GRID - 1)
