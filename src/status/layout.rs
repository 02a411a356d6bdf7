//! A screen as it grows, line by line: no line is wider than it, colour stands only where it is wanted, and in a locale without UTF-8 all is
//! ASCII.

use crate::standing::findings::Severity;

/// What a screen can show.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The most columns of a line.
    pub width: usize,
    /// Whether blocks and other characters than ASCII's can be shown.
    pub is_utf8: bool,
    /// Whether it is a terminal that wants colour.
    pub is_coloured: bool,
}

/// How a part of a line looks.
#[derive(Clone, Copy, PartialEq)]
pub enum Style {
    Plain,
    Bold,
    Dim,
    Red,
    Yellow,
    Green,
}

impl Style {
    /// Of what is wrong, or not.
    pub fn of(severity: Option<Severity>) -> Style {
        match severity {
            Some(Severity::Critical) => Style::Red,
            Some(Severity::Warning) => Style::Yellow,
            None => Style::Plain,
        }
    }

    fn code(self) -> Option<&'static str> {
        match self {
            Style::Plain => None,
            Style::Bold => Some("1"),
            Style::Dim => Some("2"),
            Style::Red => Some("31"),
            Style::Yellow => Some("33"),
            Style::Green => Some("32"),
        }
    }
}

/// The columns before what a line says: the mark of what is wrong.
const MARGIN: usize = 3;

/// Where the values of facts begin.
const VALUES: usize = 15;

const GAP: usize = 2;

/// A column of a table.
pub struct Column {
    pub title: &'static str,
    pub is_right: bool,
    /// Takes what the others leave, and is cut where that is too little. One of a table.
    pub is_flexible: bool,
}

impl Column {
    pub const fn left(title: &'static str) -> Column {
        Column { title, is_right: false, is_flexible: false }
    }

    pub const fn right(title: &'static str) -> Column {
        Column { title, is_right: true, is_flexible: false }
    }

    pub const fn flexible(title: &'static str) -> Column {
        Column { title, is_right: false, is_flexible: true }
    }
}

/// A row of a table.
pub struct Row {
    pub severity: Option<Severity>,
    pub cells: Vec<String>,
}

/// The screen.
pub struct Canvas {
    look: Look,
    text: String,
}

impl Canvas {
    pub fn new(look: Look) -> Canvas {
        Canvas { look, text: String::new() }
    }

    pub fn into_text(self) -> String {
        self.text
    }

    pub fn width(&self) -> usize {
        self.look.width
    }

    /// One line, cut where it is too wide.
    pub fn line(&mut self, parts: &[(Style, &str)]) {
        let mut left = self.look.width;
        for (style, part) in parts {
            let part = self.fit(part, left);
            left -= columns(&part).min(left);
            match style.code().filter(|_| self.look.is_coloured && !part.trim().is_empty()) {
                Some(code) => self.text += &format!("\x1b[{code}m{part}\x1b[0m"),
                None => self.text += &part,
            }
        }
        self.text.truncate(self.text.trim_end_matches(' ').len());
        self.text.push('\n');
    }

    /// A heading, with a line of space above it.
    pub fn heading(&mut self, heading: &str, more: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.line(&[(Style::Bold, heading), (Style::Dim, if more.is_empty() { "" } else { "  " }), (Style::Dim, more)]);
    }

    /// Text that goes on in further lines where it is too wide, with what is wrong in the margin.
    pub fn paragraph(&mut self, severity: Option<Severity>, words: &str) {
        self.wrapped(severity, "", 0, words.split(' '), " ");
    }

    /// What is so: a label, and values that each stay on one line where they can.
    pub fn fact(&mut self, severity: Option<Severity>, label: &str, values: &[String]) {
        self.wrapped(severity, label, VALUES - MARGIN, values.iter().map(String::as_str), ", ");
    }

    fn wrapped<'a>(
        &mut self,
        severity: Option<Severity>,
        label: &str,
        indent: usize,
        parts: impl Iterator<Item = &'a str>,
        separator: &str,
    ) {
        let room = self.look.width.saturating_sub(MARGIN + indent);
        let mut lines: Vec<String> = Vec::new();
        for part in parts {
            let part = self.printable(part);
            match lines.last_mut() {
                Some(line) if columns(line) + columns(separator) + columns(&part) < room => {
                    line.push_str(separator);
                    line.push_str(&part);
                }
                last => {
                    if let Some(line) = last {
                        line.push_str(separator.trim_end());
                    }
                    lines.push(part);
                }
            }
        }
        let style = Style::of(severity);
        for (index, line) in lines.iter().enumerate() {
            let (mark, label) = if index == 0 { (mark(severity), label) } else { ("", "") };
            let label = padded(label, indent, false);
            self.line(&[(style, &padded(mark, MARGIN, false)), (Style::Dim, &label), (style, line)]);
        }
    }

    /// A table; without rows, nothing.
    pub fn table(&mut self, table: &[Column], rows: &[Row]) {
        if rows.is_empty() {
            return;
        }
        let cell = |row: &Row, index: usize| row.cells.get(index).map(|cell| self.printable(cell)).unwrap_or_default();
        let cells: Vec<Vec<String>> =
            rows.iter().map(|row| (0..table.len()).map(|index| cell(row, index)).collect()).collect();
        let widest = |index: usize| {
            let of_cells = cells.iter().filter_map(|row| row.get(index)).map(|cell| columns(cell)).max();
            of_cells.unwrap_or(0).max(table[index].title.len())
        };
        let mut widths: Vec<usize> = (0..table.len()).map(widest).collect();
        let total: usize = MARGIN + widths.iter().sum::<usize>() + GAP * (table.len() - 1);
        let excess = total.saturating_sub(self.look.width);
        if let Some(flexible) = table.iter().position(|column| column.is_flexible) {
            widths[flexible] = widths[flexible].saturating_sub(excess).max(table[flexible].title.len());
        }
        let joined = |cells: Vec<String>| cells.join(&" ".repeat(GAP));
        let titles = table.iter().zip(&widths).map(|(column, width)| padded(column.title, *width, column.is_right));
        let titles = joined(titles.collect());
        self.line(&[(Style::Plain, &" ".repeat(MARGIN)), (Style::Dim, &titles)]);
        for (row, cells) in rows.iter().zip(cells) {
            let cells = cells.iter().zip(table).zip(&widths);
            let cells = cells.map(|((cell, column), width)| padded(&self.fit(cell, *width), *width, column.is_right));
            let (style, line) = (Style::of(row.severity), joined(cells.collect()));
            self.line(&[(style, &padded(mark(row.severity), MARGIN, false)), (style, &line)]);
        }
    }

    /// A bar of so many cells, of which a share is full. What is not nothing has a cell.
    pub fn bar(&self, share: f64, cells: usize) -> String {
        let (full, empty) = if self.look.is_utf8 { ("█", "░") } else { ("#", ".") };
        let least = if share > 0.0 { 1 } else { 0 };
        let filled = ((share * cells as f64).round() as usize).clamp(least, cells);
        full.repeat(filled) + &empty.repeat(cells - filled)
    }

    /// What fits into so many columns.
    fn fit(&self, text: &str, room: usize) -> String {
        let text = self.printable(text);
        if columns(&text) <= room {
            return text;
        }
        let end = if self.look.is_utf8 { "…" } else { "~" };
        let mut fitting = String::new();
        let mut left = room.saturating_sub(1);
        for character in text.chars() {
            let Some(rest) = left.checked_sub(columns_of(character)) else { break };
            left = rest;
            fitting.push(character);
        }
        if room == 0 { String::new() } else { fitting + end }
    }

    /// Without what moves the cursor, and without what the locale cannot show.
    fn printable(&self, text: &str) -> String {
        let characters = text.chars().filter(|character| !character.is_control());
        characters.map(|character| if self.look.is_utf8 || character.is_ascii() { character } else { '?' }).collect()
    }
}

fn mark(severity: Option<Severity>) -> &'static str {
    match severity {
        Some(Severity::Critical) => "!!",
        Some(Severity::Warning) => "!",
        None => "",
    }
}

fn padded(text: &str, width: usize, is_right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(columns(text)));
    if is_right { space + text } else { text.to_owned() + &space }
}

/// The columns that a text takes.
fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Scripts of East Asia and pictures take two.
fn columns_of(character: char) -> usize {
    match u32::from(character) {
        0x1100..=0x115F
        | 0x2E80..=0xA4CF
        | 0xAC00..=0xD7A3
        | 0xF900..=0xFAFF
        | 0xFE30..=0xFE6F
        | 0xFF00..=0xFF60
        | 0xFFE0..=0xFFE6
        | 0x1F300..=0x1FAFF
        | 0x20000..=0x3FFFD => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { width: 30, is_utf8: true, is_coloured: false };

    #[test]
    fn nothing_is_wider_than_the_screen() {
        let mut canvas = Canvas::new(LOOK);
        canvas.fact(Some(Severity::Warning), "Power", &["5.94 TiB".to_owned(), "608 GiB raw".to_owned()]);
        canvas.paragraph(None, "words that take more than a line of the screen");
        let row = |cells: [&str; 2]| Row { severity: None, cells: cells.map(str::to_owned).to_vec() };
        canvas.table(
            &[Column::right("id"), Column::flexible("name")],
            &[row(["1", "a name that is far too long for it"]), row(["20", "数据中心数据中心数据中心数据中心"])],
        );
        assert_eq!(
            canvas.into_text(),
            "!  Power       5.94 TiB,\n               608 GiB raw\n   words that take more than\n   a line of the screen\n\
             \u{20}  id  name\n    1  a name that is far too…\n   20  数据中心数据中心数据中…\n"
        );
    }

    #[test]
    fn without_utf_8_all_is_ascii_and_what_moves_the_cursor_is_left_out() {
        let mut canvas = Canvas::new(Look { is_utf8: false, ..LOOK });
        assert_eq!([canvas.bar(0.001, 4), canvas.bar(1.0, 4), canvas.bar(0.0, 4)], ["#...", "####", "...."]);
        canvas.line(&[(Style::Red, "a\x1b[2Jb\r\n é")]);
        assert_eq!(canvas.into_text(), "a[2Jb ?\n");
    }

    #[test]
    fn colour_ends_on_the_line_that_it_begins_on() {
        let mut canvas = Canvas::new(Look { is_coloured: true, ..LOOK });
        canvas.line(&[(Style::Red, "wrong"), (Style::Plain, " right")]);
        assert_eq!(canvas.into_text(), "\x1b[31mwrong\x1b[0m right\n");
    }
}
