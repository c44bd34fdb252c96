//! Events.

use std::time::Duration;

use bitting_core::event::{EventKind, Severity};
use bitting_core::member::MemberId;
use bitting_store::{EventFilter, EventRow, Fold, Page, Raised, UsageBatch};
use serde_json::json;

use super::super::fixture::{API, at, id, revoke};
use super::Case;

const HOUR: i64 = 3_600_000;

fn raised(kind: EventKind, ms: i64, fold: Fold) -> Raised {
    let data = json!({"at": ms});
    Raised { kind, api: API.into(), account: None, key: None, at: at(ms), count: 1, fold, data }
}

fn of_key(kind: EventKind, ms: i64, number: u8) -> Raised {
    let account = if number == 9 { "other" } else { "acme" };
    Raised { account: Some(account.parse().unwrap()), key: Some(id(number)), ..raised(kind, ms, Fold::Each) }
}

fn episode(ms: i64, count: u64) -> Raised {
    let (gap, most) = (Duration::from_hours(1), Duration::from_hours(3));
    Raised { count, ..raised(EventKind::AuthFailures, ms, Fold::Episode { subject: "of all".into(), gap, most }) }
}

async fn all(case: &Case) -> Vec<EventRow> {
    case.store.events_after(0, 1_000).await.unwrap()
}

async fn list(case: &Case, filter: EventFilter) -> Vec<u64> {
    let page = Page { after: None, limit: 100 };
    let rows = case.store.events(API, filter.clone(), page).await.unwrap();
    assert_eq!(case.store.count_events(API, filter, 100).await.unwrap(), rows.len());
    rows.iter().map(|row| row.number).collect()
}

pub(super) async fn an_episode_is_one_event_that_is_counted_up_until_it_is_over(case: Case) {
    case.store.raise(vec![episode(0, 3), episode(HOUR, 4)]).await.unwrap();
    case.store.raise(vec![episode(2 * HOUR, u64::MAX)]).await.unwrap();
    let rows = all(&case).await;
    assert_eq!((rows.len(), rows[0].at, rows[0].last_at), (1, at(0), at(2 * HOUR)));
    assert_eq!((rows[0].count, &rows[0].data["at"]), (u64::try_from(i64::MAX).unwrap(), &json!(2 * HOUR)));
    let other = raised(
        EventKind::AuthFailures,
        2 * HOUR,
        Fold::Episode { subject: "of another".into(), gap: Duration::from_hours(1), most: Duration::from_hours(3) },
    );
    // Of another subject; too long after it began; and after nothing happened for too long.
    case.store.raise(vec![other, episode(3 * HOUR + 1, 1), episode(4 * HOUR + 2, 1)]).await.unwrap();
    assert_eq!(
        all(&case).await.iter().map(|row| row.at).collect::<Vec<_>>(),
        [0, 2 * HOUR, 3 * HOUR + 1, 4 * HOUR + 2].map(at)
    );
}

pub(super) async fn what_happens_once_is_told_once_whoever_raises_it_again(case: Case) {
    let once = |ms, name: &str| raised(EventKind::KeyExpiring, ms, Fold::Once(name.into()));
    case.store.raise(vec![once(0, "a 30"), once(1, "a 7"), once(2, "a 30")]).await.unwrap();
    let case = case.reopened();
    case.store.raise(vec![once(400 * 24 * HOUR, "a 7"), once(3, "b 7")]).await.unwrap();
    assert_eq!(
        all(&case).await.iter().map(|row| (row.at, row.count)).collect::<Vec<_>>(),
        [(at(0), 1), (at(1), 1), (at(3), 1)]
    );
}

pub(super) async fn what_a_batch_of_usage_raises_is_written_with_it_and_once(case: Case) {
    let batch =
        UsageBatch { raised: vec![episode(0, 3), raised(EventKind::AddressBanned, 1, Fold::Each)], ..UsageBatch::default() };
    for _ in 0..2 {
        case.store.add_usage(1, batch.clone()).await.unwrap();
    }
    let told: Vec<_> = all(&case).await.iter().map(|row| (row.kind, row.count)).collect();
    assert_eq!(told, [(EventKind::AuthFailures, 3), (EventKind::AddressBanned, 1)]);
}

pub(super) async fn events_are_listed_newest_first_by_each_filter_and_by_pages(case: Case) {
    let elsewhere = Raised { api: "elsewhere".into(), ..of_key(EventKind::KeyLeaked, 1, 1) };
    let raised = vec![
        of_key(EventKind::KeyLeaked, 1, 1),
        elsewhere,
        of_key(EventKind::KeyExpired, 2, 1),
        of_key(EventKind::KeyUnused, 3, 2),
        of_key(EventKind::KeyLeaked, 4, 9),
        episode(5, 1),
    ];
    case.store.raise(raised).await.unwrap();
    let everything = EventFilter::default;
    let acme = || EventFilter { account: Some("acme".parse().unwrap()), ..everything() };
    assert_eq!(list(&case, everything()).await, [6, 5, 4, 3, 1]);
    assert_eq!(list(&case, acme()).await, [4, 3, 1]);
    assert_eq!(list(&case, EventFilter { key: Some(id(1)), ..everything() }).await, [3, 1]);
    assert_eq!(list(&case, EventFilter { severity: Some(Severity::Critical), ..everything() }).await, [5, 1]);
    assert_eq!(list(&case, EventFilter { severity: Some(Severity::Critical), ..acme() }).await, [1]);
    assert_eq!(list(&case, EventFilter { severity: Some(Severity::Warning), ..everything() }).await, [6, 3]);
    assert_eq!(list(&case, EventFilter { severity: Some(Severity::Warning), ..acme() }).await, [3]);
    assert_eq!(list(&case, EventFilter { severity: Some(Severity::Notice), ..everything() }).await, [4]);
    assert_eq!(list(&case, EventFilter { severity: Some(Severity::Notice), ..acme() }).await, [4]);
    assert_eq!(list(&case, EventFilter { urgent: true, ..everything() }).await, [6, 5, 3, 1]);
    assert_eq!(list(&case, EventFilter { urgent: true, since: Some(1), ..acme() }).await, [3]);
    assert_eq!(list(&case, EventFilter { urgent: true, key: Some(id(2)), ..everything() }).await, [0; 0]);
    assert_eq!(list(&case, EventFilter { kinds: vec![EventKind::KeyLeaked], ..everything() }).await, [5, 1]);
    let kinds = vec![EventKind::KeyLeaked, EventKind::KeyUnused];
    assert_eq!(list(&case, EventFilter { kinds: kinds.clone(), ..everything() }).await, [5, 4, 1]);
    assert_eq!(list(&case, EventFilter { kinds, since: Some(1), until: Some(at(4)), ..everything() }).await, [4]);
    assert_eq!(list(&case, EventFilter { from: Some(at(3)), ..everything() }).await, [6, 5, 4]);
    let page = case.store.events(API, everything(), Page { after: Some(5), limit: 2 }).await.unwrap();
    assert_eq!(page.iter().map(|row| row.number).collect::<Vec<_>>(), [4, 3]);
    let since = case.store.events_since(API, EventFilter { since: Some(1), ..acme() }, 1).await.unwrap();
    assert_eq!(since.iter().map(|row| row.number).collect::<Vec<_>>(), [3]);
    assert_eq!(case.store.count_events(API, everything(), 3).await.unwrap(), 3);
    assert_eq!(page[0].id().number(), 4);
}

pub(super) async fn events_are_forgotten_when_they_are_over_and_their_numbers_never_come_back(case: Case) {
    let case = case.filled().await;
    case.append(20, revoke(1)).await.unwrap();
    case.store.raise(vec![episode(30, 1), episode(HOUR, 1), of_key(EventKind::KeyUnused, 31, 2)]).await.unwrap();
    assert_eq!(case.store.forget_events("elsewhere", at(HOUR), 10).await.unwrap(), 0);
    assert_eq!(case.store.forget_events(API, at(HOUR), 2).await.unwrap(), 2);
    // One that still goes on is kept, however long ago it began.
    assert_eq!(case.store.forget_events(API, at(HOUR), 10).await.unwrap(), 2);
    assert_eq!(all(&case).await.iter().map(|row| row.number).collect::<Vec<_>>(), [4]);
    assert_eq!(case.store.forget_events(API, at(HOUR + 1), 10).await.unwrap(), 1);
    assert_eq!(case.store.last_event().await.unwrap(), 5);
    case.store.raise(vec![episode(9 * HOUR, 1)]).await.unwrap();
    let case = case.reopened();
    assert_eq!((all(&case).await[0].number, case.store.last_event().await.unwrap()), (6, 6));
}

pub(super) async fn a_member_reads_the_events_of_each_api_up_to_a_number_that_does_not_go_back(case: Case) {
    let (mara, tomasz) = (MemberId::from_bytes([1; 16]), MemberId::from_bytes([2; 16]));
    assert_eq!(case.store.read_up_to(mara, API).await.unwrap(), 0);
    for (member, api, number) in [(mara, API, 7), (mara, API, 3), (mara, "elsewhere", 9), (tomasz, API, u64::MAX)] {
        case.store.mark_read(member, api, number).await.unwrap();
    }
    let case = case.reopened();
    assert_eq!(case.store.read_up_to(mara, API).await.unwrap(), 7);
    assert_eq!(case.store.read_up_to(mara, "elsewhere").await.unwrap(), 9);
    let last = u64::try_from(i64::MAX).unwrap();
    assert_eq!(case.store.read_up_to(tomasz, API).await.unwrap(), last);
    assert_eq!(case.store.read_up_to(tomasz, "elsewhere").await.unwrap(), 0);
}
