//! A real Chromium, used as a person uses it.
//!
//! Things are found by the words on them and by what a screen reader calls them, never by how they are marked up. A test that fails
//! tells which page it was on and what it did to get there, and leaves a picture; a page that breaks its own policy or
//! whose script fails ends its test, whatever else it showed.

mod axe;
mod devtools;
mod driver;
mod look;
mod part;
mod report;

use std::cell::Cell;
use std::ops::Deref;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fantoccini::cookies::Cookie;
use fantoccini::key::Key;
use fantoccini::wd::WindowHandle;
use serde_json::json;

use self::driver::Driver;
use super::traces::Traces;

pub(crate) use look::{Look, Scheme};
pub(crate) use part::Part;

/// A browser of one person. What a person does on a page stands at [`Part`].
pub(crate) struct Browser {
    whole: Part,
    origin: String,
    look: Cell<Look>,
    has_script: Cell<bool>,
    traces: Traces,
    /// Chromium lives as long as this.
    _driver: Driver,
}

impl Deref for Browser {
    type Target = Part;

    fn deref(&self) -> &Part {
        &self.whole
    }
}

impl Browser {
    /// Starts one for a site, such as `http://127.0.0.1:8081`: wide, light, with script, in UTC.
    pub(crate) async fn new(origin: impl Into<String>) -> Self {
        let traces = Traces::new();
        let driver = Driver::start(&traces);
        let client = driver.session(&traces).await;
        let session = client.session_id().await.unwrap().unwrap();
        let whole = Part::whole(client, devtools::Devtools::new(driver.address(), session));
        let (look, has_script) = (Cell::new(Look::WIDE), Cell::new(true));
        let browser = Self { whole, origin: origin.into(), look, has_script, traces, _driver: driver };
        browser.wear(Look::WIDE).await;
        browser
    }

    /// Waits for nothing, where something is known not to come.
    pub(crate) fn impatient(mut self) -> Self {
        self.whole.patience = Duration::ZERO;
        self
    }

    /// Goes to a path of the site, or to a whole address.
    pub(crate) async fn open(&self, path: &str) {
        self.step(format!("open {path}"));
        let address = if path.starts_with('/') { format!("{}{path}", self.origin) } else { path.to_owned() };
        self.client.goto(&address).await.unwrap_or_else(|error| panic!("{address} cannot be opened: {error}"));
    }

    pub(crate) async fn reload(&self) {
        self.step("reload".to_owned());
        self.client.refresh().await.unwrap();
    }

    /// Goes back to the page before.
    pub(crate) async fn back(&self) {
        self.step("go back".to_owned());
        self.client.back().await.unwrap();
    }

    /// Presses keys on the keyboard, wherever the focus is.
    pub(crate) async fn type_keys(&self, keys: &str) {
        self.step(format!("type {keys:?}"));
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// Presses one key that has no letter.
    pub(crate) async fn press_key(&self, key: Key) {
        self.type_keys(&String::from(char::from(key))).await;
    }

    /// What a screen reader calls what has the focus.
    pub(crate) async fn focus(&self) -> String {
        let script = "return document.activeElement.computedName";
        self.client.execute(script, Vec::new()).await.unwrap().as_str().unwrap().to_owned()
    }

    /// Whether what has the focus is not covered by anything.
    pub(crate) async fn focus_is_seen(&self) -> bool {
        let script = "const at = document.activeElement; const box = at.getBoundingClientRect();\
                      const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);\
                      return at.contains(top) || [...(at.labels ?? [])].some((label) => label.contains(top))";
        self.client.execute(script, Vec::new()).await.unwrap() == true
    }

    /// Path, query and fragment of the page.
    pub(crate) async fn path(&self) -> String {
        let address = self.client.current_url().await.unwrap().to_string();
        address.strip_prefix(&self.origin).unwrap_or(&address).to_owned()
    }

    /// Waits until the page has a path, whatever its query.
    pub(crate) async fn arrives_at(&self, path: &str) {
        self.step(format!("arrive at {path}"));
        let arrived = self.until(async || self.path().await.split(['?', '#']).next() == Some(path)).await;
        assert!(arrived, "it did not lead to {path}");
    }

    /// The page's title, as the tab shows it.
    pub(crate) async fn title(&self) -> String {
        self.client.title().await.unwrap()
    }

    /// The page's heading.
    pub(crate) async fn heading(&self) -> String {
        let script = "return document.querySelector('h1')?.innerText.trim() ?? ''";
        self.client.execute(script, Vec::new()).await.unwrap().as_str().unwrap().to_owned()
    }

    /// The status that the page came with.
    pub(crate) async fn status(&self) -> u64 {
        let script = "return performance.getEntriesByType('navigation')[0].responseStatus";
        self.client.execute(script, Vec::new()).await.unwrap().as_u64().unwrap()
    }

    /// The site's cookies.
    pub(crate) async fn cookies(&self) -> Vec<Cookie<'static>> {
        self.client.get_all_cookies().await.unwrap()
    }

    /// Has a cookie from somewhere else.
    pub(crate) async fn take_cookie(&self, name: &str, value: &str) {
        self.step(format!("take the cookie {name}"));
        let cookie = json!({"url": self.origin, "name": name, "value": value, "httpOnly": true, "sameSite": "Lax"});
        self.devtools.command("Network.setCookie", cookie).await;
    }

    /// Loses all cookies, as if the session had ended.
    pub(crate) async fn forget(&self) {
        self.step("lose all cookies".to_owned());
        self.client.delete_all_cookies().await.unwrap();
    }

    /// Opens another tab and goes on there; returns the one that it left.
    pub(crate) async fn new_tab(&self) -> WindowHandle {
        self.step("open another tab".to_owned());
        let left = self.client.window().await.unwrap();
        let tab = self.client.new_window(true).await.unwrap();
        self.client.switch_to_window(tab.handle).await.unwrap();
        // A new tab knows nothing of what the first one was told.
        self.wear(self.look.get()).await;
        left
    }

    /// Goes on in another tab; returns the one that it left.
    pub(crate) async fn turn_to(&self, tab: WindowHandle) -> WindowHandle {
        self.step("turn to another tab".to_owned());
        let left = self.client.window().await.unwrap();
        self.client.switch_to_window(tab).await.unwrap();
        left
    }

    /// Turns script off, or on again, from the next page on.
    pub(crate) async fn with_script(&self, on: bool) {
        self.has_script.set(on);
        self.allow_script(on).await;
    }

    async fn allow_script(&self, on: bool) {
        self.devtools.command("Emulation.setScriptExecutionDisabled", json!({"value": !on})).await;
    }

    /// Puts the person into a time zone, such as `Asia/Tokyo`.
    pub(crate) async fn in_zone(&self, zone: &str) {
        self.devtools.command("Emulation.setTimezoneOverride", json!({"timezoneId": zone})).await;
    }

    /// Lets the page read and write what is copied, as browsers do after a click.
    pub(crate) async fn allow_copying(&self) {
        let permissions = json!({"origin": self.origin, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
        self.devtools.command("Browser.grantPermissions", permissions).await;
    }

    /// What was copied last.
    pub(crate) async fn copied(&self) -> String {
        self.devtools.evaluate("navigator.clipboard.readText()").await.as_str().unwrap_or_default().to_owned()
    }

    /// Reloads until words can be read: what is counted is written about once a second.
    pub(crate) async fn comes_to_say(&self, words: &str) {
        self.step(format!("reload until “{words}” can be read"));
        let said = self.until(async || {
            self.client.refresh().await.unwrap();
            self.says(words).await
        });
        assert!(said.await, "“{words}” does not come");
    }

    /// What the page did wrong since it was last asked: against its own policy, or in its script.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        report::complaints(&self.devtools).await.unwrap()
    }

    /// Takes a picture of the whole page, and tells where it is. Pictures last until the next run.
    pub(crate) async fn picture(&self, name: &str) -> PathBuf {
        let parameters = json!({"format": "png", "captureBeyondViewport": true});
        let picture = self.devtools.command("Page.captureScreenshot", parameters).await;
        let bytes = BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
        let file = self.traces.picture(name);
        std::fs::write(&file, bytes).unwrap();
        file
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let has_failed = std::thread::panicking();
        let picture = self.traces.picture("failed");
        let report = report::last(&self.devtools, has_failed.then_some(picture));
        let steps = self.steps.lock().unwrap().join("\n  ");
        match report {
            Err(error) => eprintln!("the browser does not tell where it is: {error}"),
            Ok(report) if has_failed => eprintln!("{report}\nwhat was done:\n  {steps}"),
            Ok(report) => assert!(report.complaints.is_empty(), "{report}\nwhat was done:\n  {steps}"),
        }
    }
}
