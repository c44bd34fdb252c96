//! What a browser tells before it goes.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::devtools::Devtools;

/// Where it was and what it saw.
pub(super) struct Report {
    address: String,
    title: String,
    excerpt: String,
    picture: Option<PathBuf>,
    pub(super) complaints: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, title, excerpt, .. } = self;
        writeln!(f, "the page was {address}, “{title}”:\n  {}", excerpt.replace('\n', "\n  "))?;
        if let Some(picture) = &self.picture {
            writeln!(f, "a picture of it: {}", picture.display())?;
        }
        for complaint in &self.complaints {
            writeln!(f, "Chromium complains: {complaint}")?;
        }
        Ok(())
    }
}

/// What the page did wrong. That an address was answered with an error is not the page's fault.
pub(super) async fn complaints(devtools: &Devtools) -> Result<Vec<String>, String> {
    let lines = devtools.console().await?;
    let wrong = lines.iter().filter(|line| line["level"] == "SEVERE" && line["source"] != "network");
    Ok(wrong.map(|line| line["message"].as_str().unwrap_or_default().to_owned()).collect())
}

/// Asks a browser for the last time, and closes it. It is asked from a thread of its own, since the test's runtime may be the one that
/// this is called from.
pub(super) fn last(devtools: &Devtools, picture: Option<PathBuf>) -> Result<Report, String> {
    let devtools = devtools.clone();
    let asking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let report = tokio::time::timeout(TIME, ask(&devtools, picture)).await.map_err(|_| "it is silent".to_owned());
            // So that its profile is on the disk when it is searched for keys.
            let _ = tokio::time::timeout(TIME, devtools.send("DELETE", "", &Value::Null)).await;
            report?
        })
    });
    asking.join().map_err(|_| "it is gone".to_owned())?
}

async fn ask(devtools: &Devtools, picture: Option<PathBuf>) -> Result<Report, String> {
    let text = async |command| {
        devtools.send("GET", command, &Value::Null).await.map(|value| value.as_str().unwrap_or_default().to_owned())
    };
    let script = json!({"script": "return document.body?.innerText ?? ''", "args": []});
    let body = devtools.send("POST", "execute/sync", &script).await?;
    let excerpt = body.as_str().unwrap_or_default().chars().take(EXCERPT).collect();
    if let Some(file) = &picture {
        let bytes = BASE64_STANDARD.decode(text("screenshot").await?).map_err(|error| error.to_string())?;
        std::fs::write(file, bytes).map_err(|error| error.to_string())?;
    }
    Ok(Report {
        address: text("url").await?,
        title: text("title").await?,
        excerpt,
        picture,
        complaints: complaints(devtools).await?,
    })
}

const TIME: Duration = Duration::from_secs(10);
/// How many characters of the page are shown.
const EXCERPT: usize = 2_000;
