//! Deliveries to webhook endpoints in SQLite, for the task that sends them.

use async_trait::async_trait;
use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;
use bitting_core::webhook::{DeliveryId, WebhookId};
use rusqlite::{Connection, Row, params, params_from_iter};
use serde_json::json;

use super::SqliteStore;
use super::error::{damaged, unavailable};
use super::read::{rows, sql_limit};
use super::rows::{get, sequence, time};
use super::webhooks::{all_webhooks, state_column};
use super::write::execute;
use crate::error::StoreError;
use crate::webhook::{Attempted, DeliveryState, DueDelivery, NewDelivery, Outbox, StoredWebhook, Verdict};

/// The columns of [`due_delivery`], in its order.
const DUE_COLUMNS: &str = "id, webhook, message, body, is_test, CASE urgent WHEN 1 THEN due_at END";

/// Of what was never sent, so that it comes before all that was.
const NEVER: i64 = -1;

/// Why something is given up that has waited for too long.
const WAITED_TOO_LONG: &str = "the endpoint was not switched on in time, or took nothing";

#[async_trait]
impl Outbox for SqliteStore {
    async fn all_webhooks(&self) -> Result<Vec<StoredWebhook>, StoreError> {
        self.read(all_webhooks).await
    }

    async fn last_webhook_change(&self) -> Result<Sequence, StoreError> {
        self.read(|connection| {
            let sql = "SELECT sequence FROM webhook INDEXED BY webhook_by_change ORDER BY sequence DESC LIMIT 1";
            Ok(rows(connection, sql, [], |row| sequence(row, 0))?.pop().unwrap_or(Sequence(0)))
        })
        .await
    }

    async fn told_until(&self) -> Result<u64, StoreError> {
        self.read(|connection| {
            let event = rows(connection, "SELECT event FROM told", [], |row| get::<i64>(row, 0))?.pop().unwrap_or_default();
            u64::try_from(event).map_err(|error| damaged("the number of an event", error))
        })
        .await
    }

    async fn deliver(&self, new: Vec<NewDelivery>, told_until: Option<u64>) -> Result<(), StoreError> {
        self.transact(move |transaction| {
            new.iter().try_for_each(|new| insert_delivery(transaction, new))?;
            let Some(event) = told_until else { return Ok(()) };
            execute(transaction, "UPDATE told SET event = max(event, ?1)", [i64::try_from(event).unwrap_or(i64::MAX)])
        })
        .await
    }

    async fn deliver_test(&self, new: NewDelivery, most: usize) -> Result<bool, StoreError> {
        self.transact(move |transaction| {
            let sql = "SELECT 1 FROM delivery INDEXED BY delivery_urgent \
                       WHERE urgent = 1 AND webhook = ?1 AND is_test = 1 LIMIT ?2";
            let waiting = rows(transaction, sql, (new.webhook.to_bytes(), sql_limit(most)), |row| get::<i64>(row, 0))?.len();
            if waiting >= most {
                return Ok(false);
            }
            insert_delivery(transaction, &new).map(|()| true)
        })
        .await
    }

    async fn due(&self, webhook: WebhookId, epoch: u64, now: Timestamp, limit: usize) -> Result<Vec<DueDelivery>, StoreError> {
        self.read(move |connection| {
            let (webhook, epoch) = (webhook.to_bytes(), stored(epoch));
            let sql = format!(
                "SELECT {DUE_COLUMNS}, 0 FROM delivery INDEXED BY delivery_due \
                 WHERE webhook = ?1 AND state = 0 AND is_test = 0 AND epoch < ?2 ORDER BY epoch, due_at LIMIT ?3"
            );
            let mut due = rows(connection, &sql, (webhook, epoch, sql_limit(limit)), due_delivery)?;
            if due.len() < limit {
                let sql = format!(
                    "SELECT {DUE_COLUMNS}, tries FROM delivery INDEXED BY delivery_due \
                     WHERE webhook = ?1 AND state = 0 AND is_test = 0 AND epoch = ?2 AND due_at <= ?3 ORDER BY due_at LIMIT ?4"
                );
                let left = sql_limit(limit - due.len());
                due.extend(rows(connection, &sql, (webhook, epoch, now.as_millis(), left), due_delivery)?);
            }
            Ok(due)
        })
        .await
    }

    async fn next_due(&self, webhook: WebhookId, epoch: u64) -> Result<Option<Timestamp>, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT CASE WHEN epoch < ?2 THEN 0 ELSE due_at END FROM delivery INDEXED BY delivery_due \
                       WHERE webhook = ?1 AND state = 0 AND is_test = 0 ORDER BY epoch, due_at LIMIT 1";
            let next = rows(connection, sql, (webhook.to_bytes(), stored(epoch)), |row| get::<i64>(row, 0))?;
            Ok(next.first().copied().map(time))
        })
        .await
    }

    async fn urgent(&self, but: Vec<WebhookId>, limit: usize) -> Result<Vec<DueDelivery>, StoreError> {
        self.read(move |connection| {
            let sql = format!(
                "SELECT {DUE_COLUMNS}, tries FROM delivery INDEXED BY delivery_urgent \
                 WHERE urgent = 1 AND webhook NOT IN ({}) ORDER BY created_at LIMIT {}",
                vec!["?"; but.len()].join(", "),
                sql_limit(limit)
            );
            rows(connection, &sql, params_from_iter(but.iter().map(|id| id.to_bytes())), due_delivery)
        })
        .await
    }

    async fn attempted(&self, attempted: Vec<Attempted>) -> Result<(), StoreError> {
        self.transact(move |transaction| {
            for one in &attempted {
                note(transaction, one)?;
                // A request that was woken on this core would otherwise wait until the kernel takes it from us.
                std::thread::yield_now();
            }
            Ok(())
        })
        .await
    }

    async fn resend(&self, webhook: WebhookId, id: DeliveryId, now: Timestamp) -> Result<bool, StoreError> {
        self.transact(move |transaction| {
            // Each asking has a time of its own, by which an attempt on its way is told from what is asked for meanwhile.
            let sql = "UPDATE delivery SET state = 0, finished_at = NULL, epoch = ?4, tries = 0, urgent = 1, \
                       due_at = CASE urgent WHEN 1 THEN max(?3, due_at + 1) ELSE ?3 END WHERE id = ?1 AND webhook = ?2";
            let values = params![id.to_bytes(), webhook.to_bytes(), now.as_millis(), NEVER];
            let changed = transaction.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
            changed.map(|rows| rows > 0).map_err(unavailable)
        })
        .await
    }

    async fn forget_deliveries(&self, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.transact(move |transaction| forget(transaction, before, now, limit)).await
    }

    async fn count_waiting(&self, most: u64) -> Result<u64, StoreError> {
        self.read(move |connection| {
            let sql = "SELECT count(*) FROM (SELECT 1 FROM delivery INDEXED BY delivery_waiting WHERE state = 0 LIMIT ?1)";
            let counted = rows(connection, sql, [stored(most)], |row| get::<i64>(row, 0))?.pop().unwrap_or_default();
            Ok(u64::try_from(counted).unwrap_or_default())
        })
        .await
    }
}

fn insert_delivery(connection: &Connection, new: &NewDelivery) -> Result<(), StoreError> {
    // An endpoint may have gone since whoever wrote this looked.
    let sql = "INSERT INTO delivery (id, webhook, message, kind, body, created_at, state, due_at, epoch, tries, urgent, \
               is_test, attempts) SELECT ?1, ?2, ?3, ?4, ?5, ?6, 0, ?6, ?7, 0, ?8, ?8, 0 \
               WHERE EXISTS (SELECT 1 FROM webhook WHERE id = ?2)";
    let values = params![
        new.id.to_bytes(),
        new.webhook.to_bytes(),
        new.message,
        new.kind,
        new.body,
        new.at.as_millis(),
        NEVER,
        new.is_test
    ];
    execute(connection, sql, values)
}

/// Writes one attempt down, unless what it was of is gone.
fn note(connection: &Connection, one: &Attempted) -> Result<(), StoreError> {
    let Attempted { delivery, webhook, epoch, attempt, verdict, counts, asked_at } = one;
    let (state, due_at) = match verdict {
        Verdict::Delivered => (DeliveryState::Delivered, attempt.at),
        Verdict::Again(due_at) => (DeliveryState::Waiting, *due_at),
        Verdict::Failed => (DeliveryState::Failed, attempt.at),
    };
    let ended = attempt.at.plus(std::time::Duration::from_millis(attempt.duration_ms));
    let finished_at = (state != DeliveryState::Waiting).then(|| ended.as_millis());
    let status = attempt.answer.as_ref().map(|answer| answer.status);
    let asked_again = "UPDATE delivery SET attempts = attempts + 1, last_status = ?3, last_error = ?4 \
                       WHERE id = ?1 AND urgent = 1 AND due_at IS NOT ?2 RETURNING attempts";
    let values = params![delivery.to_bytes(), asked_at.map(Timestamp::as_millis), status, attempt.error];
    let mut number = rows(connection, asked_again, values, |row| get::<i64>(row, 0))?.pop();
    let sql = "UPDATE delivery SET tries = CASE WHEN epoch = ?4 THEN tries + 1 ELSE 1 END, state = ?2, due_at = ?3, \
               epoch = ?4, urgent = 0, finished_at = ?5, attempts = attempts + 1, last_status = ?6, last_error = ?7 \
               WHERE id = ?1 RETURNING attempts";
    let values = params![
        delivery.to_bytes(),
        state_column(state),
        due_at.as_millis(),
        stored(*epoch),
        finished_at,
        status,
        attempt.error
    ];
    if number.is_none() {
        number = rows(connection, sql, values, |row| get::<i64>(row, 0))?.pop();
    }
    let Some(number) = number else { return Ok(()) };
    let sql = "INSERT INTO delivery_attempt (delivery, number, at, duration_ms, sent, status, answered, body, error) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    let answer = attempt.answer.as_ref();
    let values = params![
        delivery.to_bytes(),
        number,
        attempt.at.as_millis(),
        stored(attempt.duration_ms),
        json!(attempt.sent).to_string(),
        status,
        answer.map(|answer| json!(answer.headers).to_string()),
        answer.map(|answer| &answer.body),
        attempt.error
    ];
    execute(connection, sql, values)?;
    if !counts {
        return Ok(());
    }
    let sql = match verdict {
        Verdict::Delivered => "UPDATE webhook SET failing_since = NULL, last_taken_at = ?3 WHERE id = ?1 AND epoch = ?2",
        _ => "UPDATE webhook SET failing_since = coalesce(failing_since, ?3) WHERE id = ?1 AND epoch = ?2",
    };
    execute(connection, sql, params![webhook.to_bytes(), stored(*epoch), attempt.at.as_millis()])
}

fn forget(connection: &Connection, before: Timestamp, now: Timestamp, limit: usize) -> Result<usize, StoreError> {
    let (before, limit) = (before.as_millis(), sql_limit(limit));
    let id = |row: &Row<'_>| get::<[u8; 16]>(row, 0);
    let sql = "UPDATE delivery SET state = 2, urgent = 0, finished_at = ?2, last_error = coalesce(last_error, ?3) WHERE id IN \
               (SELECT id FROM delivery INDEXED BY delivery_waiting WHERE state = 0 AND created_at < ?1 LIMIT ?4) RETURNING id";
    let given_up = rows(connection, sql, (before, now.as_millis(), WAITED_TOO_LONG, limit), id)?.len();
    let sql = "SELECT id FROM delivery INDEXED BY delivery_finished WHERE finished_at < ?1 LIMIT ?2";
    let mut over = rows(connection, sql, (before, limit), id)?;
    if let Some(gone) = rows(connection, "SELECT id FROM webhook_gone LIMIT 1", [], id)?.pop() {
        let sql = "SELECT id FROM delivery INDEXED BY delivery_by_webhook WHERE webhook = ?1 LIMIT ?2";
        let of_gone = rows(connection, sql, (gone, limit), id)?;
        if of_gone.is_empty() {
            execute(connection, "DELETE FROM webhook_gone WHERE id = ?1", [gone])?;
        }
        over.extend(of_gone);
    }
    for delivery in &over {
        execute(connection, "DELETE FROM delivery_attempt WHERE delivery = ?1", [delivery])?;
        execute(connection, "DELETE FROM delivery WHERE id = ?1", [delivery])?;
        std::thread::yield_now();
    }
    Ok(given_up + over.len())
}

fn due_delivery(row: &Row<'_>) -> Result<DueDelivery, StoreError> {
    Ok(DueDelivery {
        id: DeliveryId::from_bytes(get(row, 0)?),
        webhook: WebhookId::from_bytes(get(row, 1)?),
        message: get(row, 2)?,
        body: get(row, 3)?,
        is_test: get(row, 4)?,
        asked_at: get::<Option<i64>>(row, 5)?.map(time),
        tries: get(row, 6)?,
    })
}

fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
