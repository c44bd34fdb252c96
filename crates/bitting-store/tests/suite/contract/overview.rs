//! Lists for people: held against a slow reading of every key.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::time::Duration;

use bitting_core::key::{Digest, KeyId};
use bitting_core::time::Timestamp;
use bitting_store::{
    Ages, COUNTED, Change, Count, KeyFilter, KeyPatch, KeyRow, KeyState, LastUse, NewKey, Overview, OverviewQuery, Page, Part,
    Sort, SortBy, Successor, View,
};

use super::super::fixture::{API, at, entry, new_account, new_key};
use super::Case;

const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;

/// When everything is asked: the keys of [`filled`] were made in the 400 days before.
const NOW: i64 = 400 * DAY;

const VIEWS: [View; 4] = [View::All, View::Attention, View::Unused, View::Revoked];

fn everything() -> OverviewQuery {
    OverviewQuery {
        api: API.into(),
        account: None,
        environment: None,
        search: None,
        view: View::All,
        sort: SortBy::Created.usual(),
        part: Part::First,
        limit: 7,
        ages: Ages::default(),
        now: at(NOW),
    }
}

fn key(number: u32, account: &str, created_at: i64) -> NewKey {
    let Change::CreateKey(new) = new_key(1, account) else { unreachable!() };
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    let word = ["Billing", "billing sync", "Ökonomie", "mobile", "APP"][number as usize % 5];
    NewKey {
        // Of an import, ids are not in the order in which keys were made.
        id: KeyId::new(at(i64::from(number * 7 % 1_000)), u128::from(number)),
        digest: Digest::from_bytes(digest),
        name: format!("{word} {}", number % 4),
        prefix: format!("csb_{}_{:03}", if number.is_multiple_of(3) { "test" } else { "pub" }, number % 100),
        environment: if number.is_multiple_of(3) { "test" } else { "live" }.into(),
        expires_at: (number.is_multiple_of(4)).then(|| at(created_at + i64::from(number % 9) * 60 * DAY + 1)),
        ..*new
    }
}

/// So many keys of two accounts in every state, with last uses of most of them.
async fn filled(case: &Case, count: u32) {
    let mut batch = vec![entry(1, new_account("acme")), entry(1, new_account("other"))];
    let mut last_uses = Vec::new();
    for number in 0..count {
        let created_at = i64::from(number % 80) * 5 * DAY + i64::from(number % 3) * MINUTE;
        let new = key(number, if number % 5 < 3 { "acme" } else { "other" }, created_at);
        let id = new.id;
        batch.push(entry(created_at, Change::CreateKey(Box::new(new))));
        let patch = |patch| Change::UpdateKey { api: API.into(), key: id, patch: Box::new(patch) };
        match number % 11 {
            3 => batch.push(entry(NOW, Change::RevokeKey { api: API.into(), key: id })),
            5 => batch.push(entry(NOW, patch(KeyPatch { enabled: Some(false), ..KeyPatch::default() }))),
            7 if number < 1_000 => {
                let successor = key(number + 1_000_000, "acme", 0);
                let successor =
                    Successor { id: successor.id, digest: successor.digest, prefix: successor.prefix, expires_at: None };
                let (api, old_ends_at) = (API.into(), Some(at(NOW + i64::from(number % 4) * 20 * DAY)));
                let rotation = Change::RotateKey { api, key: id, successor, old_ends_at, end_when_unused_for_s: None };
                batch.push(entry(NOW, rotation));
            }
            8 => batch.push(entry(NOW, patch(KeyPatch { name: Some("Renamed".into()), ..KeyPatch::default() }))),
            _ => {}
        }
        if !number.is_multiple_of(6) {
            let used_at = (created_at + i64::from(number % 13) * 31 * DAY).min(NOW) + 17_000;
            last_uses.push(LastUse { key: id, at: at(used_at), address: Some([192, 0, 2, 9].into()) });
        }
    }
    for answer in case.append_all(batch).await {
        answer.unwrap();
    }
    case.add_usage(Vec::new(), last_uses).await.unwrap();
}

/// Every key with its last use.
async fn all(case: &Case) -> Vec<(KeyRow, Option<LastUse>)> {
    let rows = case.store.keys(API, KeyFilter::default(), Page { after: None, limit: 1_000_000 }).await.unwrap();
    let last_uses = case.store.last_uses(rows.iter().map(|row| row.id).collect()).await.unwrap();
    let mut last_uses: HashMap<KeyId, LastUse> = last_uses.into_iter().map(|last| (last.key, last)).collect();
    let with_last_use = |row: KeyRow| {
        let last_use = last_uses.remove(&row.id);
        (row, last_use)
    };
    rows.into_iter().map(with_last_use).collect()
}

fn is_in(view: View, (row, last_use): &(KeyRow, Option<LastUse>), ages: &Ages) -> bool {
    let now = at(NOW);
    let works = row.revoked_at.is_none() && row.enabled && row.expires_at.is_none_or(|end| end > now);
    let is_expiring = row.expires_at.is_some_and(|end| end <= now.plus(ages.expiring));
    let age = ages.rotation_of.get(&row.environment).unwrap_or(&ages.rotation);
    match view {
        View::All => true,
        View::Attention => works && (row.replaced_by.is_some() || is_expiring || now.since(row.created_at) >= *age),
        View::Unused => {
            let idle = last_use.map_or(row.created_at, |last| at(last.at.as_millis() / MINUTE * MINUTE));
            works && now.since(idle) >= ages.unused
        }
        View::Revoked => row.revoked_at.is_some(),
    }
}

fn is_found(query: &OverviewQuery, row: &KeyRow) -> bool {
    let (Some(text), lower) = (&query.search, row.name.to_lowercase()) else { return true };
    let in_name =
        if query.account.is_some() { lower.contains(&text.to_lowercase()) } else { lower.starts_with(&text.to_lowercase()) };
    in_name || row.prefix.starts_with(text)
}

fn fits(query: &OverviewQuery, row: &KeyRow) -> bool {
    query.account.as_ref().is_none_or(|account| row.account == *account)
        && query.environment.as_ref().is_none_or(|environment| row.environment == *environment)
        && is_found(query, row)
}

fn compare(by: SortBy, one: &(KeyRow, Option<LastUse>), other: &(KeyRow, Option<LastUse>)) -> Ordering {
    let used = |(row, last): &(KeyRow, Option<LastUse>)| {
        let minute = last.map(|last| last.at.as_millis() / MINUTE);
        (minute, if last.is_none() { row.created_at.as_millis() } else { 0 })
    };
    let end = |row: &KeyRow| row.expires_at.map_or(i64::MAX, Timestamp::as_millis);
    let order = match by {
        SortBy::Name => one.0.name.to_ascii_lowercase().cmp(&other.0.name.to_ascii_lowercase()),
        SortBy::Created => one.0.created_at.cmp(&other.0.created_at),
        SortBy::LastUsed => used(one).cmp(&used(other)),
        SortBy::Expires => end(&one.0).cmp(&end(&other.0)),
    };
    order.then(one.0.id.cmp(&other.0.id))
}

/// The first so many ids of a list, as it should be, and how long it is.
fn expected(keys: &[(KeyRow, Option<LastUse>)], query: &OverviewQuery, most: usize) -> (Vec<KeyId>, usize) {
    let fits = |key: &&(KeyRow, Option<LastUse>)| fits(query, &key.0) && is_in(query.view, key, &query.ages);
    let mut found: Vec<_> = keys.iter().filter(fits).collect();
    found.sort_by(|one, other| compare(query.sort.by, one, other));
    if query.sort.descending {
        found.reverse();
    }
    (found.iter().take(most).map(|key| key.0.id).collect(), found.len())
}

fn ids(overview: &Overview) -> Vec<KeyId> {
    overview.keys.iter().map(|key| key.row.id).collect()
}

/// At least so many ids of a list, if it has so many, read part by part and back again.
async fn listed(case: &Case, mut query: OverviewQuery, most: usize) -> Vec<KeyId> {
    let (mut found, mut parts) = (Vec::new(), Vec::new());
    loop {
        let part = case.store.overview(query.clone()).await.unwrap();
        assert!(part.skipped.is_none_or(|skipped| skipped == found.len() as u64), "{query:?}");
        found.extend(ids(&part));
        let next = part.next.clone();
        parts.push(part);
        match next.filter(|_| found.len() < most) {
            Some(next) => query.part = Part::After(next),
            None => break,
        }
    }
    for window in parts.windows(2).rev() {
        let back = OverviewQuery { part: Part::Before(window[1].previous.clone().unwrap()), ..query.clone() };
        let back = case.store.overview(back).await.unwrap();
        assert_eq!((ids(&back), &back.next), (ids(&window[0]), &window[0].next), "{query:?}");
        assert_eq!(back.previous.is_some(), window[0].previous.is_some());
    }
    found
}

fn lists(query: &OverviewQuery) -> Vec<OverviewQuery> {
    let sorts = [SortBy::Name, SortBy::Created, SortBy::LastUsed, SortBy::Expires];
    let mut all = Vec::new();
    for by in sorts {
        for (descending, view) in [false, true].into_iter().flat_map(|descending| VIEWS.map(|view| (descending, view))) {
            all.push(OverviewQuery { view, sort: Sort { by, descending }, ..query.clone() });
        }
    }
    all
}

pub(super) async fn lists_for_people_have_every_key_of_their_view_in_every_order_forwards_and_back(case: Case) {
    filled(&case, 150).await;
    let keys = all(&case).await;
    let account = Some("acme".parse().unwrap());
    for query in [
        everything(),
        OverviewQuery { environment: Some("test".into()), ..everything() },
        OverviewQuery { search: Some("BILL".into()), ..everything() },
        OverviewQuery { search: Some("csb_test_0".into()), environment: Some("test".into()), ..everything() },
        OverviewQuery { account: account.clone(), ..everything() },
        OverviewQuery { account: account.clone(), search: Some("SYNC".into()), ..everything() },
        OverviewQuery { account: account.clone(), search: Some("ökon".into()), ..everything() },
        OverviewQuery { account, search: Some("csb_pub_1".into()), environment: Some("live".into()), ..everything() },
    ] {
        for query in lists(&query) {
            let (expected, length) = expected(&keys, &query, usize::MAX);
            assert_eq!(listed(&case, query.clone(), usize::MAX).await, expected, "{query:?}");
            let counts = case.store.overview(query.clone()).await.unwrap().counts;
            assert_eq!(counts.of(query.view), Count::exactly(length), "{query:?}");
        }
    }
}

pub(super) async fn lists_of_more_keys_than_are_counted_are_as_right_as_short_ones(case: Case) {
    filled(&case, 11_500).await;
    let keys = all(&case).await;
    let most = 14;
    for (first, query) in [
        everything(),
        OverviewQuery { environment: Some("live".into()), ..everything() },
        OverviewQuery { ages: Ages { unused: Duration::ZERO, ..Ages::default() }, ..everything() },
        OverviewQuery { search: Some("csb_".into()), ..everything() },
    ]
    .into_iter()
    .enumerate()
    {
        // Every third of them, beginning elsewhere each time.
        for query in lists(&query).into_iter().skip(first).step_by(3) {
            let (expected, length) = expected(&keys, &query, most);
            assert_eq!(listed(&case, query.clone(), most).await[..expected.len()], expected, "{query:?}");
            let count = case.store.overview(query.clone()).await.unwrap().counts.of(query.view);
            let is_sampled = query.search.is_some();
            assert_eq!(count.is_exact, length <= COUNTED && !is_sampled, "{query:?}");
            assert!(count.number <= length as u64 && (is_sampled || count.number == length.min(COUNTED) as u64), "{query:?}");
        }
    }
}

pub(super) async fn a_key_in_a_list_comes_with_its_state_and_its_last_use(case: Case) {
    filled(&case, 150).await;
    let keys = all(&case).await;
    let list = case.store.overview(OverviewQuery { limit: 1_000, ..everything() }).await.unwrap();
    assert_eq!((list.keys.len(), list.previous, list.next), (keys.len(), None, None));
    for key in &list.keys {
        let (row, last_use) = keys.iter().find(|(row, _)| row.id == key.row.id).unwrap();
        assert_eq!((&key.row, &key.last_use), (row, last_use));
        let (ages, key_and_use) = (Ages::default(), (row.clone(), *last_use));
        let wants_attention = matches!(key.state, KeyState::Overdue | KeyState::Expiring | KeyState::Replaced);
        assert_eq!(wants_attention, is_in(View::Attention, &key_and_use, &ages), "{row:?}");
        if key.state == KeyState::Unused {
            assert!(is_in(View::Unused, &key_and_use, &ages), "{row:?}");
        }
        assert_eq!(key.state == KeyState::Revoked, is_in(View::Revoked, &key_and_use, &ages), "{row:?}");
    }
}

pub(super) async fn noting_which_keys_have_expired_changes_no_list(case: Case) {
    filled(&case, 150).await;
    let query = OverviewQuery { limit: 1_000, sort: SortBy::Expires.usual(), ..everything() };
    let before = case.store.overview(query.clone()).await.unwrap();
    let note = async |limit| case.store.note_expired(API, at(NOW), limit).await.unwrap();
    assert_eq!(note(3).await, 3);
    assert!(note(1_000).await > 3);
    assert_eq!((note(1_000).await, case.store.note_expired("backbone", at(NOW), 9).await.unwrap()), (0, 0));
    assert_eq!(case.store.overview(query.clone()).await.unwrap(), before);
    // A key that gets another end works again.
    let expired = before.keys.iter().find(|key| key.state == KeyState::Expired).unwrap().row.id;
    let patch = KeyPatch { expires_at: Some(None), ..KeyPatch::default() };
    case.append(NOW, Change::UpdateKey { api: API.into(), key: expired, patch: Box::new(patch) }).await.unwrap();
    let keys = all(&case).await;
    for query in VIEWS.map(|view| OverviewQuery { view, ..query.clone() }) {
        assert_eq!(ids(&case.store.overview(query.clone()).await.unwrap()), expected(&keys, &query, usize::MAX).0);
    }
}

pub(super) async fn a_list_shows_nothing_of_another_api_or_account(case: Case) {
    filled(&case, 30).await;
    for query in [
        OverviewQuery { api: "backbone".into(), ..everything() },
        OverviewQuery { account: Some("nobody".parse().unwrap()), ..everything() },
        OverviewQuery { environment: Some("staging".into()), ..everything() },
        OverviewQuery { search: Some("%".into()), ..everything() },
    ] {
        let list = case.store.overview(query).await.unwrap();
        assert_eq!((list.keys.len(), list.counts.all, list.skipped), (0, Count::exactly(0), Some(0)));
    }
}
