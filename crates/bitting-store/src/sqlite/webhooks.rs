//! Webhook endpoints in SQLite, and what is shown of their deliveries.

use async_trait::async_trait;
use bitting_core::account::AccountId;
use bitting_core::event::Severity;
use bitting_core::time::Timestamp;
use bitting_core::webhook::{DeliveryId, WebhookId};
use rusqlite::{Connection, Row, params, params_from_iter};
use serde_json::json;

use super::SqliteStore;
use super::error::damaged;
use super::listing::Conditions;
use super::read::rows;
use super::rows::{get, json as json_column, sequence, stored_sequence, time};
use super::write::execute;
use crate::error::StoreError;
use crate::read::Page;
use crate::webhook::{
    Answer, AttemptRow, DeliveryRow, DeliveryState, DisabledBecause, KeptSecret, ListedWebhook, MOST_COUNTED, StoredWebhook,
    WebhookRow, Webhooks, WebhooksOf,
};

/// The columns of [`stored_webhook`], in its order, and of [`listed_webhook`].
const COLUMNS: &str = "id, api, account, url, description, events, severity, enabled, disabled_because, created_at, \
     created_by, updated_at, sequence, secrets, epoch, failing_since, last_taken_at";

/// The columns of [`delivery_row`], in its order.
const DELIVERY_COLUMNS: &str = "id, webhook, message, kind, body, created_at, state, due_at, finished_at, attempts, \
     last_status, last_error";

#[async_trait]
impl Webhooks for SqliteStore {
    async fn webhooks(&self, api: &str, of: WebhooksOf, page: Page<WebhookId>) -> Result<Vec<ListedWebhook>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| {
            let mut conditions = Conditions::default();
            conditions.and("api = ?", api);
            let index = if of == WebhooksOf::All { "webhook_by_api" } else { "webhook_by_account" };
            match of {
                WebhooksOf::All => {}
                WebhooksOf::Operators => conditions.texts.push("account IS NULL".to_owned()),
                WebhooksOf::Account(account) => conditions.and("account = ?", account.to_string()),
            }
            conditions.and_if("id < ?", page.after.map(WebhookId::to_bytes));
            let (rest, values) = conditions.ordered("id DESC", page.limit);
            let sql = format!("SELECT {COLUMNS} FROM webhook INDEXED BY {index} {rest}");
            rows(connection, &sql, params_from_iter(values), |row| listed_webhook(connection, row))
        })
        .await
    }

    async fn webhook(&self, api: &str, id: WebhookId) -> Result<Option<ListedWebhook>, StoreError> {
        let api = api.to_owned();
        self.read(move |connection| {
            let sql = format!("SELECT {COLUMNS} FROM webhook WHERE id = ?1 AND api = ?2");
            Ok(rows(connection, &sql, (id.to_bytes(), api), |row| listed_webhook(connection, row))?.pop())
        })
        .await
    }

    async fn deliveries(
        &self,
        webhook: WebhookId,
        state: Option<DeliveryState>,
        page: Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.read(move |connection| {
            let mut conditions = Conditions::default();
            conditions.and("webhook = ?", webhook.to_bytes());
            conditions.and_if("state = ?", state.map(state_column));
            conditions.and_if("id < ?", page.after.map(DeliveryId::to_bytes));
            let index = if state.is_some() { "delivery_by_state" } else { "delivery_by_webhook" };
            let (rest, values) = conditions.ordered("id DESC", page.limit);
            let sql = format!("SELECT {DELIVERY_COLUMNS} FROM delivery INDEXED BY {index} {rest}");
            rows(connection, &sql, params_from_iter(values), delivery_row)
        })
        .await
    }

    async fn delivery(&self, webhook: WebhookId, id: DeliveryId) -> Result<Option<(DeliveryRow, Vec<AttemptRow>)>, StoreError> {
        self.read(move |connection| {
            let sql = format!("SELECT {DELIVERY_COLUMNS} FROM delivery WHERE id = ?1 AND webhook = ?2");
            let found = rows(connection, &sql, (id.to_bytes(), webhook.to_bytes()), delivery_row)?.pop();
            let Some(delivery) = found else { return Ok(None) };
            let sql = "SELECT number, at, duration_ms, sent, status, answered, body, error FROM delivery_attempt \
                       WHERE delivery = ?1 ORDER BY number";
            Ok(Some((delivery, rows(connection, sql, [id.to_bytes()], attempt_row)?)))
        })
        .await
    }
}

pub(super) fn webhook(connection: &Connection, api: &str, id: WebhookId) -> Result<Option<StoredWebhook>, StoreError> {
    let sql = format!("SELECT {COLUMNS} FROM webhook WHERE id = ?1 AND api = ?2");
    Ok(rows(connection, &sql, (id.to_bytes(), api), stored_webhook)?.pop())
}

pub(super) fn all_webhooks(connection: &Connection) -> Result<Vec<StoredWebhook>, StoreError> {
    rows(connection, &format!("SELECT {COLUMNS} FROM webhook ORDER BY id"), [], stored_webhook)
}

/// How many endpoints an account has, or the operators; of more than `most` it says `most`.
pub(super) fn count_of_owner(
    connection: &Connection,
    api: &str,
    account: Option<&AccountId>,
    most: u32,
) -> Result<u32, StoreError> {
    let sql = "SELECT 1 FROM webhook INDEXED BY webhook_by_account WHERE api = ?1 AND account IS ?2 LIMIT ?3";
    let found = rows(connection, sql, (api, account.map(AccountId::as_str), most), |_| Ok(()))?;
    Ok(u32::try_from(found.len()).unwrap_or(u32::MAX))
}

pub(super) fn insert_webhook(connection: &Connection, webhook: &StoredWebhook) -> Result<(), StoreError> {
    // As long as nobody listened, nothing was read. The first one begins here, and not with all that was ever told.
    let sql = "UPDATE told SET event = (SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'event') \
               WHERE NOT EXISTS (SELECT 1 FROM webhook)";
    execute(connection, sql, [])?;
    let sql = format!(
        "INSERT INTO webhook ({COLUMNS}) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, NULL)"
    );
    write_webhook(connection, &sql, webhook)
}

pub(super) fn update_webhook(connection: &Connection, webhook: &StoredWebhook) -> Result<(), StoreError> {
    let sql = "UPDATE webhook SET url = ?4, description = ?5, events = ?6, severity = ?7, enabled = ?8, \
               disabled_because = ?9, updated_at = ?12, sequence = ?13, secrets = ?14, epoch = ?15, failing_since = ?16 \
               WHERE id = ?1 AND api = ?2 AND account IS ?3 AND created_at = ?10 AND created_by = ?11";
    write_webhook(connection, sql, webhook)
}

fn write_webhook(connection: &Connection, sql: &str, webhook: &StoredWebhook) -> Result<(), StoreError> {
    let StoredWebhook { row, secrets, epoch, failing_since } = webhook;
    let values = params![
        row.id.to_bytes(),
        row.api,
        row.account.as_ref().map(AccountId::as_str),
        row.url.as_str(),
        row.description,
        json!(row.events).to_string(),
        row.severity.map(Severity::name),
        row.enabled,
        row.disabled_because.map(DisabledBecause::name),
        row.created_at.as_millis(),
        row.created_by,
        row.updated_at.as_millis(),
        stored_sequence(row.sequence),
        json!(secrets).to_string(),
        i64::try_from(*epoch).unwrap_or(i64::MAX),
        failing_since.map(Timestamp::as_millis),
    ];
    execute(connection, sql, values)
}

/// What was to be delivered to it is removed later, a little at a time.
pub(super) fn remove_webhook(connection: &Connection, id: WebhookId) -> Result<(), StoreError> {
    execute(connection, "DELETE FROM webhook WHERE id = ?1", [id.to_bytes()])?;
    execute(connection, "INSERT OR IGNORE INTO webhook_gone (id) VALUES (?1)", [id.to_bytes()])
}

fn stored_webhook(row: &Row<'_>) -> Result<StoredWebhook, StoreError> {
    Ok(StoredWebhook {
        row: WebhookRow {
            id: WebhookId::from_bytes(get(row, 0)?),
            api: get(row, 1)?,
            account: get::<Option<String>>(row, 2)?
                .map(|id| id.parse().map_err(|error| damaged("the account of a webhook", error)))
                .transpose()?,
            url: get::<String>(row, 3)?.parse().map_err(|error| damaged("the URL of a webhook", error))?,
            description: get(row, 4)?,
            events: json_column(&get::<String>(row, 5)?)?,
            severity: get::<Option<String>>(row, 6)?
                .map(|name| name.parse().map_err(|error| damaged("the severity of a webhook", error)))
                .transpose()?,
            enabled: get(row, 7)?,
            disabled_because: get::<Option<String>>(row, 8)?.as_deref().and_then(DisabledBecause::of),
            created_at: time(get(row, 9)?),
            created_by: get(row, 10)?,
            updated_at: time(get(row, 11)?),
            sequence: sequence(row, 12)?,
        },
        secrets: secrets(row)?,
        epoch: u64::try_from(get::<i64>(row, 14)?).map_err(|error| damaged("the epoch of a webhook", error))?,
        failing_since: get::<Option<i64>>(row, 15)?.map(time),
    })
}

/// The error does not say what stands there.
fn secrets(row: &Row<'_>) -> Result<Vec<KeptSecret>, StoreError> {
    let text: String = get(row, 13)?;
    serde_json::from_str(&text)
        .map_err(|error| damaged("the secrets of a webhook", std::io::Error::other(format!("column {}", error.column()))))
}

fn listed_webhook(connection: &Connection, row: &Row<'_>) -> Result<ListedWebhook, StoreError> {
    let last_taken_at = get::<Option<i64>>(row, 16)?.map(time);
    let StoredWebhook { row, secrets, failing_since, .. } = stored_webhook(row)?;
    let sql = "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_due \
               WHERE webhook = ?1 AND state = 0 AND is_test = 0 LIMIT ?2)";
    let most = i64::try_from(MOST_COUNTED).unwrap_or(i64::MAX);
    let waiting = rows(connection, sql, (row.id.to_bytes(), most), |row| get::<i64>(row, 0))?.pop().unwrap_or_default();
    let secrets_until = secrets.iter().map(|kept| kept.until).collect();
    Ok(ListedWebhook { row, failing_since, last_taken_at, waiting: u64::try_from(waiting).unwrap_or_default(), secrets_until })
}

fn delivery_row(row: &Row<'_>) -> Result<DeliveryRow, StoreError> {
    Ok(DeliveryRow {
        id: DeliveryId::from_bytes(get(row, 0)?),
        webhook: WebhookId::from_bytes(get(row, 1)?),
        message: get(row, 2)?,
        kind: get(row, 3)?,
        body: get(row, 4)?,
        created_at: time(get(row, 5)?),
        state: match get::<i64>(row, 6)? {
            0 => DeliveryState::Waiting,
            1 => DeliveryState::Delivered,
            _ => DeliveryState::Failed,
        },
        due_at: time(get(row, 7)?),
        finished_at: get::<Option<i64>>(row, 8)?.map(time),
        attempts: get(row, 9)?,
        last_status: get(row, 10)?,
        last_error: get(row, 11)?,
    })
}

fn attempt_row(row: &Row<'_>) -> Result<AttemptRow, StoreError> {
    let answer = match get::<Option<u16>>(row, 4)? {
        Some(status) => Some(Answer {
            status,
            headers: json_column(&get::<Option<String>>(row, 5)?.unwrap_or_else(|| "[]".to_owned()))?,
            body: get::<Option<String>>(row, 6)?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(AttemptRow {
        number: get(row, 0)?,
        at: time(get(row, 1)?),
        duration_ms: u64::try_from(get::<i64>(row, 2)?).unwrap_or_default(),
        sent: json_column(&get::<String>(row, 3)?)?,
        answer,
        error: get(row, 7)?,
    })
}

pub(super) fn state_column(state: DeliveryState) -> i64 {
    match state {
        DeliveryState::Waiting => 0,
        DeliveryState::Delivered => 1,
        DeliveryState::Failed => 2,
    }
}
