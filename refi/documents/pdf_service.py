"""A document drawn as PDF, the same bytes whenever and wherever it is drawn.

The font is a package of ours and is embedded; dates come from the record; nothing is compressed, since two
versions of zlib make different bytes of the same text.
"""

from __future__ import annotations

from datetime import UTC, datetime, time

from fpdf import FPDF
from fpdf.enums import Align, TableBordersLayout, WrapMode, XPos, YPos
from fpdf.fonts import FontFace
from pylopdf_fonts_zh_cn import sans_path

from refi.documents.layout import Block, Document, Facts, Heading, Paragraph, Signed, Table

FONT = "noto"
MARGIN = 20
GRAY = (110, 110, 110)
SHADE = (240, 242, 245)
LABELS = (38, 62)
"""Shares of the width that labels and what they say take."""


class _Letter(FPDF):
    """A page with the lender at the top, and the number and the page at the bottom."""

    def __init__(self, document: Document) -> None:
        super().__init__(format="A4")
        self.document = document
        self.set_compression(False)
        self.set_creation_date(datetime.combine(document.dated, time(), UTC))
        self.set_producer("refi")
        self.set_creator("refi")
        self.set_title(document.title)
        self.set_subject(document.number)
        self.set_lang(document.locale)
        self.add_font(FONT, "", sans_path())
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, margin=MARGIN + 5)
        self.add_page()

    def header(self) -> None:
        """The lender's name on every page."""
        self.set_font(FONT, size=8)
        self.set_text_color(*GRAY)
        self.cell(0, 6, self.document.lender, align=Align.R, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        self.set_text_color(0)

    def footer(self) -> None:
        """Number and page on every page."""
        self.set_y(-MARGIN)
        self.set_font(FONT, size=8)
        self.set_text_color(*GRAY)
        page = self.document.page.format(page=self.page_no(), pages="{nb}")
        self.cell(0, 6, self.document.number, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.TOP)
        self.cell(0, 6, page, align=Align.R)
        self.set_text_color(0)


def draw(document: Document) -> bytes:
    """The document's PDF. About half a second of work: call it in a thread."""
    letter = _Letter(document)
    letter.set_font(FONT, size=18)
    letter.cell(0, 14, document.title, align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    letter.ln(4)
    for block in document.blocks:
        _draw(letter, block)
    return bytes(letter.output())


def _draw(letter: _Letter, block: Block) -> None:
    if isinstance(block, Heading):
        letter.ln(3)
        letter.set_font(FONT, size=12)
        letter.cell(0, 8, block.text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    elif isinstance(block, Paragraph):
        letter.set_font(FONT, size=10.5)
        wrap = WrapMode.CHAR if letter.document.locale == "zh-CN" else WrapMode.WORD
        letter.multi_cell(
            0, 6.5, block.text, align=Align.L, wrapmode=wrap, new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
        letter.ln(1.5)
    elif isinstance(block, Facts):
        _facts(letter, block)
    elif isinstance(block, Table):
        _table(letter, block)
    else:
        _signed(letter, block)


def _facts(letter: _Letter, block: Facts) -> None:
    letter.set_font(FONT, size=9.5)
    with letter.table(
        first_row_as_headings=False,
        borders_layout=TableBordersLayout.NONE,
        col_widths=LABELS,
        text_align=(Align.L, Align.L),
        line_height=5.3,
    ) as drawn:
        for label, said in block.rows:
            row = drawn.row()
            row.cell(label, style=FontFace(color=GRAY))
            row.cell(said)


def _table(letter: _Letter, block: Table) -> None:
    letter.set_font(FONT, size=8)
    with letter.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        col_widths=block.widths,
        headings_style=FontFace(fill_color=SHADE),
        text_align=tuple(Align.L if place in block.left else Align.R for place in range(len(block.widths))),
        line_height=5.5,
    ) as drawn:
        for cells in (block.columns, *block.rows):
            row = drawn.row()
            for cell in cells:
                row.cell(cell)


def _signed(letter: _Letter, block: Signed) -> None:
    letter.ln(12)
    letter.set_font(FONT, size=10.5)
    for line in (block.name, block.day):
        letter.cell(0, 7, line, align=Align.R, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
