//! One key in the list.

use bitting_core::api::Api;
use bitting_core::time::Timestamp;
use bitting_store::{Ages, KeyRow, KeyStatus, LastUse};

use crate::dashboard::view::{Actors, ApiLinks, Cure, KeyFace, Moment, RightsSummary, Standing, Status, ago, ahead};

/// What a line is made of.
#[derive(Clone, Copy)]
pub(crate) struct LineOf<'a> {
    pub(crate) api: &'a Api,
    pub(crate) row: &'a KeyRow,
    /// When it was used last.
    pub(crate) last_use: Option<&'a LastUse>,
    /// Whether its account's keys are good.
    pub(crate) is_account_enabled: bool,
    /// Its account by name, where keys of several are shown.
    pub(crate) account: Option<&'a str>,
    pub(crate) actors: &'a Actors,
    pub(crate) links: &'a ApiLinks,
    /// When keys ask for a decision.
    pub(crate) ages: &'a Ages,
    /// The key in whose place it came, and when that was used last.
    pub(crate) predecessor: Option<(&'a KeyRow, Option<&'a LastUse>)>,
    /// Whether it will renew itself.
    pub(crate) renews: bool,
    pub(crate) now: Timestamp,
}

/// One key in the list, ready to be written.
pub(crate) struct KeyLine {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) description: String,
    /// The account's name and page, where keys of several are shown.
    pub(crate) account: Option<(String, String)>,
    /// When another key took its place, and that key's page.
    pub(crate) replaced: Option<(Moment, String)>,
    /// The page of the key in whose place it came, while that still works, and when that was used last.
    pub(crate) old_key: Option<(String, String)>,
    pub(crate) face: KeyFace,
    pub(crate) rights: Option<RightsSummary>,
    pub(crate) made: Moment,
    pub(crate) maker: String,
    pub(crate) used: Option<Moment>,
    /// What is to say of its use: still in use although replaced, or bound to addresses.
    pub(crate) use_note: String,
    pub(crate) is_use_odd: bool,
    pub(crate) end: Option<Moment>,
    /// How far ahead its end is.
    pub(crate) end_note: String,
    pub(crate) standing: Standing,
    pub(crate) cure: Cure,
    /// When it was revoked.
    pub(crate) ended: Option<Moment>,
    /// The capabilities of the API, in order, and whether each is on.
    pub(crate) switches: Vec<bool>,
    /// Where its switches are turned.
    pub(crate) switch_action: String,
}

impl KeyLine {
    pub(crate) fn new(of: LineOf<'_>) -> Self {
        let LineOf { api, row, last_use, links, now, .. } = of;
        let face = KeyFace::of(row, api);
        let used_at = last_use.map(|last| last.at);
        let standing = Standing::of(row, used_at, of.is_account_enabled, of.ages, now);
        let is_use_odd = matches!(standing, Standing::Replaced { is_in_use: true, .. });
        let addresses = row.allowed_addresses.as_ref().map(|list| list.networks().len() as u64);
        let use_note = match addresses {
            _ if is_use_odd => "still in use".to_owned(),
            Some(1) => "1 address only".to_owned(),
            Some(number) => format!("{number} addresses only"),
            None => String::new(),
        };
        let successor = row.replaced_by.map(|id| (Moment::day(crate::dashboard::view::standing::made_at(id)), links.key(id)));
        let is_ahead = |end: &Timestamp| *end > now && standing.is_open();
        let ended = if let Standing::Revoked { at } = standing { Some(Moment::day(at)) } else { None };
        Self {
            href: links.key(row.id),
            name: row.name.clone(),
            description: first_words(&row.description),
            account: of.account.map(|name| (name.to_owned(), links.account(&row.account))),
            replaced: successor,
            old_key: of.predecessor.and_then(|(old, last_use)| old_key(old, last_use, of)),
            rights: RightsSummary::of(row, api),
            made: Moment::made(row.created_at, now),
            maker: of.actors.say(&row.created_by),
            used: used_at.map(|at| Moment::ago(at, now)),
            use_note,
            is_use_odd,
            end: row.expires_at.map(|end| Moment::end(end, now)),
            end_note: match row.expires_at.filter(is_ahead) {
                Some(end) if of.renews => format!("{}, renews itself", ahead(end, now)),
                Some(end) => ahead(end, now),
                None => String::new(),
            },
            standing,
            cure: if of.renews && matches!(standing, Standing::Expiring { .. }) { Cure::default() } else { standing.cure() },
            ended,
            switches: api
                .catalogue
                .capabilities()
                .iter()
                .map(|known| row.capabilities.iter().any(|on| **on == *known.name))
                .collect(),
            switch_action: links.key_action(row.id, "switch"),
            face,
        }
    }

    pub(crate) fn status(&self) -> Status {
        self.standing.status()
    }

    /// Whether full access is worth a look: only while the key works.
    pub(crate) fn is_mighty(&self) -> bool {
        self.standing.works() && self.rights.as_ref().is_some_and(|rights| rights.is_full)
    }

    pub(crate) fn is_expiring(&self) -> bool {
        matches!(self.standing, Standing::Expiring { .. })
    }

    pub(crate) fn is_revoked(&self) -> bool {
        matches!(self.standing, Standing::Revoked { .. })
    }
}

/// What is to say of the key in whose place another came, while it still works.
fn old_key(old: &KeyRow, last_use: Option<&LastUse>, of: LineOf<'_>) -> Option<(String, String)> {
    let is_used = last_use.filter(|last| last.at > of.row.created_at);
    let words = match is_used {
        Some(last) => format!("used {}", ago(last.at, of.now)),
        None => "not used since".to_owned(),
    };
    (old.status(of.now) == KeyStatus::Active).then(|| (of.links.key(old.id), words))
}

/// As much of a description as a line has room for; the whole of it is on the key's page.
fn first_words(text: &str) -> String {
    const MOST: usize = 120;
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= MOST && line.len() == text.len() {
        return text.to_owned();
    }
    let cut: String = line.chars().take(MOST).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_of_ten_thousand_letters_takes_one_line() {
        assert_eq!(first_words("Main backend"), "Main backend");
        assert_eq!(first_words("First\nsecond"), "First…");
        assert_eq!(first_words(&"é".repeat(10_000)).chars().count(), 121);
        assert_eq!(first_words(""), "");
    }
}
