"""The suffixes of documents that can be read; without the readers, for the window."""

SUFFIXES = (
    ".txt",
    ".text",
    ".md",
    ".markdown",
    ".html",
    ".htm",
    ".xhtml",
    ".srt",
    ".vtt",
    ".pdf",
    ".docx",
    ".docm",
    ".pptx",
    ".epub",
)
