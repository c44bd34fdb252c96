//! People: members, their sessions and their one-time links.

use std::time::Duration;

use bitting_core::member::{MemberId, Token, TokenDigest};
use bitting_core::record::Sequence;
use bitting_store::{
    Actor, Change, LinkPurpose, MemberPatch, NewLink, NewMember, NewSession, Page, PasswordHash, Refusal, SecondFactor,
    Sessions, SignInWay, StoredMember,
};

use super::super::fixture::{API, at, entry, new_account};
use super::Case;

/// Bitting's own API, whose members are the operators.
const OWN: &str = "bitting";

const IDLE: Duration = Duration::from_millis(100);

fn person(number: u8) -> MemberId {
    MemberId::new(at(1_000 + i64::from(number)), u128::from(number))
}

fn token(number: u8) -> TokenDigest {
    Token::new([number; 32]).digest()
}

fn link(number: u8, purpose: LinkPurpose) -> NewLink {
    NewLink { digest: token(number), purpose, expires_at: at(1_000) }
}

/// An operator who is invited with the link of their number.
fn operator(number: u8) -> Change {
    Change::CreateMember(Box::new(NewMember {
        api: OWN.into(),
        account: None,
        id: person(number),
        name: String::new(),
        email: Some(format!("{number}@example.com")),
        is_portal: false,
        link: link(number, LinkPurpose::Invitation),
    }))
}

/// A developer of an account, sent by the API's own site.
fn visitor(number: u8, account: &str, name: &str) -> Change {
    Change::CreateMember(Box::new(NewMember {
        api: API.into(),
        account: Some(account.parse().unwrap()),
        id: person(number),
        name: name.into(),
        email: None,
        is_portal: true,
        link: link(number, LinkPurpose::Portal),
    }))
}

fn patch(number: u8, patch: MemberPatch) -> Change {
    Change::UpdateMember { api: OWN.into(), member: person(number), patch: Box::new(patch) }
}

fn password(text: &str) -> PasswordHash {
    PasswordHash::new(text.to_owned())
}

/// Takes the invitation and chooses a password.
fn join(number: u8) -> Change {
    patch(number, MemberPatch { password: Some(password("a hash")), spends: Some(token(number)), ..MemberPatch::default() })
}

fn session(number: u8) -> NewSession {
    let (way, agent) = (SignInWay::Password, "Firefox".to_owned());
    let proof = Some(password("a hash"));
    NewSession { digest: token(number), way, expires_at: at(1_000), agent, spends: None, step: None, proof }
}

fn sign_in(member: u8, session: NewSession) -> Change {
    Change::SignIn { api: OWN.into(), member: person(member), session }
}

impl Case {
    async fn member(&self, number: u8) -> StoredMember {
        self.store.member(person(number)).await.unwrap().unwrap()
    }

    /// Two operators who have joined.
    async fn with_operators(self) -> Self {
        for (ms, number) in [(1, 1), (3, 2)] {
            self.append(ms, operator(number)).await.unwrap();
            self.append(ms + 1, join(number)).await.unwrap();
        }
        self
    }

    async fn is_signed_in(&self, number: u8, now: i64) -> bool {
        self.store.session(token(number), IDLE, at(now)).await.unwrap().is_some()
    }
}

pub(super) async fn whoever_is_invited_joins_once_with_the_link(case: Case) {
    let invited = case.append(1, operator(1)).await.unwrap();
    assert!(invited.members[0].is_awaited() && invited.members[0].is_operator());
    let (found, member) = case.store.link(token(1), at(999)).await.unwrap().unwrap();
    assert_eq!((found.purpose, member.row.id), (LinkPurpose::Invitation, person(1)));
    assert!(case.store.link(token(1), at(1_000)).await.unwrap().is_none(), "it has an end");
    case.append(2, join(1)).await.unwrap();
    let joined = case.store.member_by_email("1@example.com").await.unwrap().unwrap();
    assert_eq!((joined.row.has_password, joined.password), (true, Some(password("a hash"))));
    assert_eq!(case.append(3, join(1)).await, Err(Refusal::LinkSpent));
    assert!(case.store.link(token(1), at(3)).await.unwrap().is_none());
}

pub(super) async fn a_link_that_has_expired_or_is_anothers_changes_nothing(case: Case) {
    case.append(1, operator(1)).await.unwrap();
    case.append(2, operator(2)).await.unwrap();
    let with_anothers = MemberPatch { password: Some(password("mine")), spends: Some(token(2)), ..MemberPatch::default() };
    assert_eq!(case.append(3, patch(1, with_anothers)).await, Err(Refusal::LinkSpent));
    assert_eq!(case.append(1_000, join(1)).await, Err(Refusal::LinkSpent));
    assert!(!case.member(1).await.row.has_password);
}

pub(super) async fn a_new_link_takes_the_place_of_those_for_the_same_purpose(case: Case) {
    let case = case.with_operators().await;
    for (ms, number) in [(10, 11), (11, 12)] {
        let offer = MemberPatch { link: Some(link(number, LinkPurpose::Reset)), ..MemberPatch::default() };
        case.append(ms, patch(1, offer)).await.unwrap();
    }
    assert!(case.store.link(token(11), at(12)).await.unwrap().is_none());
    assert!(case.store.link(token(12), at(12)).await.unwrap().is_some());
}

pub(super) async fn an_address_belongs_to_one_member(case: Case) {
    let case = case.with_operators().await;
    let Change::CreateMember(mut twin) = operator(3) else { unreachable!() };
    twin.email = Some("1@example.com".into());
    assert_eq!(case.append(10, Change::CreateMember(twin)).await, Err(Refusal::MemberExists));
    let taken = MemberPatch { email: Some("1@example.com".into()), ..MemberPatch::default() };
    assert_eq!(case.append(11, patch(2, taken)).await, Err(Refusal::MemberExists));
    assert_eq!(case.member(2).await.row.email.as_deref(), Some("2@example.com"));
}

pub(super) async fn a_session_ends_when_nobody_is_there_and_at_its_end(case: Case) {
    let case = case.with_operators().await;
    case.append(10, sign_in(1, session(20))).await.unwrap();
    assert!(case.is_signed_in(20, 109).await && !case.is_signed_in(20, 110).await);
    case.store.touch_session(token(20), at(105)).await.unwrap();
    assert!(case.is_signed_in(20, 204).await);
    case.store.touch_session(token(20), at(950)).await.unwrap();
    assert!(case.is_signed_in(20, 999).await && !case.is_signed_in(20, 1_000).await);
    let listed = case.store.sessions(person(1), IDLE, at(999)).await.unwrap();
    assert_eq!((listed.len(), listed[0].agent.as_str(), listed[0].address.as_deref()), (1, "Firefox", Some("192.0.2.1")));
}

pub(super) async fn sessions_end_one_by_one_all_but_one_and_all(case: Case) {
    let case = case.with_operators().await;
    for number in 20..24 {
        case.append(i64::from(number), sign_in(1, session(number))).await.unwrap();
    }
    case.append(30, sign_in(2, session(30))).await.unwrap();
    let end = |sessions| Change::SignOut { api: OWN.into(), member: person(1), sessions };
    let open = async || {
        let mut open = Vec::new();
        for number in [20, 21, 22, 23, 30] {
            open.extend(case.is_signed_in(number, 40).await.then_some(number));
        }
        open
    };
    case.append(31, end(Sessions::One(token(30)))).await.unwrap();
    assert_eq!(open().await, [20, 21, 22, 23, 30], "another's is not theirs to end");
    case.append(32, end(Sessions::One(token(20)))).await.unwrap();
    assert_eq!(open().await, [21, 22, 23, 30]);
    case.append(33, end(Sessions::AllBut(token(22)))).await.unwrap();
    assert_eq!(open().await, [22, 30]);
    case.append(34, end(Sessions::All)).await.unwrap();
    assert_eq!(open().await, [30]);
}

pub(super) async fn whoever_is_disabled_is_out_at_once_and_their_links_open_nothing(case: Case) {
    let case = case.with_operators().await;
    case.append(10, sign_in(1, session(20))).await.unwrap();
    let offer = MemberPatch { link: Some(link(21, LinkPurpose::Reset)), ..MemberPatch::default() };
    case.append(11, patch(1, offer)).await.unwrap();
    case.append(12, patch(1, MemberPatch { enabled: Some(false), ..MemberPatch::default() })).await.unwrap();
    assert!(!case.is_signed_in(20, 13).await);
    assert_eq!(case.append(13, sign_in(1, session(22))).await, Err(Refusal::MemberDisabled));
    case.append(14, patch(1, MemberPatch { enabled: Some(true), ..MemberPatch::default() })).await.unwrap();
    assert!(!case.is_signed_in(20, 15).await, "what has ended does not come back");
    assert!(case.store.link(token(21), at(15)).await.unwrap().is_none());
}

pub(super) async fn the_last_operator_cannot_be_disabled(case: Case) {
    let case = case.with_operators().await;
    case.append(10, operator(3)).await.unwrap();
    let off = || MemberPatch { enabled: Some(false), ..MemberPatch::default() };
    case.append(11, patch(1, off())).await.unwrap();
    assert_eq!(case.append(12, patch(2, off())).await, Err(Refusal::LastOperator), "the third has not come yet");
    case.append(13, join(3)).await.unwrap();
    case.append(14, patch(2, off())).await.unwrap();
}

pub(super) async fn a_new_password_signs_out_everywhere_else(case: Case) {
    let case = case.with_operators().await;
    case.append(10, sign_in(1, session(20))).await.unwrap();
    case.append(11, sign_in(1, session(21))).await.unwrap();
    let change = MemberPatch { password: Some(password("another")), keeps: Some(token(21)), ..MemberPatch::default() };
    case.append(12, patch(1, change)).await.unwrap();
    assert!(!case.is_signed_in(20, 13).await && case.is_signed_in(21, 13).await);
}

pub(super) async fn a_new_password_and_a_new_second_factor_withdraw_the_links_that_were_made_before(case: Case) {
    let case = case.with_operators().await;
    let offer = |number| MemberPatch { link: Some(link(number, LinkPurpose::Reset)), ..MemberPatch::default() };
    let opens = async |number| case.store.link(token(number), at(20)).await.unwrap().is_some();
    case.append(10, patch(1, offer(20))).await.unwrap();
    case.append(11, patch(2, offer(21))).await.unwrap();
    let password = MemberPatch { password: Some(password("another")), ..MemberPatch::default() };
    case.append(12, patch(1, password)).await.unwrap();
    assert!(!opens(20).await && opens(21).await, "another's stay");
    case.append(13, patch(1, offer(22))).await.unwrap();
    let factor = SecondFactor { secret: vec![7; 20], last_step: 0 };
    let factor = MemberPatch { second_factor: Some(Some(factor)), ..MemberPatch::default() };
    case.append(14, patch(1, factor)).await.unwrap();
    assert!(!opens(22).await);
    let removal = MemberPatch { second_factor: Some(None), ..offer(23) };
    case.append(15, patch(1, removal)).await.unwrap();
    assert!(opens(23).await, "one that is made by the same change is new");
}

pub(super) async fn whoever_was_let_in_by_a_password_that_is_another_by_now_stays_out(case: Case) {
    let case = case.with_operators().await;
    let refused = Err(Refusal::Changed(person(1).to_string()));
    let change = MemberPatch { password: Some(password("another")), ..MemberPatch::default() };
    case.append(10, patch(1, change)).await.unwrap();
    assert_eq!(case.append(11, sign_in(1, session(20))).await, refused);
    let late = MemberPatch { password: Some(password("mine")), proof: Some(password("a hash")), ..MemberPatch::default() };
    assert_eq!(case.append(12, patch(1, late)).await, refused);
    for (number, way) in [(21, SignInWay::Password), (22, SignInWay::Link)] {
        let without = NewSession { proof: None, way, ..session(number) };
        assert_eq!(case.append(13, sign_in(1, without)).await, refused, "{way:?}");
    }
    let known = NewSession { proof: Some(password("another")), ..session(23) };
    case.append(14, sign_in(1, known)).await.unwrap();
    assert_eq!(case.member(1).await.password, Some(password("another")));
}

pub(super) async fn whoever_gave_no_code_stays_out_once_codes_are_asked_for(case: Case) {
    let case = case.with_operators().await;
    let factor = SecondFactor { secret: vec![7; 20], last_step: 0 };
    case.append(10, patch(1, MemberPatch { second_factor: Some(Some(factor)), ..MemberPatch::default() })).await.unwrap();
    for (number, way) in [(20, SignInWay::Password), (21, SignInWay::Link)] {
        let refused = Err(Refusal::Changed(person(1).to_string()));
        assert_eq!(case.append(11, sign_in(1, NewSession { way, ..session(number) })).await, refused, "{way:?}");
    }
    case.append(12, sign_in(1, NewSession { step: Some(5), ..session(22) })).await.unwrap();
}

pub(super) async fn the_link_for_setting_up_is_withdrawn_when_an_operator_joins_and_no_invitation_is(case: Case) {
    for (ms, number) in [(1, 1), (2, 2), (3, 3)] {
        let Change::CreateMember(mut new) = operator(number) else { unreachable!() };
        // The first is made by the server itself for whoever comes, the others are invited by their addresses.
        new.email = new.email.filter(|_| number > 1);
        let mut made = entry(ms, Change::CreateMember(new));
        if number == 1 {
            made.origin.actor = Actor::System;
        }
        case.store.append(vec![made]).await.unwrap().remove(0).unwrap();
    }
    let opens = async |number| case.store.link(token(number), at(20)).await.unwrap().is_some();
    assert!(opens(1).await && opens(3).await);
    case.append(4, join(2)).await.unwrap();
    assert!(!opens(1).await && opens(3).await);
}

pub(super) async fn of_a_member_the_newest_fifty_sessions_are_kept(case: Case) {
    let case = case.with_operators().await;
    case.append(10, sign_in(2, session(200))).await.unwrap();
    for number in 20..71 {
        case.append(i64::from(number), sign_in(1, session(number))).await.unwrap();
    }
    assert_eq!(case.store.sessions(person(1), IDLE, at(71)).await.unwrap().len(), 50);
    assert!(!case.is_signed_in(20, 71).await && case.is_signed_in(21, 71).await && case.is_signed_in(70, 71).await);
    assert!(case.is_signed_in(200, 71).await, "another's stay");
}

pub(super) async fn whoever_has_joined_meanwhile_is_not_invited_again(case: Case) {
    case.append(1, operator(1)).await.unwrap();
    let offer = |number| MemberPatch { link: Some(link(number, LinkPurpose::Invitation)), ..MemberPatch::default() };
    case.append(2, patch(1, offer(20))).await.unwrap();
    let joined = MemberPatch { password: Some(password("a hash")), spends: Some(token(20)), ..MemberPatch::default() };
    case.append(3, patch(1, joined)).await.unwrap();
    assert_eq!(case.append(4, patch(1, offer(21))).await, Err(Refusal::Changed(person(1).to_string())));
}

pub(super) async fn a_code_is_taken_once(case: Case) {
    let case = case.with_operators().await;
    let factor = SecondFactor { secret: vec![7; 20], last_step: 0 };
    case.append(10, patch(1, MemberPatch { second_factor: Some(Some(factor)), ..MemberPatch::default() })).await.unwrap();
    assert!(case.member(1).await.row.has_second_factor);
    let with = |number, step| sign_in(1, NewSession { step: Some(step), ..session(number) });
    case.append(11, with(20, 5)).await.unwrap();
    assert_eq!(case.append(12, with(21, 5)).await, Err(Refusal::CodeUsed));
    assert_eq!(case.append(13, with(22, 4)).await, Err(Refusal::CodeUsed));
    case.append(14, with(23, 6)).await.unwrap();
    assert_eq!(case.member(1).await.second_factor.unwrap().last_step, 6);
}

pub(super) async fn whom_the_apis_site_sends_is_known_by_account_and_name(case: Case) {
    assert_eq!(case.append(1, visitor(1, "acme", "mara")).await, Err(Refusal::NoSuchAccount("acme".parse().unwrap())));
    case.append(2, new_account("acme")).await.unwrap();
    case.append(3, new_account("other")).await.unwrap();
    case.append(4, visitor(1, "acme", "mara")).await.unwrap();
    assert_eq!(case.append(5, visitor(2, "acme", "mara")).await, Err(Refusal::MemberExists));
    case.append(6, visitor(2, "other", "mara")).await.unwrap();
    let found = async |account: &str| case.store.portal_member(API, &account.parse().unwrap(), "mara").await.unwrap().unwrap();
    assert_eq!((found("acme").await.row.id, found("other").await.row.id), (person(1), person(2)));
    let all = Page { after: None, limit: 10 };
    let of = async |account: Option<&str>| {
        let account = account.map(|account| account.parse().unwrap());
        case.store.members(API, account.as_ref(), all.clone()).await.unwrap().len()
    };
    assert_eq!((of(None).await, of(Some("acme")).await), (2, 1));
}

pub(super) async fn nothing_secret_of_people_stands_in_the_journal(case: Case) {
    let case = case.with_operators().await;
    let factor = SecondFactor { secret: b"shared secret".to_vec(), last_step: 0 };
    case.append(10, patch(1, MemberPatch { second_factor: Some(Some(factor)), ..MemberPatch::default() })).await.unwrap();
    case.append(11, sign_in(1, NewSession { step: Some(5), ..session(20) })).await.unwrap();
    let rows = case.store.audit(Sequence(0), 100).await.unwrap();
    let actions: Vec<&str> = rows.iter().map(|row| row.action.as_str()).collect();
    let expected = ["member.created", "member.joined", "member.created", "member.joined", "member.second_factor_added"];
    assert_eq!((&actions[..5], actions[5]), (&expected[..], "member.signed_in"));
    let text = serde_json::to_string(&rows).unwrap();
    assert!(!text.contains("a hash") && !text.contains("digest") && !text.contains("secret\":"), "{text}");
    assert!(text.contains("\"has_password\":true"));
}
