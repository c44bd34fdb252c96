//! Reading a text of any length through a window.

use std::io::{self, Read};

use bitting_core::key::{FoundKey, KeyFinder};
use zeroize::Zeroizing;

use super::page::{Page, Position};

/// How much is looked at together: small enough to stay in the processor's cache.
const WINDOW: usize = 256 << 10;

/// A window that is moved over one text after the other. What was seen through it is wiped in the end.
pub(super) struct Reader<'f> {
    finder: &'f KeyFinder,
    window: Zeroizing<Vec<u8>>,
}

impl<'f> Reader<'f> {
    pub(super) fn new(finder: &'f KeyFinder) -> Self {
        Self::with_window(finder, WINDOW)
    }

    fn with_window(finder: &'f KeyFinder, size: usize) -> Self {
        // A key, what stands on both sides of it, and something to go on with.
        let size = size.max(2 * (finder.longest() + 2));
        Self { finder, window: Zeroizing::new(vec![0; size]) }
    }

    /// Reads a text to its end, says what is found, and returns how many bytes it had.
    ///
    /// # Errors
    /// If it cannot be read; what was found until then was said.
    pub(super) fn read(&mut self, text: &mut impl Read, mut found: impl FnMut(Position, &FoundKey<'_>)) -> io::Result<u64> {
        let longest = self.finder.longest();
        let (mut page, mut filled, mut from, mut all) = (Page::new(), 0, 0, 0);
        loop {
            let read = fill(text, &mut self.window[filled..])?;
            filled += read;
            all += read as u64;
            let is_last = filled < self.window.len();
            // Of a key that begins later the end has not been read yet, or what follows it.
            let until = if is_last { filled } else { filled - longest };
            let seen = &self.window[..filled];
            let mut passed = from;
            for key in self.finder.find(seen, from..until) {
                let position = page.pass(&seen[passed..key.at.start]);
                passed = key.at.start;
                found(position, &key);
            }
            page.pass(&seen[passed..until]);
            if is_last {
                return Ok(all);
            }
            // One byte more, which says whether a word goes on.
            self.window.copy_within(until - 1..filled, 0);
            filled -= until - 1;
            from = 1;
        }
    }
}

/// Reads until there is no room or no more text.
fn fill(text: &mut impl Read, mut room: &mut [u8]) -> io::Result<usize> {
    let all = room.len();
    while !room.is_empty() {
        match text.read(room) {
            Ok(0) => break,
            Ok(read) => room = &mut room[read..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all - room.len())
}

#[cfg(test)]
mod tests {
    use bitting_core::key::{Alphabet, Checksum, EnvironmentPrefixes, KeyFormat, KeyFormatSpec};

    use super::*;

    /// A text that comes in pieces.
    struct Slow<'t>(&'t [u8], usize);

    impl Read for Slow<'_> {
        fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
            let piece = self.0.len().min(room.len()).min(self.1);
            room[..piece].copy_from_slice(&self.0[..piece]);
            self.0 = &self.0[piece..];
            Ok(piece)
        }
    }

    fn format(checksum: Checksum) -> KeyFormat {
        let environments = vec![EnvironmentPrefixes { environment: "live".into(), prefixes: vec!["sk_".into()] }];
        let alphabet = Alphabet::new(Alphabet::BASE62).unwrap();
        KeyFormat::new(KeyFormatSpec { environments, alphabet, checksum, length: 32 }).unwrap()
    }

    fn key(format: &KeyFormat) -> String {
        let fill = |buffer: &mut [u8]| {
            buffer.fill(11);
            Ok::<(), std::convert::Infallible>(())
        };
        format.generate("live", fill).unwrap().unwrap().expose().to_owned()
    }

    #[test]
    fn a_key_is_found_wherever_the_edge_of_the_window_falls() {
        for checksum in [Checksum::Crc32, Checksum::None] {
            let format = format(checksum);
            let (key, finder) = (key(&format), KeyFinder::new([format]).unwrap());
            for before in 0..200 {
                let text = format!("{}{key}\n{key} x{key}", "-\n".repeat(before));
                let mut reader = Reader::with_window(&finder, 0);
                let mut found = Vec::new();
                let note = |at: Position, key: &FoundKey<'_>| found.push((at.line, at.column, at.offset, key.is_plausible));
                let length = reader.read(&mut Slow(text.as_bytes(), 1 + before % 50), note).unwrap();
                assert_eq!(length, text.len() as u64);
                let (line, offset) = (before as u64 + 1, 2 * before as u64);
                let is_plausible = checksum == Checksum::Crc32;
                let expected =
                    [(line, 1, offset, true), (line + 1, 1, offset + 36, true), (line + 1, 38, offset + 73, is_plausible)];
                assert_eq!(found, expected, "{before}");
            }
        }
    }
}
