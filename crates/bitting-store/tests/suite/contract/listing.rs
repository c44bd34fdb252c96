//! Lists: which rows, in which order, and where a page goes on.

use bitting_core::record::Sequence;
use bitting_store::{Actor, AuditFilter, Entry, KeyFilter, KeyPatch, KeySearch, KeyStatus, Page, StatusFilter};

use super::super::fixture::{API, at, digest, entry, id, new_account, new_key, revoke, rotate, suspend, update};
use super::Case;

const LIMIT: usize = 100;

/// The numbers of the keys of a list, read in pages of two.
async fn listed(case: &Case, filter: KeyFilter) -> Vec<u8> {
    let (mut numbers, mut after) = (Vec::new(), None);
    loop {
        let rows = case.store.keys(API, filter.clone(), Page { after, limit: 2 }).await.unwrap();
        numbers.extend(rows.iter().map(|row| (1..=50).find(|&number| id(number) == row.id).unwrap()));
        match rows.last().filter(|_| rows.len() == 2) {
            Some(last) => after = Some(filter.cursor(last)),
            None => return numbers,
        }
    }
}

fn made_by(key: u8, mut entry: Entry) -> Entry {
    entry.origin.actor = Actor::Key(id(key));
    entry
}

fn named(name: &str, permissions: &[&str]) -> KeyPatch {
    let permissions = permissions.iter().map(|name| name.parse().unwrap()).collect();
    KeyPatch { name: Some(name.to_owned()), permissions: Some(permissions), ..KeyPatch::default() }
}

/// Accounts `acme` with the odd keys and `other` with the even ones, six in all; key 5 is revoked, 6 disabled, 4 expired
/// at 40.
async fn filled(case: &Case) {
    let mut batch = vec![entry(1, new_account("acme")), entry(1, new_account("other"))];
    for number in 1..=6 {
        let account = if number % 2 == 1 { "acme" } else { "other" };
        batch.push(entry(10 + i64::from(number), new_key(number, account)));
    }
    let disabled = KeyPatch { enabled: Some(false), ..KeyPatch::default() };
    let ending = KeyPatch { expires_at: Some(Some(at(40))), ..KeyPatch::default() };
    batch.push(entry(20, revoke(5)));
    batch.push(entry(20, update(6, disabled)));
    batch.push(entry(20, update(4, ending)));
    batch.push(entry(21, update(1, named("Alpha", &["tasks:read", "tasks:write"]))));
    batch.push(entry(21, update(2, named("alphabet", &[]))));
    batch.push(entry(21, update(3, named("beta", &["tasks:write"]))));
    batch.push(made_by(3, entry(22, new_key(7, "acme"))));
    for answer in case.append_all(batch).await {
        answer.unwrap();
    }
}

pub(super) async fn keys_are_listed_by_each_filter_and_by_all_of_them_together(case: Case) {
    filled(&case).await;
    let all = KeyFilter::default();
    let status = |status| KeyFilter { status: Some((status, at(50))), ..KeyFilter::default() };
    let is = |word| status(StatusFilter::Is(word));
    let account = |name: &str| KeyFilter { account: Some(name.parse().unwrap()), ..KeyFilter::default() };
    let creator = |text: String| KeyFilter { creator: Some(text), ..KeyFilter::default() };
    let permission = |name: &str| KeyFilter { permission: Some(name.parse().unwrap()), ..KeyFilter::default() };
    for (filter, expected) in [
        (all, vec![7, 6, 5, 4, 3, 2, 1]),
        (status(StatusFilter::NotRevoked), vec![7, 6, 4, 3, 2, 1]),
        (is(KeyStatus::Revoked), vec![5]),
        (is(KeyStatus::Disabled), vec![6]),
        (is(KeyStatus::Expired), vec![4]),
        (is(KeyStatus::Active), vec![7, 3, 2, 1]),
        (account("other"), vec![6, 4, 2]),
        (creator(id(3).to_string()), vec![7]),
        (creator("cli:tester".to_owned()), vec![6, 5, 4, 3, 2, 1]),
        (permission("tasks:write"), vec![3, 1]),
        (permission("tasks:none"), vec![]),
        (KeyFilter { environment: Some("live".into()), ..account("acme") }, vec![7, 5, 3, 1]),
        (KeyFilter { environment: Some("test".into()), ..account("acme") }, vec![]),
        (KeyFilter { permission: permission("tasks:write").permission, ..account("acme") }, vec![3, 1]),
        (KeyFilter { permission: permission("tasks:write").permission, ..account("other") }, vec![]),
        (KeyFilter { status: is(KeyStatus::Active).status, ..permission("tasks:read") }, vec![7, 1]),
        (KeyFilter { status: is(KeyStatus::Active).status, ..creator("cli:tester".to_owned()) }, vec![3, 2, 1]),
        (
            KeyFilter {
                account: account("acme").account,
                environment: Some("live".into()),
                status: is(KeyStatus::Active).status,
                creator: Some("cli:tester".into()),
                creator_removed: false,
                permission: permission("tasks:read").permission,
                search: Some(KeySearch::Name("al".into())),
            },
            vec![1],
        ),
    ] {
        assert_eq!(listed(&case, filter.clone()).await, expected, "{filter:?}");
    }
}

pub(super) async fn names_and_prefixes_are_searched_in_their_order_and_by_pages(case: Case) {
    filled(&case).await;
    let name = |text: &str| KeyFilter { search: Some(KeySearch::Name(text.into())), ..KeyFilter::default() };
    let prefix = |text: &str| KeyFilter { search: Some(KeySearch::Prefix(text.into())), ..KeyFilter::default() };
    assert_eq!(listed(&case, name("alpha")).await, [1, 2]);
    assert_eq!(listed(&case, name("ALPHAB")).await, [2]);
    assert_eq!(listed(&case, name("key")).await, [4, 5, 6, 7]);
    assert_eq!(listed(&case, name("")).await, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(listed(&case, name("%")).await, [0u8; 0]);
    assert_eq!(listed(&case, prefix("csb_pub_")).await, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(listed(&case, prefix("csb_pub_3")).await, [3]);
    assert_eq!(listed(&case, prefix("CSB")).await, [0u8; 0]);
    // The keys of one account are few: they stay in their own order.
    let of_acme = KeyFilter { account: Some("acme".parse().unwrap()), ..name("k") };
    assert_eq!(listed(&case, of_acme).await, [7, 5]);
}

pub(super) async fn a_key_is_listed_under_the_permissions_that_it_has_now(case: Case) {
    filled(&case).await;
    let with =
        async |name: &str| listed(&case, KeyFilter { permission: Some(name.parse().unwrap()), ..KeyFilter::default() }).await;
    assert_eq!((with("tasks:write").await, with("tasks:read").await), (vec![3, 1], vec![7, 6, 5, 4, 1]));
    case.append(30, update(3, named("beta", &["tasks:read"]))).await.unwrap();
    case.append(31, rotate(1, 8, Some(100))).await.unwrap();
    assert_eq!((with("tasks:write").await, with("tasks:read").await), (vec![8, 1], vec![8, 7, 6, 5, 4, 3, 1]));
}

pub(super) async fn descendants_are_found_through_every_generation_and_rotation(case: Case) {
    let mut batch = vec![entry(1, new_account("acme")), entry(2, new_key(1, "acme"))];
    // 1 made 2, 2 made 3; 1 was rotated into 4 by somebody else, and 4 made 5. 6 is nobody's.
    batch.push(made_by(1, entry(3, new_key(2, "acme"))));
    batch.push(made_by(2, entry(4, new_key(3, "acme"))));
    batch.push(entry(5, rotate(1, 4, Some(100))));
    batch.push(made_by(4, entry(6, new_key(5, "acme"))));
    batch.push(entry(7, new_key(6, "acme")));
    batch.push(entry(8, revoke(2)));
    for answer in case.append_all(batch).await {
        answer.unwrap();
    }
    let of = async |number| {
        let mut found = case.store.descendants(API, id(number)).await.unwrap();
        found.sort();
        found
    };
    assert_eq!(of(1).await, [id(2), id(3)]);
    assert_eq!(of(4).await, [id(2), id(3), id(5)]);
    assert_eq!(of(3).await, []);
    assert_eq!(case.store.descendants("backbone", id(1)).await.unwrap(), []);
}

pub(super) async fn the_audit_log_is_listed_newest_first_by_filter_and_page(case: Case) {
    filled(&case).await;
    let log = async |filter: AuditFilter, after, limit| {
        let rows = case.store.audit_log(API, filter, Page { after, limit }).await.unwrap();
        rows.iter().map(|row| (row.sequence.0, row.action.clone())).collect::<Vec<_>>()
    };
    let all = log(AuditFilter::default(), None, LIMIT).await;
    assert_eq!((all.len(), all[0].1.as_str(), all[14].1.as_str()), (15, "key.created", "account.created"));
    assert!(all.is_sorted_by(|a, b| a.0 > b.0));
    assert_eq!(log(AuditFilter::default(), Some(Sequence(15)), 2).await, all[1..3]);
    let subject = AuditFilter { subject: Some(id(5).to_string()), ..AuditFilter::default() };
    assert_eq!(log(subject.clone(), None, LIMIT).await.len(), 2);
    let revoked = AuditFilter { action: Some("key.revoked".into()), ..subject };
    assert_eq!(log(revoked, None, LIMIT).await.len(), 1);
    let actor = AuditFilter { actor: Some(id(3).to_string()), ..AuditFilter::default() };
    assert_eq!(log(actor, None, LIMIT).await, all[..1]);
    let between = AuditFilter { from: Some(at(20)), until: Some(at(21)), ..AuditFilter::default() };
    assert_eq!(log(between, None, LIMIT).await.len(), 3);
    let row = &case.store.audit_log(API, AuditFilter::default(), Page { after: None, limit: 1 }).await.unwrap()[0];
    assert_eq!(
        (row.address.as_deref(), row.actor.as_str(), row.request_id.as_str()),
        (Some("192.0.2.1"), &*id(3).to_string(), "request-22")
    );
    assert_eq!(case.store.audit_log("backbone", AuditFilter::default(), Page { after: None, limit: 9 }).await.unwrap(), []);
}

pub(super) async fn expired_keys_are_listed_by_their_ends_and_by_pages(case: Case) {
    let mut batch = vec![entry(1, new_account("acme"))];
    batch.extend((1..=6).map(|number| entry(2, new_key(number, "acme"))));
    for (number, end) in [(1, 30), (2, 10), (3, 30), (4, 20), (5, 60)] {
        batch.push(entry(3, update(number, KeyPatch { expires_at: Some(Some(at(end))), ..KeyPatch::default() })));
    }
    for answer in case.append_all(batch).await {
        answer.unwrap();
    }
    let expired = KeyFilter { status: Some((StatusFilter::Is(KeyStatus::Expired), at(50))), ..KeyFilter::default() };
    assert_eq!(listed(&case, expired.clone()).await, [3, 1, 4, 2]);
    let of_account = KeyFilter { account: Some("acme".parse().unwrap()), ..expired };
    assert_eq!(listed(&case, of_account).await, [4, 3, 2, 1], "the newest first, as all lists of an account");
}

pub(super) async fn keys_are_recognised_by_what_they_are_looked_up_by_whatever_their_api(case: Case) {
    filled(&case).await;
    let other = bitting_store::NewAccount { api: "other".into(), id: "acme".parse().unwrap(), name: String::new(), plan: None };
    case.store.append(vec![entry(60, bitting_store::Change::CreateAccount(other)), entry(61, suspend("other"))]).await.unwrap();
    let asked = [digest(5), digest(99), digest(2), digest(1), digest(1)];
    let found = case.store.recognise(asked.to_vec()).await.unwrap();
    let told: Vec<_> = found.iter().map(|found| found.as_ref().map(|key| (key.row.id, key.is_account_enabled))).collect();
    assert_eq!(told, [Some((id(5), true)), None, Some((id(2), false)), Some((id(1), true)), Some((id(1), true))]);
    assert!(found[0].as_ref().unwrap().row.revoked_at.is_some());
    assert_eq!(case.store.recognise(Vec::new()).await.unwrap(), []);
}
