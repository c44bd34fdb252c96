//! The file that an import reads, and how it is written.

use std::io::Read as _;
use std::path::Path;

use bitting_engine::SheetFormat;

use crate::cli::options::ImportFormat;
use crate::failure::{Failure, FailureKind};

/// Reads a whole file, or standard input.
pub(super) fn read(path: &Path, format: Option<ImportFormat>) -> Result<(Vec<u8>, SheetFormat), Failure> {
    let format = format.or_else(|| by_ending(path)).ok_or_else(|| {
        let message = format!("how is {} written?\nwrite --format jsonl or --format csv", path.display());
        Failure::of(FailureKind::Refused, message)
    })?;
    let content = content(path)
        .map_err(|error| Failure::of(FailureKind::Refused, format!("{} cannot be read: {error}", path.display())))?;
    let format = match format {
        ImportFormat::Jsonl => SheetFormat::JsonLines,
        ImportFormat::Csv => SheetFormat::Csv,
    };
    Ok((content, format))
}

fn content(path: &Path) -> std::io::Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return std::fs::read(path);
    }
    let mut content = Vec::new();
    std::io::stdin().lock().read_to_end(&mut content)?;
    Ok(content)
}

fn by_ending(path: &Path) -> Option<ImportFormat> {
    match path.extension()?.to_str()? {
        "jsonl" | "ndjson" => Some(ImportFormat::Jsonl),
        "csv" => Some(ImportFormat::Csv),
        _ => None,
    }
}
