//! The API's own words.

/// What people read: on the command line, in the demo, on the dashboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// The API's name as its users know it, as in "CSBoard".
    pub title: Box<str>,
    /// Where keys are made, as in "Settings → API Keys".
    pub key_page: Box<str>,
    /// The words on the button, as in "Generate key".
    pub create_key: Box<str>,
    /// What the API calls a key's name, as in "Label".
    pub key_name: Box<str>,
}
