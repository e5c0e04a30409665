"""Texts as files for other programs: Markdown, web page, Word document, PDF, subtitles."""
