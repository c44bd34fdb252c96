//! What every store must do. Each case gets an empty store; a second backend adds one line at the end. It is long because
//! each case is named twice, where it comes from and in the list.

mod busy;
mod conditions;
mod events;
mod importing;
mod lifecycle;
mod listing;
mod meters;
mod overview;
mod people;
mod plans;
mod refused;
mod watching;
mod webhooks;

use std::path::Path;
use std::sync::Arc;

use bitting_core::key::KeyId;
use bitting_core::record::Sequence;
use bitting_store::{
    Change, Committed, Entry, KeyCursor, KeyFilter, KeyPatch, KeyStatus, LastUse, OwnerLock, Page, Refusal, RingRow,
    SqliteStore, StatusFilter, Store, StoreError, SwitchPatch, Tally, UsageBatch,
};
use serde_json::Value;

use super::fixture::{API, at, digest, entry, id, new_account, new_key, rename, revoke, rotate, suspend, update};

use self::busy::{
    the_busiest_keys_are_those_with_the_most_requests_in_exactly_the_hours_that_are_asked_for,
    usage_of_a_key_that_nobody_has_made_makes_no_key_busy,
};
use self::conditions::{
    a_change_is_refused_if_what_it_was_decided_on_has_changed,
    a_request_that_is_repeated_is_answered_as_before_and_changes_nothing, an_account_has_no_more_keys_than_it_may_have,
    an_idempotency_key_serves_one_request_and_is_forgotten_after_a_day,
};
use self::events::{
    a_member_reads_the_events_of_each_api_up_to_a_number_that_does_not_go_back,
    an_episode_is_one_event_that_is_counted_up_until_it_is_over,
    events_are_forgotten_when_they_are_over_and_their_numbers_never_come_back,
    events_are_listed_newest_first_by_each_filter_and_by_pages, what_a_batch_of_usage_raises_is_written_with_it_and_once,
    what_happens_once_is_told_once_whoever_raises_it_again,
};
use self::importing::{
    a_backup_holds_everything_of_its_moment_and_is_never_written_over,
    a_key_that_came_with_a_sha_512_is_known_by_its_sha_256_once_it_was_seen,
    a_revocation_holds_whether_a_key_is_seen_before_or_after_it, a_sha_512_whose_key_is_there_by_its_sha_256_is_not_rehashed,
    an_import_that_clashes_with_another_api_or_id_leaves_nothing_behind, imported_keys_come_with_their_accounts_in_one_commit,
    keys_are_exported_with_their_hashes_by_pages, keys_that_are_there_are_skipped_and_stay_as_they_are,
};
use self::lifecycle::{
    a_key_is_renewed_as_was_decided_or_not_at_all, how_far_keys_were_looked_through_is_there_after_a_restart,
    keys_are_read_along_their_times_from_one_place_to_another, the_keys_of_members_who_were_removed_are_found,
};
use self::listing::{
    a_key_is_listed_under_the_permissions_that_it_has_now, descendants_are_found_through_every_generation_and_rotation,
    expired_keys_are_listed_by_their_ends_and_by_pages, keys_are_listed_by_each_filter_and_by_all_of_them_together,
    keys_are_recognised_by_what_they_are_looked_up_by_whatever_their_api,
    names_and_prefixes_are_searched_in_their_order_and_by_pages, the_audit_log_is_listed_newest_first_by_filter_and_page,
};
use self::meters::{
    a_batch_of_usage_that_is_written_again_counts_once,
    a_later_window_takes_the_place_of_an_earlier_one_of_which_nothing_is_left_then,
    a_window_is_bought_block_by_block_up_to_what_its_limit_allows, a_window_that_ends_elsewhere_is_another_one,
    a_window_that_is_no_longer_the_latest_is_not_settled, each_holder_and_limit_is_bought_by_itself,
    of_two_last_uses_the_later_stays, to_ask_for_nothing_more_changes_nothing,
    usage_counts_for_its_holder_and_its_environment_alone, usage_is_added_up_within_a_call_and_over_calls,
    usage_is_forgotten_by_whole_days_of_one_api_and_so_many_rows_at_once,
    usage_is_found_by_the_hours_and_the_route_that_are_asked_for,
    usage_is_listed_by_hour_route_and_outcome_whatever_came_first,
    what_was_bought_and_used_is_there_after_a_restart_and_in_a_backup, what_was_settled_is_bought_again,
    windows_that_are_not_over_are_listed_with_what_was_bought_of_them,
};
use self::overview::{
    a_key_in_a_list_comes_with_its_state_and_its_last_use, a_list_shows_nothing_of_another_api_or_account,
    lists_for_people_have_every_key_of_their_view_in_every_order_forwards_and_back,
    lists_of_more_keys_than_are_counted_are_as_right_as_short_ones, noting_which_keys_have_expired_changes_no_list,
};
use self::people::{
    a_code_is_taken_once, a_link_that_has_expired_or_is_anothers_changes_nothing,
    a_new_link_takes_the_place_of_those_for_the_same_purpose,
    a_new_password_and_a_new_second_factor_withdraw_the_links_that_were_made_before, a_new_password_signs_out_everywhere_else,
    a_session_ends_when_nobody_is_there_and_at_its_end, an_address_belongs_to_one_member,
    nothing_secret_of_people_stands_in_the_journal, of_a_member_the_newest_fifty_sessions_are_kept,
    sessions_end_one_by_one_all_but_one_and_all, the_last_operator_cannot_be_disabled,
    the_link_for_setting_up_is_withdrawn_when_an_operator_joins_and_no_invitation_is,
    whoever_gave_no_code_stays_out_once_codes_are_asked_for, whoever_has_joined_meanwhile_is_not_invited_again,
    whoever_is_disabled_is_out_at_once_and_their_links_open_nothing, whoever_is_invited_joins_once_with_the_link,
    whoever_was_let_in_by_a_password_that_is_another_by_now_stays_out, whom_the_apis_site_sends_is_known_by_account_and_name,
};
use self::plans::{
    a_keys_own_numbers_are_replaced_together_and_go_to_its_successor, an_account_gets_a_plan_keeps_it_and_loses_it,
    an_imported_key_brings_its_own_numbers_and_they_are_exported,
};

use self::refused::{
    of_each_key_the_latest_refusals_are_kept_and_nobody_elses_go_for_them, refusals_are_forgotten_with_the_usage_of_their_time,
    refusals_are_listed_latest_first_by_whose_they_are, refusals_of_one_kind_that_follow_one_another_are_one_row,
    requests_of_one_kind_from_very_many_addresses_are_put_together,
};

use self::watching::{
    a_key_that_is_used_from_everywhere_makes_a_handful_of_events_and_a_bounded_list,
    a_network_is_new_after_the_learning_period_and_is_told_with_the_batch_that_has_it,
    the_keys_of_an_hour_and_their_hours_before_are_found_page_by_page,
    what_was_learned_and_told_is_known_after_a_restart_and_a_batch_that_comes_again,
};
use self::webhooks::{
    a_delivery_is_due_until_it_is_delivered_or_has_failed, an_account_has_no_more_endpoints_than_it_may_have,
    an_endpoint_is_made_changed_listed_and_deleted, an_endpoint_is_told_what_happens_after_it_was_made,
    deliveries_are_given_up_and_forgotten_in_their_time_a_few_at_once, nothing_secret_of_webhooks_stands_in_the_journal,
    secrets_overlap_when_they_are_rotated_and_stand_in_no_journal, so_many_tests_of_an_endpoint_wait_at_most,
    tests_and_what_is_resent_are_urgent_once, what_is_asked_for_again_while_it_is_on_its_way_is_sent_again,
    what_waits_is_due_at_once_when_an_endpoint_is_switched_on_again_or_leads_elsewhere,
};

/// A store under test and what must live as long as it.
struct Case {
    store: Arc<dyn Store>,
    folder: tempfile::TempDir,
    /// Opens what is in a folder.
    open: fn(&Path) -> Arc<dyn Store>,
}

impl Case {
    /// Adds usage as the next batch.
    async fn add_usage(&self, tallies: Vec<Tally>, last_uses: Vec<LastUse>) -> Result<(), StoreError> {
        self.add_batch(UsageBatch { tallies, last_uses, ..UsageBatch::default() }).await
    }

    async fn add_batch(&self, batch: UsageBatch) -> Result<(), StoreError> {
        let last = self.store.last_batch().await?;
        self.store.add_usage(last + 1, batch).await
    }

    async fn append(&self, ms: i64, change: Change) -> Result<Committed, Refusal> {
        self.append_all(vec![entry(ms, change)]).await.remove(0)
    }

    async fn append_all(&self, batch: Vec<Entry>) -> Vec<Result<Committed, Refusal>> {
        self.store.append(batch).await.unwrap()
    }

    /// An account with two keys, by commits 1 to 3.
    async fn filled(self) -> Self {
        for answer in self
            .append_all(vec![entry(10, new_account("acme")), entry(11, new_key(1, "acme")), entry(12, new_key(2, "acme"))])
            .await
        {
            answer.unwrap();
        }
        self
    }

    /// After a restart.
    fn reopened(self) -> Self {
        let Self { store, folder, open } = self;
        drop(store);
        Self { store: open(folder.path()), folder, open }
    }

    async fn ring(&self) -> Vec<RingRow> {
        self.store.ring_keys(None, 1_000).await.unwrap()
    }
}

async fn a_new_store_is_empty(case: Case) {
    let progress = case.store.progress().await.unwrap();
    assert_eq!((progress.sequence, progress.time), (Sequence(0), at(0)));
    assert_eq!(case.store.key_count().await.unwrap(), 0);
    assert!(case.ring().await.is_empty());
    assert!(case.store.ring_accounts().await.unwrap().is_empty());
}

async fn what_was_appended_is_read_back_whole(case: Case) {
    let case = case.filled().await;
    let key = case.store.key(API, id(1)).await.unwrap().unwrap();
    assert_eq!((key.name.as_str(), key.environment.as_str(), key.prefix.as_str()), ("key 1", "live", "csb_pub_1"));
    assert_eq!((key.created_at, key.created_by.as_str(), key.sequence), (at(11), "cli:tester", Sequence(2)));
    assert_eq!((key.role.as_deref(), key.permissions[0].as_str()), (Some("viewer"), "tasks:read"));
    let account = case.store.account(API, &"acme".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((account.name.as_str(), account.enabled, account.sequence), ("acme Inc.", true, Sequence(1)));
    let ring = case.ring().await;
    assert_eq!(ring.len(), 2);
    assert_eq!(case.store.ring_key(id(1)).await.unwrap().as_ref(), Some(&ring[0]));
    assert_eq!(case.store.ring_key(id(9)).await.unwrap(), None);
    assert_eq!((ring[0].id, ring[0].digest, ring[0].rights.as_str()), (id(1), digest(1), r#"["viewer",["tasks:read"],[]]"#));
}

async fn a_key_is_found_only_in_its_own_api(case: Case) {
    let case = case.filled().await;
    assert_eq!(case.store.key("backbone", id(1)).await.unwrap(), None);
    let elsewhere = Change::RevokeKey { api: "backbone".into(), key: id(1) };
    assert_eq!(case.append(20, elsewhere).await, Err(Refusal::NoSuchKey(id(1))));
    assert!(case.store.key(API, id(1)).await.unwrap().unwrap().revoked_at.is_none());
}

async fn commits_are_numbered_in_order_and_refusals_take_no_number(case: Case) {
    let case = case.filled().await;
    let answers = case
        .append_all(vec![
            entry(20, rename(1, "a")),
            entry(21, revoke(9)),
            entry(22, new_account("acme")),
            entry(23, rename(1, "b")),
        ])
        .await;
    let numbers: Vec<Option<u64>> = answers.iter().map(|a| a.as_ref().ok().map(|c| c.sequence.0)).collect();
    assert_eq!(numbers, [Some(4), None, None, Some(5)]);
    assert_eq!(case.store.progress().await.unwrap().sequence, Sequence(5));
    assert_eq!(case.store.key(API, id(1)).await.unwrap().unwrap().name, "b");
}

async fn a_later_entry_of_a_batch_sees_what_an_earlier_one_did(case: Case) {
    let answers = case
        .append_all(vec![
            entry(1, new_account("acme")),
            entry(2, new_key(1, "acme")),
            entry(3, revoke(1)),
            entry(4, rename(1, "too late")),
        ])
        .await;
    assert!(answers[..3].iter().all(Result::is_ok));
    assert_eq!(answers[3], Err(Refusal::KeyRevoked(id(1))));
}

async fn a_refused_entry_leaves_nothing_behind_and_the_others_stand(case: Case) {
    let case = case.filled().await;
    // The account would be made with the key, whose id is taken.
    let Change::CreateKey(mut clash) = new_key(1, "newcomer") else { unreachable!() };
    clash.create_account = true;
    let answers = case.append_all(vec![entry(20, Change::CreateKey(clash)), entry(21, rename(2, "kept"))]).await;
    assert_eq!(answers[0], Err(Refusal::KeyExists(id(1))));
    assert!(answers[1].is_ok());
    assert_eq!(case.store.account(API, &"newcomer".parse().unwrap()).await.unwrap(), None);
    assert_eq!(case.store.key(API, id(2)).await.unwrap().unwrap().name, "kept");
    let audit = case.store.audit(Sequence(3), 10).await.unwrap();
    assert_eq!(audit.iter().map(|row| row.action.as_str()).collect::<Vec<_>>(), ["key.updated"]);
}

async fn two_keys_cannot_share_a_digest(case: Case) {
    let case = case.filled().await;
    let Change::CreateKey(mut twin) = new_key(3, "acme") else { unreachable!() };
    twin.digest = digest(1);
    assert_eq!(case.append(20, Change::CreateKey(twin)).await, Err(Refusal::KeyExists(id(3))));
}

async fn a_key_needs_its_account_unless_it_may_make_it(case: Case) {
    let refused = case.append(1, new_key(1, "acme")).await;
    assert_eq!(refused, Err(Refusal::NoSuchAccount("acme".parse().unwrap())));
    let Change::CreateKey(mut new) = new_key(1, "acme") else { unreachable!() };
    new.create_account = true;
    let committed = case.append(2, Change::CreateKey(new)).await.unwrap();
    assert_eq!((committed.accounts.len(), committed.keys.len()), (1, 1));
    assert_eq!(committed.accounts[0].sequence, committed.sequence);
}

async fn a_patch_changes_what_it_names_and_nothing_else(case: Case) {
    let case = case.filled().await;
    let before = case.store.key(API, id(1)).await.unwrap().unwrap();
    let patch = KeyPatch {
        role: Some(None),
        expires_at: Some(Some(at(99))),
        allowed_addresses: Some(Some(vec!["192.0.2.0/24".to_owned()].try_into().unwrap())),
        capabilities: SwitchPatch { on: vec!["trading".into()], off: vec!["flying".into()] },
        ..KeyPatch::default()
    };
    let committed = case.append(20, update(1, patch)).await.unwrap();
    let after = case.store.key(API, id(1)).await.unwrap().unwrap();
    assert_eq!(committed.keys[0].row, after);
    assert_eq!(
        (after.role.as_deref(), after.expires_at, &after.capabilities[..]),
        (None, Some(at(99)), &["trading".to_owned()][..])
    );
    assert_eq!((after.name, after.permissions, after.created_at), (before.name, before.permissions, before.created_at));
    assert_eq!((after.updated_at, after.sequence), (at(20), Sequence(4)));
    let back = KeyPatch {
        expires_at: Some(None),
        allowed_addresses: Some(None),
        capabilities: SwitchPatch { on: Vec::new(), off: vec!["trading".into()] },
        ..KeyPatch::default()
    };
    let after = case.append(21, update(1, back)).await.unwrap().keys.remove(0).row;
    assert_eq!((after.expires_at, after.allowed_addresses, after.capabilities), (None, None, Vec::new()));
}

async fn a_change_that_changes_nothing_takes_no_number_and_no_audit_row(case: Case) {
    let case = case.filled().await;
    let same = case.append(20, rename(1, "key 1")).await.unwrap();
    assert_eq!((same.sequence, same.keys[0].row.updated_at), (Sequence(2), at(11)));
    case.append(21, revoke(1)).await.unwrap();
    let again = case.append(22, revoke(1)).await.unwrap();
    assert_eq!((again.sequence, again.keys[0].row.revoked_at), (Sequence(4), Some(at(21))));
    assert_eq!(case.store.audit(Sequence(3), 10).await.unwrap().len(), 1);
}

async fn a_revoked_key_stays_in_the_ring_and_cannot_be_changed(case: Case) {
    let case = case.filled().await;
    case.append(20, revoke(1)).await.unwrap();
    let ring = case.ring().await;
    assert_eq!((ring.len(), ring[0].revoked, ring[0].sequence), (2, true, Sequence(4)));
    for change in [rename(1, "x"), rotate(1, 3, None)] {
        assert_eq!(case.append(21, change).await, Err(Refusal::KeyRevoked(id(1))));
    }
}

async fn a_rotation_makes_a_successor_and_ends_the_old_key_after_its_overlap(case: Case) {
    let case = case.filled().await;
    let committed = case.append(20, rotate(1, 3, Some(500))).await.unwrap();
    let [new, old] = &committed.keys[..] else { panic!("{committed:?}") };
    assert_eq!((new.row.id, new.digest, new.row.replaces), (id(3), digest(3), Some(id(1))));
    assert_eq!(
        (new.row.name.as_str(), new.row.role.as_deref(), new.row.expires_at),
        ("key 1", Some("viewer"), Some(at(900_000)))
    );
    assert_eq!((old.row.expires_at, old.row.replaced_by, old.row.revoked_at), (Some(at(500)), Some(id(3)), None));
    assert_eq!((new.row.sequence, old.row.sequence), (Sequence(4), Sequence(4)));
    assert_eq!(case.append(21, rotate(1, 4, None)).await, Err(Refusal::AlreadyRotated(id(1), id(3))));
    case.append(22, rotate(3, 5, None)).await.unwrap();
    assert_eq!(case.store.key(API, id(3)).await.unwrap().unwrap().revoked_at, Some(at(22)));
}

async fn an_overlap_never_lengthens_the_old_keys_life(case: Case) {
    let case = case.filled().await;
    let soon = KeyPatch { expires_at: Some(Some(at(100))), ..KeyPatch::default() };
    case.append(20, update(1, soon)).await.unwrap();
    let committed = case.append(21, rotate(1, 3, Some(500))).await.unwrap();
    assert_eq!(committed.keys[1].row.expires_at, Some(at(100)));
}

async fn a_suspended_account_is_one_change(case: Case) {
    let case = case.filled().await;
    let committed = case.append(20, suspend("acme")).await.unwrap();
    assert_eq!((committed.accounts[0].enabled, committed.keys.len()), (false, 0));
    assert!(!case.store.ring_accounts().await.unwrap()[0].enabled);
    let nobody = "nobody".parse().unwrap();
    assert_eq!(case.append(21, suspend("nobody")).await, Err(Refusal::NoSuchAccount(nobody)));
}

async fn every_commit_has_its_audit_row_and_its_event(case: Case) {
    let case = case.filled().await;
    case.append(20, rename(1, "renamed")).await.unwrap();
    case.append(21, rotate(1, 3, None)).await.unwrap();
    let audit = case.store.audit(Sequence(0), 100).await.unwrap();
    let events = case.store.events_after(0, 100).await.unwrap();
    let actions: Vec<&str> = audit.iter().map(|row| row.action.as_str()).collect();
    assert_eq!(actions, ["account.created", "key.created", "key.created", "key.updated", "key.rotated"]);
    // Accounts are not in the catalogue.
    assert_eq!(events.iter().map(|row| row.kind.name()).collect::<Vec<_>>(), actions[1..]);
    assert_eq!((events[2].at, events[2].key, events[2].account.as_ref().unwrap().as_str()), (at(20), Some(id(1)), "acme"));
    assert_eq!(events[2].data["changed"], serde_json::json!(["name"]));
    assert_eq!((&events[2].data["key"]["name"], &events[2].data["by"]), (&"renamed".into(), &"cli:tester".into()));
    assert_eq!(events[3].data["successor"]["id"], id(3).to_string());
    let renamed = &audit[3];
    assert_eq!((renamed.sequence, renamed.at, renamed.actor.as_str()), (Sequence(4), at(20), "cli:tester"));
    assert_eq!((renamed.request_id.as_str(), renamed.subject.clone()), ("request-20", id(1).to_string()));
    assert_eq!((&renamed.before["name"], &renamed.after["name"]), (&Value::from("key 1"), &Value::from("renamed")));
    assert_eq!(case.store.audit(Sequence(4), 100).await.unwrap().len(), 1);
}

async fn no_digest_stands_in_the_journal(case: Case) {
    let case = case.filled().await;
    case.append(20, rotate(1, 3, None)).await.unwrap();
    let audit = serde_json::to_string(&case.store.audit(Sequence(0), 100).await.unwrap()).unwrap();
    let events: Vec<Value> = case.store.events_after(0, 100).await.unwrap().into_iter().map(|row| row.data).collect();
    let events = serde_json::to_string(&events).unwrap();
    assert!(!audit.contains("digest") && !events.contains("digest"));
}

async fn keys_are_listed_newest_first_by_filter_and_page(case: Case) {
    let case = case.filled().await;
    case.append(20, new_account("other")).await.unwrap();
    for number in 3..8 {
        case.append(20 + i64::from(number), new_key(number, "other")).await.unwrap();
    }
    case.append(40, revoke(4)).await.unwrap();
    case.append(41, update(5, KeyPatch { expires_at: Some(Some(at(50))), ..KeyPatch::default() })).await.unwrap();
    case.append(42, update(6, KeyPatch { enabled: Some(false), ..KeyPatch::default() })).await.unwrap();
    let list = async |filter: KeyFilter, after: Option<KeyId>, limit| -> Vec<u8> {
        let after = after.map(|id| KeyCursor { id, text: None });
        let rows = case.store.keys(API, filter, Page { after, limit }).await.unwrap();
        rows.iter().map(|row| row.name.trim_start_matches("key ").parse().unwrap()).collect()
    };
    let by_status = |status| KeyFilter { status: Some((StatusFilter::Is(status), at(50))), ..KeyFilter::default() };
    let of_other = KeyFilter { account: Some("other".parse().unwrap()), ..KeyFilter::default() };
    assert_eq!(list(KeyFilter::default(), None, 100).await, [7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(list(KeyFilter::default(), None, 2).await, [7, 6]);
    assert_eq!(list(KeyFilter::default(), Some(id(6)), 2).await, [5, 4]);
    assert_eq!(list(of_other, Some(id(7)), 100).await, [6, 5, 4, 3]);
    assert_eq!(list(by_status(KeyStatus::Revoked), None, 100).await, [4]);
    assert_eq!(list(by_status(KeyStatus::Expired), None, 100).await, [5]);
    assert_eq!(list(by_status(KeyStatus::Disabled), None, 100).await, [6]);
    assert_eq!(list(by_status(KeyStatus::Active), None, 100).await, [7, 3, 2, 1]);
    let elsewhere = KeyFilter { environment: Some("test".into()), ..KeyFilter::default() };
    assert!(list(elsewhere, None, 100).await.is_empty());
}

async fn accounts_are_listed_by_id_and_page(case: Case) {
    for (ms, name) in ["beta", "alpha", "gamma"].iter().enumerate() {
        case.append(i64::try_from(ms).unwrap(), new_account(name)).await.unwrap();
    }
    case.append(10, new_account("alps")).await.unwrap();
    let list = async |begin: &str, after: Option<&str>, limit| -> Vec<String> {
        let page = Page { after: after.map(|id| id.parse().unwrap()), limit };
        case.store.accounts(API, begin, page).await.unwrap().iter().map(|row| row.id.to_string()).collect()
    };
    assert_eq!(list("", None, 3).await, ["alpha", "alps", "beta"]);
    assert_eq!(list("", Some("beta"), 2).await, ["gamma"]);
    assert_eq!(list("al", None, 5).await, ["alpha", "alps"]);
    assert_eq!(list("al", Some("alpha"), 5).await, ["alps"]);
    assert!(list("alpsx", None, 5).await.is_empty());
}

async fn the_ring_is_read_in_pages_without_a_gap(case: Case) {
    let case = case.filled().await;
    for number in 3..10 {
        case.append(20, new_key(number, "acme")).await.unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = case.store.ring_keys(after, 4).await.unwrap();
        seen.extend(page.iter().map(|row| row.id));
        after = seen.last().copied();
        if page.len() < 4 {
            break;
        }
    }
    assert_eq!(seen, (1..10).map(id).collect::<Vec<_>>());
    assert_eq!(case.store.key_count().await.unwrap(), 9);
}

async fn the_latest_time_is_kept_and_never_goes_back(case: Case) {
    case.append(500, new_account("acme")).await.unwrap();
    case.append(300, new_key(1, "acme")).await.unwrap();
    assert_eq!(case.store.progress().await.unwrap().time, at(500));
    case.store.keep_time(at(900)).await.unwrap();
    case.store.keep_time(at(700)).await.unwrap();
    assert_eq!(case.store.progress().await.unwrap().time, at(900));
}

/// Every case of the contract against one way of making a store.
macro_rules! contract {
    ($backend:ident, $open:expr, [$($case:ident),+ $(,)?]) => {
        mod $backend {
            $(
                #[tokio::test]
                async fn $case() {
                    super::$case($open).await;
                }
            )+
        }
    };
}

fn sqlite() -> Case {
    let open = |folder: &Path| -> Arc<dyn Store> {
        let lock = OwnerLock::acquire(&folder.join("bitting.db")).unwrap();
        Arc::new(SqliteStore::open(lock).unwrap())
    };
    let folder = tempfile::tempdir().unwrap();
    Case { store: open(folder.path()), folder, open }
}

macro_rules! every_case_on {
    ($backend:ident, $open:expr) => {
        contract!(
            $backend,
            $open,
            [
                a_new_store_is_empty,
                an_endpoint_is_made_changed_listed_and_deleted,
                an_account_has_no_more_endpoints_than_it_may_have,
                secrets_overlap_when_they_are_rotated_and_stand_in_no_journal,
                nothing_secret_of_webhooks_stands_in_the_journal,
                an_endpoint_is_told_what_happens_after_it_was_made,
                a_delivery_is_due_until_it_is_delivered_or_has_failed,
                what_waits_is_due_at_once_when_an_endpoint_is_switched_on_again_or_leads_elsewhere,
                tests_and_what_is_resent_are_urgent_once,
                so_many_tests_of_an_endpoint_wait_at_most,
                what_is_asked_for_again_while_it_is_on_its_way_is_sent_again,
                deliveries_are_given_up_and_forgotten_in_their_time_a_few_at_once,
                what_was_appended_is_read_back_whole,
                a_key_is_found_only_in_its_own_api,
                commits_are_numbered_in_order_and_refusals_take_no_number,
                a_later_entry_of_a_batch_sees_what_an_earlier_one_did,
                a_refused_entry_leaves_nothing_behind_and_the_others_stand,
                two_keys_cannot_share_a_digest,
                a_key_needs_its_account_unless_it_may_make_it,
                a_patch_changes_what_it_names_and_nothing_else,
                a_keys_own_numbers_are_replaced_together_and_go_to_its_successor,
                an_account_gets_a_plan_keeps_it_and_loses_it,
                an_imported_key_brings_its_own_numbers_and_they_are_exported,
                whoever_is_invited_joins_once_with_the_link,
                a_link_that_has_expired_or_is_anothers_changes_nothing,
                a_new_link_takes_the_place_of_those_for_the_same_purpose,
                an_address_belongs_to_one_member,
                a_session_ends_when_nobody_is_there_and_at_its_end,
                sessions_end_one_by_one_all_but_one_and_all,
                whoever_is_disabled_is_out_at_once_and_their_links_open_nothing,
                the_last_operator_cannot_be_disabled,
                a_new_password_signs_out_everywhere_else,
                whoever_has_joined_meanwhile_is_not_invited_again,
                of_a_member_the_newest_fifty_sessions_are_kept,
                the_link_for_setting_up_is_withdrawn_when_an_operator_joins_and_no_invitation_is,
                whoever_was_let_in_by_a_password_that_is_another_by_now_stays_out,
                whoever_gave_no_code_stays_out_once_codes_are_asked_for,
                a_new_password_and_a_new_second_factor_withdraw_the_links_that_were_made_before,
                a_code_is_taken_once,
                whom_the_apis_site_sends_is_known_by_account_and_name,
                nothing_secret_of_people_stands_in_the_journal,
                a_change_that_changes_nothing_takes_no_number_and_no_audit_row,
                a_revoked_key_stays_in_the_ring_and_cannot_be_changed,
                a_rotation_makes_a_successor_and_ends_the_old_key_after_its_overlap,
                an_overlap_never_lengthens_the_old_keys_life,
                a_suspended_account_is_one_change,
                every_commit_has_its_audit_row_and_its_event,
                no_digest_stands_in_the_journal,
                keys_are_listed_newest_first_by_filter_and_page,
                accounts_are_listed_by_id_and_page,
                the_ring_is_read_in_pages_without_a_gap,
                the_latest_time_is_kept_and_never_goes_back,
                expired_keys_are_listed_by_their_ends_and_by_pages,
                keys_are_recognised_by_what_they_are_looked_up_by_whatever_their_api,
                keys_are_listed_by_each_filter_and_by_all_of_them_together,
                names_and_prefixes_are_searched_in_their_order_and_by_pages,
                a_key_is_listed_under_the_permissions_that_it_has_now,
                descendants_are_found_through_every_generation_and_rotation,
                the_audit_log_is_listed_newest_first_by_filter_and_page,
                a_change_is_refused_if_what_it_was_decided_on_has_changed,
                a_request_that_is_repeated_is_answered_as_before_and_changes_nothing,
                an_idempotency_key_serves_one_request_and_is_forgotten_after_a_day,
                an_account_has_no_more_keys_than_it_may_have,
                imported_keys_come_with_their_accounts_in_one_commit,
                keys_that_are_there_are_skipped_and_stay_as_they_are,
                an_import_that_clashes_with_another_api_or_id_leaves_nothing_behind,
                a_key_that_came_with_a_sha_512_is_known_by_its_sha_256_once_it_was_seen,
                a_revocation_holds_whether_a_key_is_seen_before_or_after_it,
                a_sha_512_whose_key_is_there_by_its_sha_256_is_not_rehashed,
                keys_are_exported_with_their_hashes_by_pages,
                a_backup_holds_everything_of_its_moment_and_is_never_written_over,
                a_window_is_bought_block_by_block_up_to_what_its_limit_allows,
                to_ask_for_nothing_more_changes_nothing,
                each_holder_and_limit_is_bought_by_itself,
                a_batch_of_usage_that_is_written_again_counts_once,
                a_later_window_takes_the_place_of_an_earlier_one_of_which_nothing_is_left_then,
                a_window_that_ends_elsewhere_is_another_one,
                what_was_settled_is_bought_again,
                windows_that_are_not_over_are_listed_with_what_was_bought_of_them,
                a_window_that_is_no_longer_the_latest_is_not_settled,
                what_was_bought_and_used_is_there_after_a_restart_and_in_a_backup,
                usage_is_added_up_within_a_call_and_over_calls,
                usage_is_listed_by_hour_route_and_outcome_whatever_came_first,
                usage_is_found_by_the_hours_and_the_route_that_are_asked_for,
                usage_counts_for_its_holder_and_its_environment_alone,
                of_two_last_uses_the_later_stays,
                usage_is_forgotten_by_whole_days_of_one_api_and_so_many_rows_at_once,
                the_busiest_keys_are_those_with_the_most_requests_in_exactly_the_hours_that_are_asked_for,
                usage_of_a_key_that_nobody_has_made_makes_no_key_busy,
                refusals_of_one_kind_that_follow_one_another_are_one_row,
                refusals_are_listed_latest_first_by_whose_they_are,
                requests_of_one_kind_from_very_many_addresses_are_put_together,
                of_each_key_the_latest_refusals_are_kept_and_nobody_elses_go_for_them,
                refusals_are_forgotten_with_the_usage_of_their_time,
                a_network_is_new_after_the_learning_period_and_is_told_with_the_batch_that_has_it,
                what_was_learned_and_told_is_known_after_a_restart_and_a_batch_that_comes_again,
                a_key_that_is_used_from_everywhere_makes_a_handful_of_events_and_a_bounded_list,
                the_keys_of_an_hour_and_their_hours_before_are_found_page_by_page,
                lists_for_people_have_every_key_of_their_view_in_every_order_forwards_and_back,
                lists_of_more_keys_than_are_counted_are_as_right_as_short_ones,
                a_key_in_a_list_comes_with_its_state_and_its_last_use,
                noting_which_keys_have_expired_changes_no_list,
                a_list_shows_nothing_of_another_api_or_account,
                a_member_reads_the_events_of_each_api_up_to_a_number_that_does_not_go_back,
                an_episode_is_one_event_that_is_counted_up_until_it_is_over,
                what_happens_once_is_told_once_whoever_raises_it_again,
                what_a_batch_of_usage_raises_is_written_with_it_and_once,
                events_are_listed_newest_first_by_each_filter_and_by_pages,
                events_are_forgotten_when_they_are_over_and_their_numbers_never_come_back,
                a_key_is_renewed_as_was_decided_or_not_at_all,
                keys_are_read_along_their_times_from_one_place_to_another,
                how_far_keys_were_looked_through_is_there_after_a_restart,
                the_keys_of_members_who_were_removed_are_found,
            ]
        );
    };
}

every_case_on!(on_sqlite, super::sqlite());
