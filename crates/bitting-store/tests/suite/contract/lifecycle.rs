//! What time does to keys, as far as a store has to know of it.

use bitting_core::event::EventKind;
use bitting_core::key::KeyId;
use bitting_core::member::{MemberId, Token};
use bitting_core::record::Sequence;
use bitting_store::{
    AccountPatch, Actor, Change, KeyFilter, KeyPatch, Line, LinkPurpose, MemberPatch, NewKey, NewLink, NewMember, Page,
    PasswordHash, Place, Refusal, Span, Sweep,
};
use serde_json::json;

use super::super::fixture::{API, at, entry, id, new_account, new_key, revoke, rotate, suspend, update};
use super::Case;

fn renew(number: u8, plan: Option<&str>, (ends_at, until): (i64, i64)) -> Change {
    let plan = plan.map(str::to_owned);
    let (ends_at, until) = (at(ends_at), at(until));
    Change::RenewKey { api: API.into(), key: id(number), plan, ends_at, begins_at: ends_at, until }
}

fn ending(number: u8, end: i64, auto_renew: bool) -> Change {
    let Change::CreateKey(new) = new_key(number, "acme") else { unreachable!() };
    Change::CreateKey(Box::new(NewKey { expires_at: Some(at(end)), auto_renew, ..*new }))
}

pub(super) async fn a_key_is_renewed_as_was_decided_or_not_at_all(case: Case) {
    case.append(10, new_account("acme")).await.unwrap();
    case.append(20, ending(1, 1_000, true)).await.unwrap();
    let renewed = case.append(990, renew(1, None, (1_000, 1_980))).await.unwrap().keys.remove(0).row;
    assert_eq!((renewed.expires_at, renewed.term_began_at), (Some(at(1_980)), Some(at(1_000))));
    assert_eq!(renewed.term().map(|term| term.as_millis()), Some(980), "as long as the first one");
    let event = case.store.events_after(0, 10).await.unwrap().pop().unwrap();
    assert_eq!((event.kind, event.data["previous_expires_at"].clone()), (EventKind::KeyRenewed, json!(at(1_000))));
    let audit = case.store.audit(Sequence(2), 10).await.unwrap().pop().unwrap();
    assert_eq!((&*audit.action, &audit.before["expires_at"]), ("key.renewed", &json!(at(1_000))));
    // Whatever it was decided on is another now.
    let not = Err(Refusal::NotRenewed(id(1)));
    assert_eq!(case.append(991, renew(1, None, (1_000, 1_980))).await, not, "it was renewed already");
    assert_eq!(case.append(991, renew(1, Some("paid"), (1_980, 2_960))).await, not, "its account has another plan");
    let patched = |patch| update(1, patch);
    for (undoing, change) in [
        (KeyPatch { enabled: Some(true), ..KeyPatch::default() }, KeyPatch { enabled: Some(false), ..KeyPatch::default() }),
        (
            KeyPatch { auto_renew: Some(true), ..KeyPatch::default() },
            KeyPatch { auto_renew: Some(false), ..KeyPatch::default() },
        ),
    ] {
        case.append(992, patched(change)).await.unwrap();
        assert_eq!(case.append(993, renew(1, None, (1_980, 2_960))).await, not);
        case.append(994, patched(undoing)).await.unwrap();
    }
    case.append(995, suspend("acme")).await.unwrap();
    assert_eq!(case.append(996, renew(1, None, (1_980, 2_960))).await, not);
    let account = "acme".parse().unwrap();
    let patch = AccountPatch { enabled: Some(true), ..AccountPatch::default() };
    case.append(997, Change::UpdateAccount { api: API.into(), account, patch }).await.unwrap();
    // Another end by hand begins another term.
    let end = KeyPatch { expires_at: Some(Some(at(1_500))), ..KeyPatch::default() };
    assert_eq!(case.append(1_000, patched(end)).await.unwrap().keys[0].row.term().map(|term| term.as_millis()), Some(500));
    case.append(1_001, rotate(1, 2, Some(1_400))).await.unwrap();
    assert_eq!(case.append(1_002, renew(1, None, (1_400, 1_900))).await, not);
    case.append(1_003, revoke(1)).await.unwrap();
    assert_eq!(case.append(1_004, renew(1, None, (1_400, 1_900))).await, Err(Refusal::KeyRevoked(id(1))));
}

/// The numbers of the keys on a line, read by twos, with their times.
async fn along(case: &Case, line: Line, from: i64, until: i64) -> Vec<(i64, u8)> {
    let (mut found, mut after) = (Vec::new(), Place::end_of(at(from)));
    loop {
        let span = Span { after, until: at(until) };
        let part = case.store.along(API, line.clone(), span, 2).await.unwrap();
        for (place, key) in &part {
            assert_eq!(place.key, key.id);
            found.push((place.at.as_millis(), (1..=50).find(|&number| id(number) == key.id).unwrap()));
        }
        match part.last().filter(|_| part.len() == 2) {
            Some((place, _)) => after = *place,
            None => return found,
        }
    }
}

pub(super) async fn keys_are_read_along_their_times_from_one_place_to_another(case: Case) {
    case.append(10, new_account("acme")).await.unwrap();
    for (number, made, end) in [(1, 100, 900), (2, 110, 500), (3, 120, 500), (4, 130, 700), (5, 140, 600)] {
        case.append(made, ending(number, end, number != 3)).await.unwrap();
    }
    case.append(150, new_key(6, "acme")).await.unwrap();
    case.append(200, revoke(5)).await.unwrap();
    case.append(201, update(4, KeyPatch { enabled: Some(false), ..KeyPatch::default() })).await.unwrap();
    let Change::RotateKey { api, key, successor, old_ends_at, .. } = rotate(1, 7, Some(800)) else { unreachable!() };
    let rotation = Change::RotateKey { api, key, successor, old_ends_at, end_when_unused_for_s: Some(60) };
    case.append(300, rotation).await.unwrap();
    assert_eq!(along(&case, Line::Ending, 0, 10_000).await, [(500, 2), (500, 3), (700, 4), (800, 1)]);
    assert_eq!(along(&case, Line::Ending, 499, 700).await, [(500, 2), (500, 3), (700, 4)]);
    assert_eq!(along(&case, Line::Ending, 500, 699).await, []);
    assert_eq!(along(&case, Line::Renewing, 0, 1_000_000).await, [(500, 2), (700, 4), (900_000, 7)]);
    assert_eq!(along(&case, Line::Leaving, 0, 10_000).await, [(100, 1)]);
    assert_eq!(along(&case, Line::Made("live".into()), 0, 10_000).await, [(100, 1), (110, 2), (120, 3), (150, 6), (300, 7)]);
    assert_eq!(along(&case, Line::Made("test".into()), 0, 10_000).await, []);
    assert_eq!(along(&case, Line::NeverUsed, 100, 150).await, [(110, 2), (120, 3), (150, 6)]);
    let used = |number, ms| bitting_store::LastUse { key: id(number), at: at(ms), address: None };
    case.add_usage(Vec::new(), vec![used(2, 130_000), used(6, 59_999)]).await.unwrap();
    assert_eq!(along(&case, Line::Used, -1, 10_000_000).await, [(120_000, 2)], "a minute is its beginning");
    assert_eq!(along(&case, Line::NeverUsed, 100, 150).await, [(120, 3)]);
    let named = case.store.named(API, vec![id(6), id(40), id(1)]).await.unwrap();
    assert_eq!(named.iter().map(|key| key.id).collect::<Vec<_>>(), [id(6), id(1)]);
    assert_eq!(case.store.named("backbone", vec![id(6)]).await.unwrap(), []);
}

pub(super) async fn how_far_keys_were_looked_through_is_there_after_a_restart(case: Case) {
    assert_eq!((case.store.sweeps(API).await.unwrap(), case.store.followed().await.unwrap()), (Vec::new(), None));
    let sweep = |stage: &str, ms| Sweep { stage: stage.into(), since: at(1), place: Place { at: at(ms), key: id(1) } };
    case.store.keep_sweeps(API, vec![sweep("expired", 5), sweep("unused", 6)]).await.unwrap();
    case.store.keep_sweeps(API, vec![sweep("expired", 7)]).await.unwrap();
    case.store.keep_followed(Sequence(9)).await.unwrap();
    let case = case.reopened();
    assert_eq!(case.store.sweeps(API).await.unwrap(), [sweep("expired", 7), sweep("unused", 6)]);
    assert_eq!(case.store.sweeps("backbone").await.unwrap(), []);
    assert_eq!(case.store.followed().await.unwrap(), Some(Sequence(9)));
}

pub(super) async fn the_keys_of_members_who_were_removed_are_found(case: Case) {
    let person = |number: u8| MemberId::new(at(1_000 + i64::from(number)), u128::from(number));
    let member = |number: u8, api: &str, account: Option<&str>| {
        let link = NewLink { digest: Token::new([number; 32]).digest(), purpose: LinkPurpose::Invitation, expires_at: at(900) };
        Change::CreateMember(Box::new(NewMember {
            api: api.into(),
            account: account.map(|account| account.parse().unwrap()),
            id: person(number),
            name: String::new(),
            email: Some(format!("{number}@example.com")),
            is_portal: false,
            link,
        }))
    };
    case.append(10, new_account("acme")).await.unwrap();
    case.append(10, new_account("other")).await.unwrap();
    case.append(11, member(1, API, Some("acme"))).await.unwrap();
    case.append(11, member(2, API, Some("acme"))).await.unwrap();
    case.append(11, member(3, "bitting", None)).await.unwrap();
    case.append(11, member(4, "bitting", None)).await.unwrap();
    // One operator has joined, so that another can go.
    let password = Some(PasswordHash::new("a hash".to_owned()));
    let spends = Some(Token::new([4; 32]).digest());
    let patch = Box::new(MemberPatch { password, spends, ..MemberPatch::default() });
    case.append(12, Change::UpdateMember { api: "bitting".into(), member: person(4), patch }).await.unwrap();
    for (number, account, maker) in [(1, "acme", 1), (2, "acme", 2), (3, "other", 3), (4, "acme", 1), (5, "other", 4)] {
        let mut made = entry(20, new_key(number, account));
        made.origin.actor = Actor::Member(person(maker));
        case.append_all(vec![made]).await.remove(0).unwrap();
    }
    case.append(21, new_key(6, "acme")).await.unwrap();
    let removed = async |filter: KeyFilter| {
        let filter = KeyFilter { creator_removed: true, ..filter };
        let rows = case.store.keys(API, filter, Page { after: None, limit: 10 }).await.unwrap();
        rows.iter().map(|row| row.id).collect::<Vec<KeyId>>()
    };
    assert_eq!(removed(KeyFilter::default()).await, []);
    for (number, api) in [(1, API), (3, "bitting")] {
        let patch = Box::new(MemberPatch { enabled: Some(false), ..MemberPatch::default() });
        case.append(30, Change::UpdateMember { api: api.into(), member: person(number), patch }).await.unwrap();
    }
    assert_eq!(removed(KeyFilter::default()).await, [id(4), id(3), id(1)], "a developer's and an operator's");
    let of_acme = KeyFilter { account: Some("acme".parse().unwrap()), ..KeyFilter::default() };
    assert_eq!(removed(of_acme).await, [id(4), id(1)]);
}
