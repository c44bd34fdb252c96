//! People, their sessions and their links in SQLite.

use std::time::Duration;

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::member::{MemberId, TokenDigest};
use bitting_core::time::Timestamp;
use rusqlite::{Connection, ErrorCode, Row, params};

use super::SqliteStore;
use super::error::{damaged, unavailable};
use super::read::{rows, sql_limit};
use super::rows::{account_id, get, sequence, stored_sequence, time};
use super::write::execute;
use crate::change::{Actor, Refusal, Sessions};
use crate::error::StoreError;
use crate::member::{LinkPurpose, LinkRow, MemberRow, PasswordHash, People, SecondFactor, SessionRow, SignInWay, StoredMember};
use crate::read::Page;

/// The columns of [`member_at`], in its order.
const MEMBER_COLUMNS: &str = "member.id, member.api, member.account, member.name, member.email, member.is_portal, \
     member.password, member.factor, member.last_step, member.enabled, member.created_at, member.created_by, \
     member.updated_at, member.sequence";

/// The columns of [`session_row`], in its order.
const SESSION_COLUMNS: &str = "session.digest, session.member, session.way, session.created_at, session.seen_at, \
     session.expires_at, session.address, session.agent";

const SESSION_WIDTH: usize = 8;

/// The columns of [`link_row`], in its order.
const LINK_COLUMNS: &str = "link.digest, link.purpose, link.member, link.expires_at";

const LINK_WIDTH: usize = 4;

#[async_trait]
impl People for SqliteStore {
    async fn member(&self, id: MemberId) -> Result<Option<StoredMember>, StoreError> {
        self.read(move |connection| member(connection, id)).await
    }

    async fn member_by_email(&self, email: &str) -> Result<Option<StoredMember>, StoreError> {
        let email = email.to_owned();
        self.read(move |connection| member_by_email(connection, &email)).await
    }

    async fn portal_member(&self, api: &str, account: &AccountId, name: &str) -> Result<Option<StoredMember>, StoreError> {
        let (api, account, name) = (api.to_owned(), account.clone(), name.to_owned());
        self.read(move |connection| portal_member(connection, &api, &account, &name)).await
    }

    async fn members(
        &self,
        api: &str,
        account: Option<&AccountId>,
        page: Page<MemberId>,
    ) -> Result<Vec<MemberRow>, StoreError> {
        let (api, account) = (api.to_owned(), account.map(AccountId::to_string));
        self.read(move |connection| {
            let sql = format!(
                "SELECT {MEMBER_COLUMNS} FROM member INDEXED BY member_by_api WHERE api = ?1 AND (?2 IS NULL OR account = ?2) \
                 AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4"
            );
            let after = page.after.map(MemberId::to_bytes);
            let found = rows(connection, &sql, params![api, account, after, sql_limit(page.limit)], |row| member_at(row, 0))?;
            Ok(found.into_iter().map(|member| member.row).collect())
        })
        .await
    }

    async fn session(
        &self,
        digest: TokenDigest,
        idle: Duration,
        now: Timestamp,
    ) -> Result<Option<(SessionRow, StoredMember)>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {SESSION_COLUMNS}, {MEMBER_COLUMNS} FROM session JOIN member ON member.id = session.member \
                 WHERE session.digest = ?1 AND session.expires_at > ?2 AND session.seen_at > ?3 AND member.enabled <> 0"
            );
            let values = params![digest.as_bytes(), now.as_millis(), before(now, idle)];
            let read = |row: &Row<'_>| Ok((session_row(row)?, member_at(row, SESSION_WIDTH)?));
            Ok(rows(connection, &sql, values, read)?.pop())
        })
        .await
    }

    async fn sessions(&self, of: MemberId, idle: Duration, now: Timestamp) -> Result<Vec<SessionRow>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {SESSION_COLUMNS} FROM session INDEXED BY session_by_member \
                 WHERE member = ?1 AND expires_at > ?2 AND seen_at > ?3 ORDER BY seen_at DESC"
            );
            rows(connection, &sql, params![of.to_bytes(), now.as_millis(), before(now, idle)], session_row)
        })
        .await
    }

    async fn link(&self, digest: TokenDigest, now: Timestamp) -> Result<Option<(LinkRow, StoredMember)>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {LINK_COLUMNS}, {MEMBER_COLUMNS} FROM link JOIN member ON member.id = link.member \
                 WHERE link.digest = ?1 AND link.expires_at > ?2 AND member.enabled <> 0"
            );
            let read = |row: &Row<'_>| Ok((link_row(row)?, member_at(row, LINK_WIDTH)?));
            Ok(rows(connection, &sql, params![digest.as_bytes(), now.as_millis()], read)?.pop())
        })
        .await
    }

    async fn touch_session(&self, digest: TokenDigest, seen_at: Timestamp) -> Result<(), StoreError> {
        self.write(move |connection| {
            let sql = "UPDATE session SET seen_at = max(seen_at, ?2) WHERE digest = ?1";
            execute(connection, sql, params![digest.as_bytes(), seen_at.as_millis()])
        })
        .await
    }
}

pub(super) fn member(connection: &Connection, id: MemberId) -> Result<Option<StoredMember>, StoreError> {
    let sql = format!("SELECT {MEMBER_COLUMNS} FROM member WHERE id = ?1");
    Ok(rows(connection, &sql, [id.to_bytes()], |row| member_at(row, 0))?.pop())
}

pub(super) fn member_by_email(connection: &Connection, email: &str) -> Result<Option<StoredMember>, StoreError> {
    let sql = format!("SELECT {MEMBER_COLUMNS} FROM member WHERE email = ?1");
    Ok(rows(connection, &sql, [email], |row| member_at(row, 0))?.pop())
}

pub(super) fn portal_member(
    connection: &Connection,
    api: &str,
    account: &AccountId,
    name: &str,
) -> Result<Option<StoredMember>, StoreError> {
    let sql = format!("SELECT {MEMBER_COLUMNS} FROM member WHERE is_portal <> 0 AND api = ?1 AND account = ?2 AND name = ?3");
    Ok(rows(connection, &sql, (api, account.as_str(), name), |row| member_at(row, 0))?.pop())
}

pub(super) fn link(connection: &Connection, digest: TokenDigest) -> Result<Option<LinkRow>, StoreError> {
    let sql = format!("SELECT {LINK_COLUMNS} FROM link WHERE digest = ?1");
    Ok(rows(connection, &sql, [digest.as_bytes()], link_row)?.pop())
}

/// Whether another operator than this one can sign in.
pub(super) fn has_other_operator(connection: &Connection, than: MemberId) -> Result<bool, StoreError> {
    let sql = "SELECT 1 FROM member WHERE account IS NULL AND enabled <> 0 AND password IS NOT NULL AND id <> ?1 LIMIT 1";
    Ok(!rows(connection, sql, [than.to_bytes()], |_| Ok(()))?.is_empty())
}

pub(super) fn insert_member(connection: &Connection, member: &StoredMember) -> Result<Option<Refusal>, StoreError> {
    let columns = MEMBER_COLUMNS.replace("member.", "");
    let sql = format!("INSERT INTO member ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
    write_member(connection, &sql, member)
}

pub(super) fn update_member(connection: &Connection, member: &StoredMember) -> Result<Option<Refusal>, StoreError> {
    let sql = "UPDATE member SET name = ?4, email = ?5, password = ?7, factor = ?8, last_step = ?9, enabled = ?10, \
               updated_at = ?13, sequence = ?14 WHERE id = ?1 AND api = ?2 AND account IS ?3 AND is_portal = ?6 \
               AND created_at = ?11 AND created_by = ?12";
    write_member(connection, sql, member)
}

fn write_member(connection: &Connection, sql: &str, member: &StoredMember) -> Result<Option<Refusal>, StoreError> {
    let StoredMember { row, password, second_factor } = member;
    let values = params![
        row.id.to_bytes(),
        row.api,
        row.account.as_ref().map(AccountId::as_str),
        row.name,
        row.email,
        row.is_portal,
        password.as_ref().map(PasswordHash::as_str),
        second_factor.as_ref().map(|factor| &factor.secret),
        second_factor.as_ref().map_or(0, |factor| i64::try_from(factor.last_step).unwrap_or(i64::MAX)),
        row.enabled,
        row.created_at.as_millis(),
        row.created_by,
        row.updated_at.as_millis(),
        stored_sequence(row.sequence),
    ];
    match connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)) {
        Ok(_) => Ok(None),
        // The id, the address and the name on the API's site are unique; the account was found under this very savepoint.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) => Ok(Some(Refusal::MemberExists)),
        Err(error) => Err(unavailable(error)),
    }
}

pub(super) fn insert_session(connection: &Connection, row: &SessionRow) -> Result<(), StoreError> {
    let columns = SESSION_COLUMNS.replace("session.", "");
    let sql = format!("INSERT INTO session ({columns}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    let values = params![
        row.digest.as_bytes(),
        row.member.to_bytes(),
        row.way.name(),
        row.created_at.as_millis(),
        row.seen_at.as_millis(),
        row.expires_at.as_millis(),
        row.address,
        row.agent
    ];
    execute(connection, &sql, values)
}

pub(super) fn insert_link(connection: &Connection, row: &LinkRow) -> Result<(), StoreError> {
    let sql = "INSERT INTO link (digest, purpose, member, expires_at) VALUES (?1, ?2, ?3, ?4)";
    let values = params![row.digest.as_bytes(), row.purpose.name(), row.member.to_bytes(), row.expires_at.as_millis()];
    execute(connection, sql, values)
}

pub(super) fn spend_link(connection: &Connection, digest: TokenDigest) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM link WHERE digest = ?1", [digest.as_bytes()])
}

pub(super) fn withdraw_links(connection: &Connection, of: MemberId, purpose: Option<LinkPurpose>) -> Result<(), StoreError> {
    let sql = "DELETE FROM link WHERE member = ?1 AND (?2 IS NULL OR purpose = ?2)";
    execute(connection, sql, (of.to_bytes(), purpose.map(LinkPurpose::name)))
}

/// Withdraws the links of operators whom the server itself has made and who have not come. Whoever is invited is made by somebody
/// else, and by their address.
pub(super) fn withdraw_set_up_links(connection: &Connection) -> Result<(), StoreError> {
    let sql = "DELETE FROM link WHERE member IN (SELECT id FROM member WHERE account IS NULL AND password IS NULL \
               AND email IS NULL AND created_by = ?1)";
    execute(connection, sql, [Actor::System.to_string()])
}

pub(super) fn end_sessions(connection: &Connection, of: MemberId, which: Sessions) -> Result<(), StoreError> {
    let of = of.to_bytes();
    match which {
        Sessions::One(digest) => {
            execute(connection, "DELETE FROM session WHERE digest = ?2 AND member = ?1", (of, digest.as_bytes()))
        }
        Sessions::AllBut(digest) => {
            execute(connection, "DELETE FROM session WHERE digest <> ?2 AND member = ?1", (of, digest.as_bytes()))
        }
        Sessions::All => execute(connection, "DELETE FROM session WHERE member = ?1", [of]),
    }
}

/// Ends all sessions of a member but for so many, the newest.
pub(super) fn end_old_sessions(connection: &Connection, of: MemberId, kept: u32) -> Result<(), StoreError> {
    let sql = "DELETE FROM session WHERE member = ?1 AND digest IN (SELECT digest FROM session INDEXED BY session_by_member \
               WHERE member = ?1 ORDER BY created_at DESC, digest LIMIT -1 OFFSET ?2)";
    execute(connection, sql, (of.to_bytes(), kept))
}

/// Removes what has ended by itself.
pub(super) fn forget_ended(connection: &Connection, now: Timestamp) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM session WHERE expires_at <= ?1", [now.as_millis()])?;
    execute(connection, "DELETE FROM link WHERE expires_at <= ?1", [now.as_millis()])
}

/// Signs everybody out and withdraws every link.
pub(super) fn forget_all(connection: &Connection) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM session", [])?;
    execute(connection, "DELETE FROM link", [])
}

fn member_at(row: &Row<'_>, at: usize) -> Result<StoredMember, StoreError> {
    let password: Option<String> = get(row, at + 6)?;
    let secret: Option<Vec<u8>> = get(row, at + 7)?;
    let last_step = u64::try_from(get::<i64>(row, at + 8)?).unwrap_or_default();
    let account = get::<Option<String>>(row, at + 2)?.map(|_| account_id(row, at + 2)).transpose()?;
    let mut member = StoredMember {
        row: MemberRow {
            id: MemberId::from_bytes(get(row, at)?),
            api: get(row, at + 1)?,
            account,
            name: get(row, at + 3)?,
            email: get(row, at + 4)?,
            is_portal: get(row, at + 5)?,
            has_password: false,
            has_second_factor: false,
            enabled: get(row, at + 9)?,
            created_at: time(get(row, at + 10)?),
            created_by: get(row, at + 11)?,
            updated_at: time(get(row, at + 12)?),
            sequence: sequence(row, at + 13)?,
        },
        password: password.map(PasswordHash::new),
        second_factor: secret.map(|secret| SecondFactor { secret, last_step }),
    };
    member.describe();
    Ok(member)
}

fn session_row(row: &Row<'_>) -> Result<SessionRow, StoreError> {
    let way: String = get(row, 2)?;
    Ok(SessionRow {
        digest: TokenDigest::from_bytes(get(row, 0)?),
        member: MemberId::from_bytes(get(row, 1)?),
        way: SignInWay::of(&way).ok_or_else(|| damaged("a way to sign in", UnknownWord(way)))?,
        created_at: time(get(row, 3)?),
        seen_at: time(get(row, 4)?),
        expires_at: time(get(row, 5)?),
        address: get(row, 6)?,
        agent: get(row, 7)?,
    })
}

fn link_row(row: &Row<'_>) -> Result<LinkRow, StoreError> {
    let purpose: String = get(row, 1)?;
    Ok(LinkRow {
        digest: TokenDigest::from_bytes(get(row, 0)?),
        purpose: LinkPurpose::of(&purpose).ok_or_else(|| damaged("what a link is for", UnknownWord(purpose)))?,
        member: MemberId::from_bytes(get(row, 2)?),
        expires_at: time(get(row, 3)?),
    })
}

/// A word that this version does not know.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not known")]
struct UnknownWord(String);

fn before(now: Timestamp, by: Duration) -> i64 {
    now.as_millis().saturating_sub(i64::try_from(by.as_millis()).unwrap_or(i64::MAX))
}
