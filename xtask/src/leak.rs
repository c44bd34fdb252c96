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
    let mut keys = HashSet::new();
    visit(&traces.join("ledger"), &mut |_, content| {
        let lines = content.split(|&b| b == b'\n').filter(|line| line.len() > TELLING);
        for end in lines.map(|line| &line[line.len() - TELLING..]) {
            keys.insert(end.to_vec());
            // As a dump of bytes would show it.
            keys.insert(end.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).take(TELLING).collect());
        }
        Ok(())
    })?;
    let (mut files, mut bytes) = (0, 0);
    visit(&traces.join("runs"), &mut |path, content| {
        (files, bytes) = (files + 1, bytes + content.len());
        match content.windows(TELLING).find(|window| keys.contains(*window)) {
            Some(found) => {
                let place = content.windows(TELLING).position(|window| window == found).unwrap_or_default();
                Err(Failed(format!("{} holds a key at byte {place}", path.display())))
            }
            None => Ok(()),
        }
    })?;
    if whole_run && (keys.is_empty() || files == 0) {
        return Err(Failed("the suite left nothing behind in which to look for leaked keys".to_owned()));
    }
    println!("no key of {} stands in {files} files of stores, logs and answers, {bytes} bytes in all", keys.len() / 2);
    Ok(())
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
