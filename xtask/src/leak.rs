//! After the whole suite: no key that was issued in it stands in any store, log, metric or answer that it left behind, nor in
//! what a browser wrote down. Pictures of pages lie elsewhere and are not searched: whoever makes a key sees it.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::Path;

use crate::command::Failed;

/// How much of a key's end is looked for. A display prefix shows its beginning; its last twelve characters nobody may
/// write down, and they do not come about by chance.
const TELLING: usize = 12;

/// Searches everything below `traces/runs` for the ends of the keys listed in `traces/ledger`.
/// A whole run that left nothing to search would have proved nothing.
pub(crate) fn search(traces: &Path, whole_run: bool) -> Result<(), Failed> {
    let mut ends = Ends::default();
    visit(&traces.join("ledger"), &mut |_, content| {
        let lines = content.split(|&b| b == b'\n').filter(|line| line.len() > TELLING);
        for end in lines.map(|line| &line[line.len() - TELLING..]) {
            ends.insert(end.to_vec());
            // As a dump of bytes would show it.
            ends.insert(end.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).take(TELLING).collect());
        }
        Ok(())
    })?;
    let (mut files, mut bytes, mut found) = (0, 0, Vec::new());
    visit(&traces.join("runs"), &mut |path, content| {
        (files, bytes) = (files + 1, bytes + content.len());
        found.extend(ends.place_in(content).map(|place| format!("{} holds a key at byte {place}", path.display())));
        Ok(())
    })?;
    if !found.is_empty() {
        return Err(Failed(found.join("\n")));
    }
    if whole_run && (ends.texts.is_empty() || files == 0) {
        return Err(Failed("the suite left nothing behind in which to look for leaked keys".to_owned()));
    }
    println!("no key of {} stands in {files} files of stores, logs and answers, {bytes} bytes in all", ends.texts.len() / 2);
    Ok(())
}

/// The ends of keys, to be found in a gigabyte.
struct Ends {
    texts: HashSet<Vec<u8>>,
    /// Where there may be one, by the sum of its last four bytes. Hashing what stands at each place would take minutes.
    marks: Vec<bool>,
}

impl Default for Ends {
    fn default() -> Self {
        Self { texts: HashSet::new(), marks: vec![false; 1 << 24] }
    }
}

impl Ends {
    fn insert(&mut self, text: Vec<u8>) {
        let word = text.iter().fold(0, |word: u32, byte| word << 8 | u32::from(*byte));
        self.marks[Self::mark(word)] = true;
        self.texts.insert(text);
    }

    /// Where in a file one stands.
    fn place_in(&self, content: &[u8]) -> Option<usize> {
        let mut word: u32 = 0;
        for (position, byte) in content.iter().enumerate() {
            word = word << 8 | u32::from(*byte);
            if self.marks[Self::mark(word)]
                && let Some(begin) = (position + 1).checked_sub(TELLING)
                && self.texts.contains(&content[begin..=position])
            {
                return Some(begin);
            }
        }
        None
    }

    /// Spreads words over the marks.
    fn mark(word: u32) -> usize {
        (word.wrapping_mul(0x9E37_79B1) >> 8) as usize
    }
}

fn visit(folder: &Path, look: &mut impl FnMut(&Path, &[u8]) -> Result<(), Failed>) -> Result<(), Failed> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            visit(&path, look)?;
        } else if kind.is_file() {
            match std::fs::read(&path) {
                Ok(content) => look(&path, &content)?,
                // The last process of a test may just be closing its store.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(Failed(format!("{}: {error}", path.display()))),
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_found_wherever_it_stands_and_nothing_else_is() {
        let mut ends = Ends::default();
        ends.insert(b"abcdefghijkl".to_vec());
        ends.insert(b"ABCDEFGHIJKL".to_vec());
        for (content, place) in [
            (&b"abcdefghijkl"[..], Some(0)),
            (b"xABCDEFGHIJKL", Some(1)),
            (b"\xFF\x00abcdefghijklm", Some(2)),
            (b"abcdefghijk", None),
            (b"zbcdefghijkl", None),
            (b"", None),
        ] {
            assert_eq!(ends.place_in(content), place, "{content:?}");
        }
    }
}
