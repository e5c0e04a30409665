"""Small documents of every kind that can be read, made by the libraries that write them."""

from __future__ import annotations

import io
import zipfile

from docx import Document as Word
from pptx import Presentation

_CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OPS/book.opf"/></rootfiles></container>'
)
_PACKAGE = (
    '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
    '<item id="b" href="two%20.xhtml"/><item id="a" href="one.xhtml"/></manifest>'
    '<spine><itemref idref="a"/><itemref idref="b"/><itemref idref="gone"/></spine></package>'
)
HTML = (
    "<!doctype html><html><head><title>T</title><style>p{}</style></head><body><h1>First</h1>"
    "<p>A &amp; b<script>alert(1)</script><p>The <b>fox</b> sleeps.<table><tr><td>1<td>2</table>"
    "<h2>第二节</h2><pre>x  y</pre>狐狸睡了。</body></html>"
)
MARKDOWN = (
    "---\nrecipe: x\n---\n# One\n\nText of one.\n\n```\n# no heading\n```\n\n## 第二节\n狐狸。\n"
)
SRT = "1\n00:00:01,000 --> 00:00:02,500\n<i>Hello</i> fox\n\n2\n00:01:03,000 --> 00:01:04,000\n42\n"


def pdf(*pages: str, font: str = "/Helvetica") -> bytes:
    """Return a PDF with a line of ASCII on each page; "" is an empty page."""
    objects = ["<</Type/Catalog/Pages 2 0 R>>", ""]
    kids = []
    for page in pages:
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents {len(objects) + 2} 0 R"
            f"/Resources<</Font<</F <</Type/Font/Subtype/Type1/BaseFont{font}>>>>>>>>"
        )
        stream = f"BT /F 12 Tf 50 700 Td ({page}) Tj ET" if page else ""
        objects.append(f"<</Length {len(stream)}>>stream\n{stream}\nendstream")
    objects[1] = f"<</Type/Pages/Kids[{' '.join(kids)}]/Count {len(kids)}>>"
    text = "%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(text))
        text += f"{number} 0 obj{content}endobj\n"
    start = len(text)
    text += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    text += "".join(f"{place:010} 00000 n \n" for place in places)
    text += f"trailer<</Root 1 0 R/Size {len(objects) + 1}>>\nstartxref\n{start}\n%%EOF"
    return text.encode()


def docx() -> bytes:
    """Return a Word document of two sections and a table."""
    document = Word()
    document.add_paragraph("Before all headings.")
    document.add_heading("第一章", 1)
    document.add_paragraph("狐狸睡了。")
    table = document.add_table(rows=1, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "price", "42"
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def pptx() -> bytes:
    """Return a presentation of two slides, one with notes."""
    presentation = Presentation()
    for title in ("The fox", "狐狸"):
        slide = presentation.slides.add_slide(presentation.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = f"About {title}"
    slide.notes_slide.notes_text_frame.text = "Say it slowly"
    file = io.BytesIO()
    presentation.save(file)
    return file.getvalue()


def epub(more: dict[str, str] | None = None, container: str = _CONTAINER) -> bytes:
    """Return an e-book of two chapters, and a chapter that is not there."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("mimetype", "application/epub+zip")
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("OPS/book.opf", _PACKAGE)
        archive.writestr("OPS/one.xhtml", "<html><body><h1>One</h1><p>The fox.</p></body></html>")
        archive.writestr("OPS/two .xhtml", "<html><body><h2>二</h2>狐狸。</body></html>")
        for name, text in (more or {}).items():
            archive.writestr(name, text)
    return file.getvalue()


def all_kinds() -> dict[str, bytes]:
    """Return a document of each kind by its suffix."""
    return {
        ".txt": "The fox sleeps.\n\n狐狸睡了。".encode(),
        ".md": MARKDOWN.encode(),
        ".html": HTML.encode(),
        ".srt": SRT.encode(),
        ".pdf": pdf("The fox sleeps.", "Page two"),
        ".docx": docx(),
        ".pptx": pptx(),
        ".epub": epub(),
    }
