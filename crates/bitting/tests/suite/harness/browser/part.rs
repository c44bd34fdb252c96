//! A page, or a part of one, as a person uses it: by labels and words.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fantoccini::Client;
use fantoccini::actions::{InputSource as _, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use fantoccini::elements::{Element, ElementRef};
use fantoccini::error::{CmdError, ErrorStatus};
use fantoccini::key::Key;
use serde_json::{Value, json};
use tokio::time::{Instant, interval};

use super::devtools::Devtools;

/// How long something may take to appear, unless said otherwise. The server answers in milliseconds; a busy machine does not.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked for.
const GLANCE: Duration = Duration::from_millis(25);
/// How long there is between the clicks of a double click.
const HURRY: Duration = Duration::from_millis(100);
/// How a click on a box fails that is drawn by its label.
const LABEL_TAKES_IT: [ErrorStatus; 2] = [ErrorStatus::ElementClickIntercepted, ErrorStatus::ElementNotInteractable];

/// What the steps of a test act on. A browser is the part that is everything.
#[derive(Clone)]
pub(crate) struct Part {
    pub(super) client: Client,
    pub(super) devtools: Devtools,
    /// What was done so far, for whoever reads why a test failed.
    pub(super) steps: Arc<Mutex<Vec<String>>>,
    pub(super) patience: Duration,
    root: Option<Element>,
}

/// What a person takes an element for.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Button,
    Link,
    Field,
    Choice,
    Row,
    Dialog,
    Section,
    Table,
}

impl Kind {
    fn selector(self) -> &'static str {
        match self {
            Self::Button => "button, summary, [type=submit], [role=button], a[href]",
            Self::Link => "a[href]",
            Self::Field => {
                "input:not([type=hidden], [type=radio], [type=checkbox], [type=submit], [type=file]), textarea, select"
            }
            Self::Choice => "[type=radio], [type=checkbox]",
            Self::Row => "tr, li",
            Self::Dialog => "dialog",
            Self::Section => "section, form, fieldset, nav, figure, [role=group], [role=region]",
            Self::Table => "table",
        }
    }
}

impl Part {
    pub(super) fn whole(client: Client, devtools: Devtools) -> Self {
        Self { client, devtools, steps: Arc::default(), patience: PATIENCE, root: None }
    }

    /// Presses what says these words: a button, what opens a menu, or a link that looks like a button.
    pub(crate) async fn press(&self, words: &str) {
        self.step(format!("press “{words}”"));
        let button = self.find(Kind::Button, words).await;
        self.click(&button).await.unwrap_or_else(|error| panic!("“{words}” cannot be pressed: {error}"));
    }

    /// Presses it twice in a hurry, as people do who are used to icons.
    pub(crate) async fn press_twice(&self, words: &str) {
        self.step(format!("press “{words}” twice"));
        let button = self.find(Kind::Button, words).await;
        let aim = self.client.execute(include_str!("aiming.js"), vec![json!(button)]).await.unwrap();
        let aimed = PointerAction::MoveToElement { element: button, duration: None, x: 0.0, y: 0.0 };
        let mut mouse = MouseActions::new("mouse".to_owned()).then(aimed);
        for _ in 0..2 {
            let (down, up) =
                (PointerAction::Down { button: MOUSE_BUTTON_LEFT }, PointerAction::Up { button: MOUSE_BUTTON_LEFT });
            mouse = mouse.then(down).then(up).then(PointerAction::Pause { duration: HURRY });
        }
        self.client.perform_actions(mouse).await.unwrap_or_else(|error| panic!("“{words}” cannot be pressed: {error}"));
        // The page that the answer to either shows.
        self.until(async || self.client.execute("return arguments[0].page.isConnected", vec![aim.clone()]).await.is_err())
            .await;
    }

    /// Makes a page with script ask for a path when it was clicked for the second time, and has done what it does then.
    pub(crate) async fn asks_at_second_click(&self, path: &str) {
        let script = "const [path] = arguments; let clicks = 0; \
                      addEventListener('click', () => { if (++clicks === 2) setTimeout(() => fetch(path)); }, true)";
        self.client.execute(script, vec![json!(path)]).await.unwrap();
    }

    /// Follows the link with these words.
    pub(crate) async fn follow(&self, words: &str) {
        self.step(format!("follow “{words}”"));
        let link = self.find(Kind::Link, words).await;
        self.click(&link).await.unwrap_or_else(|error| panic!("“{words}” cannot be followed: {error}"));
    }

    /// Writes a text into a field in place of what stands there, as if it were pasted. A date is `2026-01-31`.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        self.step(format!("fill “{label}” with {text:?}"));
        let field = self.find(Kind::Field, label).await;
        let written = async {
            if field.prop("type").await?.as_deref() == Some("date") {
                let (year, day) = text.split_once('-').unwrap();
                return field.send_keys(&format!("{}{year}", day.replace('-', ""))).await;
            }
            self.click(&field).await?;
            field.clear().await?;
            // A key at a time would be slow, and WebDriver has no keys for emoji.
            self.devtools.command("Input.insertText", json!({"text": text})).await;
            Ok(())
        };
        written.await.unwrap_or_else(|error| panic!("“{label}” cannot be filled in: {error}"));
    }

    /// Pastes what was copied into a field.
    pub(crate) async fn paste_into(&self, label: &str) {
        self.step(format!("paste into “{label}”"));
        let field = self.find(Kind::Field, label).await;
        field.clear().await.unwrap();
        let (control, released) = (char::from(Key::Control), char::from(Key::Null));
        field.send_keys(&format!("{control}v{released}")).await.unwrap();
    }

    /// Picks an option of a list.
    pub(crate) async fn pick(&self, label: &str, option: &str) {
        self.step(format!("pick “{option}” as “{label}”"));
        let field = self.find(Kind::Field, label).await;
        field.select_by_label(option).await.unwrap_or_else(|error| panic!("“{label}” has no “{option}”: {error}"));
    }

    /// Ticks a box, or turns a knob to it.
    pub(crate) async fn choose(&self, label: &str) {
        self.set(label, true).await;
    }

    /// Takes the tick out of a box.
    pub(crate) async fn unchoose(&self, label: &str) {
        self.set(label, false).await;
    }

    async fn set(&self, label: &str, to: bool) {
        self.step(format!("{} “{label}”", if to { "choose" } else { "unchoose" }));
        let choice = self.find(Kind::Choice, label).await;
        if choice.is_selected().await.unwrap() != to {
            let clicked = match self.click(&choice).await {
                Err(CmdError::Standard(error)) if LABEL_TAKES_IT.contains(&error.error) => {
                    self.label(&choice).await.click().await
                }
                done => done,
            };
            clicked.unwrap_or_else(|error| panic!("“{label}” cannot be chosen: {error}"));
        }
        assert_eq!(choice.is_selected().await.unwrap(), to, "“{label}”");
    }

    async fn label(&self, choice: &Element) -> Element {
        let found = self.client.execute("return arguments[0].labels[0]", vec![json!(choice)]).await.unwrap();
        self.element(&found)
    }

    /// Clicks, and waits for what the click leads to: another page, if it leads to one, or a dialog that asks first, or a field
    /// that is not filled in as it should be.
    async fn click(&self, element: &Element) -> Result<(), CmdError> {
        let aim = self.client.execute(include_str!("aiming.js"), vec![json!(element)]).await?;
        element.click().await?;
        if aim["leads"] == true {
            self.until(async || {
                let script = "return document.querySelectorAll('dialog:modal').length > arguments[0].dialogs\
                              || !!document.querySelector(':user-invalid')";
                match self.client.execute(script, vec![aim.clone()]).await {
                    Ok(stays) => stays == true,
                    // The page that it stood on is gone.
                    Err(_) => true,
                }
            })
            .await;
        }
        Ok(())
    }

    /// What stands in a field.
    pub(crate) async fn value(&self, label: &str) -> String {
        self.find(Kind::Field, label).await.prop("value").await.unwrap().unwrap_or_default()
    }

    /// Whether a box is ticked, or a knob turned to it.
    pub(crate) async fn is_chosen(&self, label: &str) -> bool {
        self.find(Kind::Choice, label).await.is_selected().await.unwrap()
    }

    /// Whether there is something to press that says these words, now.
    pub(crate) async fn offers(&self, words: &str) -> bool {
        !self.look(Kind::Button, words).await.0.is_empty()
    }

    /// Whether there is a field or a choice with this label, now.
    pub(crate) async fn asks(&self, label: &str) -> bool {
        !self.look(Kind::Field, label).await.0.is_empty() || !self.look(Kind::Choice, label).await.0.is_empty()
    }

    /// The row of a table, or the item of a list, that one of these words stands in.
    pub(crate) async fn row(&self, words: &str) -> Self {
        self.part(Kind::Row, words).await
    }

    /// The dialog with this title.
    pub(crate) async fn dialog(&self, title: &str) -> Self {
        self.part(Kind::Dialog, title).await
    }

    /// The section, group or navigation that is called so.
    pub(crate) async fn section(&self, name: &str) -> Self {
        self.part(Kind::Section, name).await
    }

    async fn part(&self, kind: Kind, words: &str) -> Self {
        self.step(format!("in the {kind:?} “{words}”"));
        Self { root: Some(self.find(kind, words).await), ..self.clone() }
    }

    /// The rows of the table with this caption, heads not among them, with what stands in each cell.
    pub(crate) async fn table(&self, caption: &str) -> Vec<Vec<String>> {
        let table = self.find(Kind::Table, caption).await;
        let script = "return [...arguments[0].tBodies].flatMap((body) => [...body.rows]).filter((row) => row.checkVisibility())\
                      .map((row) => [...row.cells].map((cell) => cell.innerText.replace(/\\s+/g, ' ').trim()))";
        serde_json::from_value(self.client.execute(script, vec![json!(table)]).await.unwrap()).unwrap()
    }

    /// What a list of facts says of one, such as `Expires`.
    pub(crate) async fn fact(&self, term: &str) -> String {
        let script = "const [root, term] = arguments;\
                      const found = [...(root ?? document).querySelectorAll('dt')].find((dt) => dt.innerText.trim() === term);\
                      return found && found.nextElementSibling.innerText.replace(/\\s+/g, ' ').trim()";
        let said = self.client.execute(script, vec![json!(self.root), json!(term)]).await.unwrap();
        said.as_str().unwrap_or_else(|| panic!("nothing is said of “{term}”")).to_owned()
    }

    /// What is shown where the mouse rests on the first time with these words.
    pub(crate) async fn on_hover(&self, words: &str) -> String {
        let script = "const [root, words] = arguments;\
                      return [...(root ?? document).querySelectorAll('time')].find((time) => time.innerText.startsWith(words))?.title";
        let said = self.client.execute(script, vec![json!(self.root), json!(words)]).await.unwrap();
        said.as_str().unwrap_or_else(|| panic!("no time is “{words}”")).to_owned()
    }

    /// What can be read, its white space as it looks.
    pub(crate) async fn text(&self) -> String {
        let script = "return (arguments[0] ?? document.body).innerText";
        let text = self.client.execute(script, vec![json!(self.root)]).await.unwrap();
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Whether words can be read, now.
    pub(crate) async fn says(&self, words: &str) -> bool {
        flat(&self.text().await).contains(words)
    }

    /// Waits until words can be read.
    pub(crate) async fn sees(&self, words: &str) {
        self.step(format!("see “{words}”"));
        assert!(self.until(async || self.says(words).await).await, "“{words}” is nowhere to be read");
    }

    /// Waits until words cannot be read.
    pub(crate) async fn sees_no_more(&self, words: &str) {
        self.step(format!("see “{words}” no more"));
        assert!(self.until(async || !self.says(words).await).await, "“{words}” can still be read");
    }

    /// Waits for a condition as long as patience lasts, and says whether it came.
    pub(super) async fn until(&self, mut condition: impl AsyncFnMut() -> bool) -> bool {
        let started = Instant::now();
        let mut glances = interval(GLANCE);
        loop {
            glances.tick().await;
            if condition().await {
                return true;
            }
            if started.elapsed() > self.patience {
                return false;
            }
        }
    }

    /// Waits for the one thing of a kind that is called so.
    async fn find(&self, kind: Kind, words: &str) -> Element {
        let mut seen = (Vec::new(), Vec::new());
        self.until(async || {
            seen = self.look(kind, words).await;
            seen.0.len() == 1
        })
        .await;
        let (mut found, others) = seen;
        let there = || format!("there are “{}”", others.join("”, “"));
        assert!(!found.is_empty(), "there is no {kind:?} “{words}”; {}", there());
        assert!(found.len() == 1, "{} {kind:?}s are called “{words}”: say in which part; {}", found.len(), there());
        found.remove(0)
    }

    /// What is called so now, and what else there is.
    async fn look(&self, kind: Kind, words: &str) -> (Vec<Element>, Vec<String>) {
        let arguments = vec![json!(self.root), json!(kind.selector()), json!(words)];
        let answer = match self.client.execute(include_str!("finding.js"), arguments).await {
            Ok(answer) => answer,
            // The page is being left, or the part was drawn anew.
            Err(error) if error.is_stale_element_reference() || error.is_javascript_error() => return Default::default(),
            Err(error) => panic!("looking for “{words}”: {error}"),
        };
        let found = answer["found"].as_array().into_iter().flatten().map(|element| self.element(element)).collect();
        (found, serde_json::from_value(answer["others"].clone()).unwrap_or_default())
    }

    fn element(&self, reference: &Value) -> Element {
        let id = reference.as_object().and_then(|entry| entry.values().next()?.as_str()).unwrap();
        Element::from_element_id(self.client.clone(), ElementRef::from(id.to_owned()))
    }

    pub(super) fn step(&self, step: String) {
        self.steps.lock().unwrap().push(step);
    }
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
