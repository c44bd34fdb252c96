//! Lists, a page at a time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::{IntoParams, ToSchema};

use crate::fault::Fault;

/// The most items of a page.
pub(crate) const MOST: usize = 100;

/// How many items a page has where nothing is said.
pub(crate) const USUAL: usize = 20;

/// A part of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    /// Whether there are more.
    has_more: bool,
    /// Where the next page begins, if there are more.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

/// What every list can be asked for.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "each list reads them beside its own conditions")]
pub(crate) struct PageParameters {
    /// How many items a page has at most.
    #[param(value_type = u32, required = false, minimum = 1, maximum = 100, default = 20)]
    limit: usize,
    /// Where the page begins: `next_cursor` of the page before, of the same list.
    #[param(required = false)]
    cursor: String,
}

/// Where a page ended, and of which list it is one.
#[derive(Serialize, Deserialize)]
struct Cursor<P> {
    list: String,
    after: P,
}

/// Which page is asked for.
pub(crate) struct Asked<P> {
    list: String,
    pub(crate) after: Option<P>,
    limit: usize,
}

impl<T> Page<T> {
    /// The only page of a list.
    pub(crate) fn whole(data: Vec<T>) -> Self {
        Self { data, has_more: false, next_cursor: None }
    }
}

impl<P: Serialize + DeserializeOwned> Asked<P> {
    /// Reads `limit` and `cursor`. `list` is everything that makes the list what it is: a cursor of another one is refused.
    pub(crate) fn new(limit: Option<usize>, cursor: Option<&str>, list: &impl Serialize) -> Result<Self, Fault> {
        let limit = limit.unwrap_or(USUAL);
        if !(1..=MOST).contains(&limit) {
            return Err(Fault::field("limit", format!("write a number from 1 to {MOST}")));
        }
        let text = serde_json::to_vec(list).map_err(|_| Fault::field("cursor", "this list cannot be read by pages"))?;
        let list = URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..9]);
        let foreign = || Fault::field("cursor", "this is no cursor of this list; begin without one");
        let after = match cursor {
            None => None,
            Some(cursor) => {
                let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
                let read: Cursor<P> = serde_json::from_slice(&bytes).map_err(|_| foreign())?;
                Some(read.after).filter(|_| read.list == list).ok_or_else(foreign).map(Some)?
            }
        };
        Ok(Self { list, after, limit })
    }

    /// How many to read: one more than the page has, to know whether there are more.
    pub(crate) fn reading(&self) -> usize {
        self.limit + 1
    }

    /// The page, from what was read.
    pub(crate) fn page<R, T>(self, mut rows: Vec<R>, place: impl Fn(&R) -> P, show: impl Fn(R) -> T) -> Page<T> {
        let has_more = rows.len() > self.limit;
        rows.truncate(self.limit);
        let last = rows.last().filter(|_| has_more).map(place);
        let cursor = last.and_then(|after| serde_json::to_vec(&Cursor { list: self.list, after }).ok());
        Page {
            data: rows.into_iter().map(show).collect(),
            has_more,
            next_cursor: cursor.map(|bytes| URL_SAFE_NO_PAD.encode(bytes)),
        }
    }
}
