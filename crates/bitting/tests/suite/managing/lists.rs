//! Lists by pages and filters.

use serde_json::{Value, json};

use super::{Manager, manager_key, named, start};

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pa3_the_list_has_the_callers_own_keys_with_prefix_and_dates_and_never_a_key() {
    let (bitting, _production, _sandbox) = start().await;
    bitting.json(&["accounts", "create", "other"]);
    let own = manager_key(&bitting, &["--permission", "tasks:read"]);
    let test = manager_key(&bitting, &["--environment", "test"]);
    let strange = manager_key(&bitting, &["--account", "other"]);
    let holder = Manager::holder(&bitting, &own.key);
    let (made, id) = holder.make(&named("Mobile App", &["tasks:read"])).await;
    let page = holder.get("").await.json();
    assert_eq!(names(&page), ["Mobile App", "test"]);
    let first = &page["data"][0];
    assert_eq!((&first["id"], &first["last_used"], &first["expires_at"]), (&json!(id), &Value::Null, &Value::Null));
    assert!(first["prefix"].as_str().unwrap().starts_with("sk_live_") && first["prefix"].as_str().unwrap().ends_with("..."));
    let listed = page.to_string();
    assert!(!listed.contains(&made) && !listed.contains(&own.key));
    // Whose account or environment is another sees other keys, and none by id.
    for (key, id_of_other) in [(&test.key, &own.id), (&strange.key, &own.id), (&own.key, &test.id), (&own.key, &strange.id)] {
        let other = Manager::holder(&bitting, key);
        for (method, below, body) in [
            ("GET", format!("/{id_of_other}"), ""),
            ("PATCH", format!("/{id_of_other}"), "{\"name\": \"taken\"}"),
            ("DELETE", format!("/{id_of_other}"), ""),
            ("DELETE", format!("/{id_of_other}?descendants=true"), ""),
            ("POST", format!("/{id_of_other}/rotate"), "{}"),
        ] {
            let reply = other.send(method, &below, &[], body).await;
            assert_eq!((reply.status.as_u16(), reply.json()["code"].as_str()), (404, Some("not_found")), "{method} {below}");
        }
        for query in ["?account=default&environment=live", "?status=active"] {
            let listed = other.get(query).await;
            assert!(!listed.body.contains(id_of_other.as_str()), "{}", listed.body);
        }
    }
}

#[tokio::test]
async fn a_list_is_read_by_pages_and_a_cursor_serves_only_its_own_list() {
    let (bitting, _production, _sandbox) = start().await;
    let holder = Manager::holder(&bitting, &manager_key(&bitting, &["--permission", "tasks:read"]).key);
    for number in 0..5 {
        holder.make(&named(&format!("app {number}"), &["tasks:read"])).await;
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = holder.get(&format!("?limit=2{cursor}")).await.json();
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let Some(next) = page["next_cursor"].as_str() else {
            assert_eq!(page["has_more"], false);
            break;
        };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(seen, ["app 4", "app 3", "app 2", "app 1", "app 0", "test"]);
    for query in ["?limit=0", "?limit=101", "?limit=x", "?limit=1&limit=2", "?colour=red", "?status=lost", "?name=a&prefix=b"] {
        assert_eq!(holder.get(query).await.status, 400, "{query}");
    }
    let forged = ["?limit=2&cursor=x".to_owned(), "?cursor=e30".to_owned(), format!("?limit=2&status=active{cursor}")];
    for query in forged {
        let reply = holder.get(&query).await;
        assert!(reply.status == 400 && reply.body.contains("cursor"), "{query}: {}", reply.body);
    }
    // A cursor of another caller's list is none of this one's.
    let test = Manager::holder(&bitting, &manager_key(&bitting, &["--environment", "test"]).key);
    assert_eq!(test.get(&format!("?limit=2{cursor}")).await.status, 400);
}

#[tokio::test]
async fn operators_filter_by_everything_at_once() {
    let (bitting, _production, _sandbox) = start().await;
    bitting.json(&["accounts", "create", "acme"]);
    let operator = Manager::operator(&bitting, &["keys:read", "keys:write"]);
    let make = async |name: &str, account: &str, permission: &str| {
        operator.make(&json!({"name": name, "account": account, "permissions": [permission]})).await.1
    };
    let (first, second) = (make("Alpha", "acme", "tasks:read").await, make("alphabet", "acme", "tasks:write").await);
    let third = make("Beta", "default", "tasks:read").await;
    operator.patch(&second, &json!({"enabled": false})).await;
    let ids = async |query: &str| {
        let page = operator.get(query).await.json();
        page["data"].as_array().unwrap().iter().map(|key| key["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids("?account=acme").await, [second.clone(), first.clone()]);
    assert_eq!(ids("?permission=tasks:read").await, [third.clone(), first.clone()]);
    assert_eq!(ids("?name=alpha").await, [first.clone(), second.clone()]);
    assert_eq!(ids("?status=disabled").await, std::slice::from_ref(&second));
    assert_eq!(
        ids("?account=acme&name=alpha&permission=tasks:read&environment=live&status=active").await,
        std::slice::from_ref(&first)
    );
    let shown = operator.get(&format!("/{first}")).await.json();
    let prefix = shown["prefix"].as_str().unwrap();
    assert_eq!(ids(&format!("?prefix={prefix}")).await, std::slice::from_ref(&first));
    let creator = shown["created_by"].as_str().unwrap();
    assert_eq!(ids(&format!("?created_by={creator}")).await, [third, second, first]);
}
