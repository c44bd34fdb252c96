//! Files and folders.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use tokio::sync::mpsc;
use walkdir::{DirEntry, WalkDir};

use super::reader::Reader;
use super::{Finds, Lock, Place, Said, Totals, tell_unread};

/// The path of standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// Reads a file, or all files of a folder and those below it in the order of their names. Links in it are not followed, and what is no
/// file is left alone. Hidden and ignored files are read too: a `.env` is where keys are.
pub(super) fn read(lock: &Lock, path: &Path, said: &mpsc::Sender<Said>, totals: &mut Totals) {
    let mut reader = Reader::new(&lock.finder);
    if is_standard_input(path) {
        return read_text(lock, path, &mut reader, Ok(io::stdin().lock()), said, totals);
    }
    // A link that is named is meant.
    if path.is_file() {
        return read_text(lock, path, &mut reader, File::open(path), said, totals);
    }
    let files = WalkDir::new(path).follow_links(false).sort_by_file_name().into_iter().filter_entry(|entry| !is_packed(entry));
    for entry in files {
        if said.is_closed() {
            return;
        }
        match entry {
            Ok(entry) if entry.file_type().is_file() => {
                read_text(lock, entry.path(), &mut reader, File::open(entry.path()), said, totals);
            }
            Ok(_) => {}
            Err(error) => {
                let what = error.path().unwrap_or(path);
                let why = error.io_error().map_or_else(|| "it leads back to itself".to_owned(), ToString::to_string);
                tell_unread(lock, what, why, said);
            }
        }
    }
}

fn read_text(
    lock: &Lock,
    path: &Path,
    reader: &mut Reader<'_>,
    text: io::Result<impl Read>,
    said: &mpsc::Sender<Said>,
    totals: &mut Totals,
) {
    let finds = Finds::new(lock, Place::File(lock.name(path)));
    let read = text.and_then(|mut text| {
        // Nobody listens any more if the scan has failed.
        finds.read(reader, &mut text, |hit| drop(said.blocking_send(Said::Found(Box::new(hit)))))
    });
    match read {
        Ok(bytes) => {
            totals.texts += 1;
            totals.bytes += bytes;
        }
        Err(error) => tell_unread(lock, path, error.to_string(), said),
    }
}

/// The objects of a git repository are compressed: there is nothing to find in them but by way of its history.
fn is_packed(entry: &DirEntry) -> bool {
    let beside = |name: &str| entry.path().with_file_name(name).exists();
    entry.file_type().is_dir() && entry.file_name() == OsStr::new("objects") && beside("HEAD") && beside("refs")
}
