//! Where in a text something stands.

use memchr::{memchr_iter, memrchr};

/// A place in a text, as editors count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Position {
    /// From 1 on.
    pub(super) line: u64,
    /// In bytes, from 1 on.
    pub(super) column: u64,
    /// In bytes from the beginning, from 0 on.
    pub(super) offset: u64,
}

/// How far a text was gone through.
#[derive(Debug)]
pub(super) struct Page {
    lines: u64,
    line_start: u64,
    offset: u64,
}

impl Page {
    /// The beginning of a text.
    pub(super) fn new() -> Self {
        Self { lines: 0, line_start: 0, offset: 0 }
    }

    /// Goes on over what stands next, and says where that ends.
    pub(super) fn pass(&mut self, text: &[u8]) -> Position {
        if let Some(last) = memrchr(b'\n', text) {
            self.lines += memchr_iter(b'\n', &text[..=last]).count() as u64;
            self.line_start = self.offset + last as u64 + 1;
        }
        self.offset += text.len() as u64;
        Position { line: self.lines + 1, column: self.offset - self.line_start + 1, offset: self.offset }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_are_counted_over_all_that_was_passed() {
        let mut page = Page::new();
        let place = |Position { line, column, offset }| (line, column, offset);
        assert_eq!(place(page.pass(b"")), (1, 1, 0));
        assert_eq!(place(page.pass(b"abc")), (1, 4, 3));
        assert_eq!(place(page.pass(b"d\n")), (2, 1, 5));
        assert_eq!(place(page.pass(b"\n\nxy")), (4, 3, 9));
        assert_eq!(place(page.pass(b"z")), (4, 4, 10));
    }
}
