//! Many requests at once over HTTP/2, from h2load.

use tokio::process::Command;

use super::{start, start_secured};

/// h2load's line about statuses, as in `status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx`.
async fn h2load(arguments: &[&str]) -> String {
    let output = Command::new("h2load").args(arguments).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    said.lines().find(|line| line.starts_with("status codes:")).map_or(said.clone(), str::to_owned)
}

#[tokio::test]
async fn two_thousand_requests_over_ten_connections_are_all_answered() {
    let load = ["-n", "2000", "-c", "10", "-m", "50"];
    for (scheme, (bitting, upstream, bearer)) in [("http", start("").await), ("https", start_secured("").await)] {
        let url = format!("{scheme}://{}/x", bitting.gateway);
        let authorization = format!("authorization: {bearer}");
        let said = h2load(&[&load[..], &["-H", &authorization, &url]].concat()).await;
        assert_eq!(said, "status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx");
        let said = h2load(&[&load[..], &["--h1", "-H", &authorization, &url]].concat()).await;
        assert_eq!(said, "status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx");
        assert_eq!(upstream.requests().len(), 4_000);
    }
}
