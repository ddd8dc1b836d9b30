//! Results on stdout: text for people, or one JSON object.

use crate::error::{CliError, Result};
use serde_json::Value;
use std::io::{ErrorKind, Write};

/// Writes a result and its line end. A reader that has seen enough (closed pipe) is no error.
pub(crate) fn emit(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", lines_shown(text)).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(CliError::io("cannot write to stdout").caused_by(e)),
        _ => Ok(()),
    }
}

/// Writes one JSON object.
pub(crate) fn emit_json(value: &Value) -> Result<()> {
    emit(&format!("{value:#}"))
}

/// What a terminal obeys, and what reorders the text beside it.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Spells such characters out, as JSON does.
fn spelled_out(text: &str, is_obeyed: impl Fn(char) -> bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) {
            shown += &format!("\\u{:04x}", u32::from(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Text that may hold words of somebody else's file: these cannot move the cursor or clear the screen.
pub(crate) fn lines_shown(text: &str) -> String {
    spelled_out(text, |c| c != '\n' && is_obeyed(c))
}

/// Words of somebody else's file: they stay on their line, too, so that they are not taken for a verdict.
pub(crate) fn shown(words: &str) -> String {
    spelled_out(words, is_obeyed)
}

/// Lines of name and value, values aligned.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(String, String)>);

impl Table {
    /// No lines.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a line.
    pub(crate) fn row(&mut self, name: &str, value: impl Into<String>) {
        self.0.push((name.to_owned(), value.into()));
    }

    /// The text, without a final line end.
    pub(crate) fn text(&self) -> String {
        let width = self.0.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let lines = self.0.iter().map(|(name, value)| format!("  {name:width$}  {value}"));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Digits in groups of three.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in bytes.
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    let unit = UNITS.iter().find(|(_, size)| n >= *size);
    unit.map_or_else(|| format!("{n} B"), |(name, size)| format!("{:.1} {name}", n as f64 / *size as f64))
}

/// A duration.
pub(crate) fn seconds(s: f64) -> String {
    if s < 0.1 { format!("{:.1} ms", s * 1000.0) } else { format!("{s:.2} s") }
}

/// A share in per cent.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_others_are_shown_and_not_obeyed() {
        assert_eq!(shown("a\u{1b}[2J\r\nVALID"), "a\\u001b[2J\\u000d\\u000aVALID");
        assert_eq!(shown("\u{202e}DILAV\u{85}"), "\\u202eDILAV\\u0085");
        assert_eq!(lines_shown("two\nlines\u{7}, é"), "two\nlines\\u0007, é");
        let object = serde_json::json!({ "name": "\u{9b}2J\u{2066}\n" });
        let read: Value = serde_json::from_str(&lines_shown(&format!("{object:#}"))).unwrap();
        assert_eq!(read, object, "JSON stays what it says");
    }

    #[test]
    fn numbers_read_well() {
        let groups: Vec<String> = [0, 999, 1000, 1_234_567].map(grouped).into();
        assert_eq!(groups, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((bytes(12), bytes(1_500), bytes(2_000_000)), ("12 B".into(), "1.5 kB".into(), "2.0 MB".into()));
        assert_eq!((seconds(0.0123), seconds(1.5)), ("12.3 ms".into(), "1.50 s".into()));
        assert_eq!(percent(0.9811), "98.1 %");
    }
}
