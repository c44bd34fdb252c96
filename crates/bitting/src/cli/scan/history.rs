//! All that a git repository has ever held, read by the program git.
//!
//! Every object is read once, however many commits have it, those that no branch leads to any more among them: what was pushed once can be
//! fetched by whoever knows its number. Only afterwards, and only if something was found, the log is read for the commit and the path
//! that brought each. A library that reads repositories was rejected: it is a hundred crates, and whoever has a repository has git.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::reader::Reader;
use super::{Finds, Hit, Lock, Place, Said, Totals, tell_unread};
use crate::failure::{Failure, FailureKind};

/// Where a blob came into a history: the number of the commit in the log, the newest being 0, the commit and the path.
type Origin = (usize, Arc<str>, Arc<str>);

/// Reads the history of the repository that a path lies in, and says what of it could not be read.
///
/// What was found is told however git ends: whoever has a damaged repository has its keys all the same.
pub(super) fn read(lock: &Lock, path: &Path, said: &mpsc::Sender<Said>, totals: &mut Totals) {
    let unread = |why: String| tell_unread(lock, path, why, said);
    for gap in gaps(path) {
        unread(gap.to_owned());
    }
    let mut hits = Vec::new();
    if let Err(failure) = read_objects(lock, path, &mut hits, totals, unread) {
        unread(failure.to_string());
    }
    let blobs = hits.iter().filter_map(|hit| match &hit.place {
        Place::Blob { id, .. } => Some((Arc::clone(id), None)),
        _ => None,
    });
    let mut origins: HashMap<Arc<str>, Option<Origin>> = blobs.collect();
    if !origins.is_empty()
        && let Err(failure) = find_origins(lock, path, &mut origins)
    {
        // What is known so far may be a later commit than the first.
        origins.clear();
        unread(failure.to_string());
    }
    for hit in firsts(hits, &origins) {
        // Nobody listens any more if the scan has failed.
        let _ = said.blocking_send(Said::Found(Box::new(hit)));
    }
}

/// What a repository lacks because it was cloned without it. Git itself takes such a repository for whole.
fn gaps(path: &Path) -> Vec<&'static str> {
    let ask = |words: &[&str]| {
        let output = command(path, words).stderr(Stdio::inherit()).output();
        output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
    };
    let mut gaps = Vec::new();
    match ask(&["rev-parse", "--is-shallow-repository"]).trim() {
        "false" => {}
        "true" => gaps.push("older commits are not here, for it is a shallow clone; `git fetch --unshallow` gets them"),
        _ => gaps.push("git does not say whether older commits are here"),
    }
    let promised = ask(&["config", "--get-regexp", r"^(extensions\.partialclone|remote\..*\.promisor)$"]);
    if promised.lines().any(|line| !line.ends_with(" false")) {
        gaps.push("some files are not here, for it is a partial clone; one without --filter has them");
    }
    gaps
}

/// Of a key that stands in many versions of a file only the first is told.
fn firsts(hits: Vec<Hit>, origins: &HashMap<Arc<str>, Option<Origin>>) -> Vec<Hit> {
    let mut firsts: BTreeMap<Apart, (usize, Hit)> = BTreeMap::new();
    for mut hit in hits {
        let (mut age, mut apart) = (0, hit.place.clone());
        if let Place::Blob { id, of } = &mut hit.place
            && let Some((number, commit, path)) = origins.get(id).and_then(Option::as_ref)
        {
            (age, apart) = (*number, Place::File(Arc::clone(path)));
            *of = Some((Arc::clone(commit), Arc::clone(path)));
        }
        let apart = (apart, *hit.digest.as_bytes());
        if firsts.get(&apart).is_none_or(|(known, _)| *known < age) {
            firsts.insert(apart, (age, hit));
        }
    }
    firsts.into_values().map(|(_, hit)| hit).collect()
}

/// What is told apart: a place, or a path whatever its version, and the key that stands there.
type Apart = (Place, [u8; 32]);

/// Reads every object; those that git knows it cannot read are handed to `unread`.
fn read_objects(
    lock: &Lock,
    path: &Path,
    hits: &mut Vec<Hit>,
    totals: &mut Totals,
    unread: impl Fn(String),
) -> Result<(), Failure> {
    let mut git = start(path, &["cat-file", "--batch-all-objects", "--unordered", "--batch"])?;
    let objects = git.stdout.take().ok_or_else(|| Failure::new("git says nothing"))?;
    let read = read_batch(lock, objects, hits, totals, unread);
    // If git broke off, that is why the text ended too soon.
    end(git).and(read)
}

fn read_batch(
    lock: &Lock,
    said: impl Read,
    hits: &mut Vec<Hit>,
    totals: &mut Totals,
    unread: impl Fn(String),
) -> Result<(), Failure> {
    let broken = |error: io::Error| Failure::of(FailureKind::Incomplete, format!("what git said could not be read: {error}"));
    let mut objects = BufReader::with_capacity(1 << 16, said);
    let mut reader = Reader::new(&lock.finder);
    let mut head = String::new();
    loop {
        head.clear();
        if objects.read_line(&mut head).map_err(broken)? == 0 {
            return Ok(());
        }
        let Some((id, kind, size)) = object(&head) else {
            let id = head.split_whitespace().next().unwrap_or_default();
            unread(format!("object {id} is damaged"));
            continue;
        };
        let mut content = objects.by_ref().take(size);
        let id: Arc<str> = id.into();
        let place = match kind {
            "blob" => Place::Blob { id, of: None },
            "commit" => Place::Commit(id),
            "tag" => Place::Tag(id),
            _ => {
                io::copy(&mut content, &mut io::sink()).map_err(broken)?;
                objects.read_exact(&mut [0]).map_err(broken)?;
                continue;
            }
        };
        totals.bytes += Finds::new(lock, place).read(&mut reader, &mut content, |hit| hits.push(hit)).map_err(broken)?;
        totals.texts += 1;
        // A line ends each.
        objects.read_exact(&mut [0]).map_err(broken)?;
    }
}

/// Number, kind and size of an object, from the line before it. Of one that cannot be read there is no size.
fn object(head: &str) -> Option<(&str, &str, u64)> {
    let mut words = head.split_whitespace();
    Some((words.next()?, words.next()?, words.next()?.parse().ok()?))
}

/// Reads the log, from the newest commit to the oldest, so that what came first is what stays.
fn find_origins(lock: &Lock, path: &Path, wanted: &mut HashMap<Arc<str>, Option<Origin>>) -> Result<(), Failure> {
    let words = [
        "-c",
        "log.showRoot=true",
        "-c",
        "core.quotePath=false",
        "log",
        "--all",
        "--reflog",
        "--topo-order",
        "-m",
        "--raw",
        "--no-abbrev",
        "--no-renames",
        "--no-show-signature",
        "--no-ext-diff",
        "--no-color",
        "--format=commit %H",
    ];
    let mut git = start(path, &words)?;
    let lines = BufReader::new(git.stdout.take().ok_or_else(|| Failure::new("git says nothing"))?);
    let (mut number, mut commit): (usize, Arc<str>) = (0, "".into());
    for line in lines.split(b'\n') {
        let line = line.map_err(|error| Failure::of(FailureKind::Incomplete, format!("the log could not be read: {error}")))?;
        let line = String::from_utf8_lossy(&line);
        if let Some(id) = line.strip_prefix("commit ") {
            (number, commit) = (number + 1, id.into());
        } else if let Some((blob, name)) = changed(&line)
            && let Some(origin) = wanted.get_mut(blob)
        {
            *origin = Some((number, Arc::clone(&commit), lock.name(Path::new(name))));
        }
    }
    end(git)
}

/// The blob that a file has after a commit, and its path: `:100644 100644 OLD NEW M`, a tabulator, the path.
fn changed(line: &str) -> Option<(&str, &str)> {
    let (facts, name) = line.strip_prefix(':')?.split_once('\t')?;
    Some((facts.split(' ').nth(3)?, name))
}

/// Whether there are a git and a repository.
pub(super) fn check(path: &Path) -> Result<(), Failure> {
    let output = command(path, &["rev-parse", "--git-dir"]).output().map_err(|error| missing(&error))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr);
    let why = why.trim().trim_start_matches("fatal: ");
    Err(Failure::of(FailureKind::NotFound, format!("{} has no history to read: {why}", path.display())))
}

fn start(path: &Path, words: &[&str]) -> Result<Child, Failure> {
    command(path, words).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().map_err(|error| missing(&error))
}

fn end(mut git: Child) -> Result<(), Failure> {
    let status = git.wait().map_err(Failure::other)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::of(FailureKind::Incomplete, format!("the history was not read to its end: git ended with {status}")))
}

/// A repository may be anybody's: nothing that stands in it is run, and nothing is fetched.
fn command(path: &Path, words: &[&str]) -> Command {
    let folder =
        if path.is_dir() { path } else { path.parent().filter(|parent| *parent != OsStr::new("")).unwrap_or(Path::new(".")) };
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(["--no-pager", "--no-replace-objects", "-c", "core.fsmonitor=false"]).args(words);
    command.env("GIT_NO_LAZY_FETCH", "1").env("GIT_OPTIONAL_LOCKS", "0").env("LC_ALL", "C").stdin(Stdio::null());
    command
}

fn missing(error: &io::Error) -> Failure {
    let message = if error.kind() == io::ErrorKind::NotFound {
        "a history is read by the program git, which is not installed here\ninstall it, or scan the files without --git"
            .to_owned()
    } else {
        format!("git cannot be run: {error}")
    };
    Failure::of(FailureKind::NotFound, message)
}
