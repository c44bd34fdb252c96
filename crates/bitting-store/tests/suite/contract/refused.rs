//! What was refused of late.

use std::time::Duration;

use bitting_store::{
    KEPT_OF_KEY, KEPT_OF_KEYLESS, Refused, RefusedBearer, RefusedOf, RefusedQuery, RefusedRequest, RefusedRow, UsageBatch,
};

use super::super::fixture::{API, at, id};
use super::Case;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;

/// A request of a key of `acme`, which lacks something.
fn request(number: u8) -> RefusedRequest {
    RefusedRequest {
        api: API.into(),
        bearer: Some(RefusedBearer { key: id(number), account: "acme".parse().unwrap(), environment: "live".into() }),
        reason: "insufficient_permission".into(),
        wanted: "tasks:delete".into(),
        method: "DELETE".into(),
        route: "DELETE /v1/tasks/{id}".into(),
        address: Some([192, 0, 2, 1].into()),
    }
}

fn refused(request: RefusedRequest, first: i64, last: i64, times: u64) -> Refused {
    Refused { row: RefusedRow { request, first: at(first), last: at(last), times }, within: Duration::from_hours(1) }
}

async fn note(case: &Case, refused: impl Into<Vec<Refused>>) {
    case.add_batch(UsageBatch { refused: refused.into(), ..UsageBatch::default() }).await.unwrap();
}

async fn find(case: &Case, of: RefusedOf) -> Vec<RefusedRow> {
    ask(case, RefusedQuery { api: API.into(), of, environment: None, reasons: Vec::new(), limit: 1_000 }).await
}

async fn ask(case: &Case, query: RefusedQuery) -> Vec<RefusedRow> {
    case.store.refused(query).await.unwrap()
}

pub(super) async fn refusals_of_one_kind_that_follow_one_another_are_one_row(case: Case) {
    note(&case, [refused(request(1), 10, 20, 3), refused(request(1), 25, 30, 2)]).await;
    note(&case, [refused(request(1), 30 + HOUR, 40 + HOUR, 1)]).await;
    let whole = RefusedRow { request: request(1), first: at(10), last: at(40 + HOUR), times: 6 };
    assert_eq!(find(&case, RefusedOf::Key(id(1))).await, std::slice::from_ref(&whole));
    // Later than that, it is another time.
    note(&case, [refused(request(1), 41 + 2 * HOUR, 42 + 2 * HOUR, 1)]).await;
    let again = RefusedRow { first: at(41 + 2 * HOUR), last: at(42 + 2 * HOUR), times: 1, ..whole.clone() };
    assert_eq!(find(&case, RefusedOf::Key(id(1))).await, [again.clone(), whole.clone()]);
    // A batch that is written again counts once.
    let batch = UsageBatch { refused: vec![refused(request(1), 43 + 2 * HOUR, 43 + 2 * HOUR, 4)], ..UsageBatch::default() };
    let number = case.store.last_batch().await.unwrap() + 1;
    for _ in 0..2 {
        case.store.add_usage(number, batch.clone()).await.unwrap();
    }
    assert_eq!(find(&case, RefusedOf::Key(id(1))).await[0].times, 5);
    let other = |change: fn(&mut RefusedRequest)| {
        let mut other = request(1);
        change(&mut other);
        refused(other, 42 + 2 * HOUR, 42 + 2 * HOUR, 1)
    };
    let others = [
        other(|other| other.reason = "expired_key".into()),
        other(|other| other.wanted = "tasks:write".into()),
        other(|other| other.method = "PUT".into()),
        other(|other| other.route = "*".into()),
        other(|other| other.address = Some("2001:db8::7".parse().unwrap())),
        other(|other| other.address = None),
    ];
    note(&case, others.clone()).await;
    note(&case, others.clone()).await;
    let rows = find(&case, RefusedOf::Key(id(1))).await;
    assert_eq!(rows.len(), 8);
    for other in others {
        assert!(rows.contains(&RefusedRow { times: 2, ..other.row }));
    }
}

pub(super) async fn refusals_are_listed_latest_first_by_whose_they_are(case: Case) {
    let keyless = RefusedRequest { bearer: None, reason: "unknown_key".into(), wanted: "".into(), ..request(1) };
    let mut elsewhere = request(3);
    elsewhere.bearer.as_mut().unwrap().account = "other".parse().unwrap();
    elsewhere.bearer.as_mut().unwrap().environment = "test".into();
    let foreign = RefusedRequest { api: "backbone".into(), ..request(1) };
    let limited = RefusedRequest { reason: "rate_limited".into(), wanted: "minute".into(), ..request(2) };
    let all = [request(1), limited, elsewhere, keyless];
    for (ms, request) in (1..).zip(all.iter().chain([&foreign])) {
        note(&case, [refused(request.clone(), ms, ms, 1)]).await;
    }
    let [first, limited, elsewhere, keyless] = all;
    let requests = async |of| find(&case, of).await.into_iter().map(|row| row.request).collect::<Vec<_>>();
    assert_eq!(requests(RefusedOf::Api).await, [&keyless, &elsewhere, &limited, &first].map(Clone::clone));
    assert_eq!(requests(RefusedOf::Account("acme".parse().unwrap())).await, [limited.clone(), first.clone()]);
    assert_eq!(requests(RefusedOf::Key(id(1))).await, [first]);
    assert_eq!(requests(RefusedOf::Keyless).await, [keyless]);
    let query = RefusedQuery { api: API.into(), of: RefusedOf::Api, environment: None, reasons: Vec::new(), limit: 9 };
    let with = RefusedQuery { reasons: vec!["rate_limited".into(), "quota_exceeded".into()], ..query.clone() };
    assert_eq!(ask(&case, with).await[0].request, limited);
    let with = RefusedQuery { environment: Some("test".into()), ..query.clone() };
    assert_eq!(ask(&case, with).await[0].request, elsewhere);
    assert_eq!(ask(&case, RefusedQuery { limit: 2, ..query }).await.len(), 2);
}

pub(super) async fn of_each_key_the_latest_refusals_are_kept_and_nobody_elses_go_for_them(case: Case) {
    note(&case, [refused(request(2), 1, 1, 1)]).await;
    let routed = |request: RefusedRequest, number: usize| {
        let ms = i64::try_from(number).unwrap() + 10;
        refused(RefusedRequest { route: format!("GET /{number}").into(), ..request }, ms, ms, 1)
    };
    let keyless = || RefusedRequest { bearer: None, ..request(1) };
    for number in 0..KEPT_OF_KEYLESS + 5 {
        note(&case, [routed(request(1), number), routed(keyless(), number)]).await;
    }
    let rows = find(&case, RefusedOf::Key(id(1))).await;
    let latest = format!("GET /{}", KEPT_OF_KEYLESS + 4);
    assert_eq!((rows.len(), &*rows[0].request.route), (KEPT_OF_KEY, &*latest));
    let rows = find(&case, RefusedOf::Keyless).await;
    assert_eq!((rows.len(), &*rows[0].request.route), (KEPT_OF_KEYLESS, &*latest));
    assert_eq!(find(&case, RefusedOf::Key(id(2))).await.len(), 1);
}

pub(super) async fn requests_of_one_kind_from_very_many_addresses_are_put_together(case: Case) {
    note(&case, [refused(RefusedRequest { wanted: "tasks:write".into(), ..request(1) }, 1, 1, 1)]).await;
    let from = |number: u8| RefusedRequest { address: Some([198, 51, 100, number].into()), ..request(1) };
    for number in 0..100_i64 {
        let [one, other] = [0, 100].map(|of| u8::try_from(number + of).unwrap());
        let first = 10 + number * MINUTE / 2;
        note(&case, [refused(from(one), first, first, 1), refused(from(other), first, first, 1)]).await;
    }
    let rows = find(&case, RefusedOf::Key(id(1))).await;
    let mut times: Vec<u64> = rows.iter().map(|row| row.times).collect();
    times.sort_unstable();
    assert_eq!(times, [1, 1, 1, 1, 1, 1, 195], "{rows:?}");
    // An hour later these addresses are no longer in the way.
    let later = 10 + 3 * HOUR;
    note(&case, [refused(from(7), later, later, 1)]).await;
    assert_eq!(find(&case, RefusedOf::Key(id(1))).await[0].request, from(7));
}

pub(super) async fn refusals_are_forgotten_with_the_usage_of_their_time(case: Case) {
    for minute in [1, 2, 3] {
        let route = format!("GET /{minute}").into();
        let request = RefusedRequest { route, ..request(1) };
        note(&case, [refused(request, minute * MINUTE, minute * MINUTE, 1)]).await;
    }
    let forget = async |api, ms, limit| case.store.forget_usage(api, at(ms), limit).await.unwrap();
    assert_eq!((forget("backbone", HOUR, 9).await, forget(API, 3 * MINUTE, 1).await), (0, 1));
    assert_eq!((forget(API, 3 * MINUTE, 9).await, forget(API, 3 * MINUTE, 9).await), (1, 0));
    assert_eq!(find(&case, RefusedOf::Api).await.len(), 1);
    let case = case.reopened();
    assert_eq!(find(&case, RefusedOf::Api).await.len(), 1);
}
