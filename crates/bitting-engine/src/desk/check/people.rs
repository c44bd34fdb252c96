//! What people must say of themselves.

use bitting_store::MemberPatch;

use super::Checks;

/// The longest e-mail address (RFC 5321, section 4.5.3.1).
const LONGEST_EMAIL: usize = 254;

impl Checks<'_> {
    /// What a member is called; whoever is invited may say it later.
    pub(super) fn person(&mut self, name: &str, email: Option<&str>) {
        self.text("name", name, 0, 200);
        if let Some(email) = email {
            self.email(email);
        }
    }

    pub(super) fn member_patch(&mut self, patch: &MemberPatch) {
        if let Some(name) = &patch.name {
            self.text("name", name, 1, 200);
        }
        if let Some(email) = &patch.email {
            self.email(email);
        }
    }

    /// An address is checked by its shape alone: whether it is anybody's, only a letter could tell.
    fn email(&mut self, email: &str) {
        let parts = email.split_once('@');
        let is_whole = parts.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty() && !domain.contains('@'));
        let is_clean = !email.chars().any(|c| c.is_whitespace() || c.is_control() || c.is_uppercase());
        if !is_whole || !is_clean || email.len() > LONGEST_EMAIL {
            self.wrong("email", "write an e-mail address, as in mara@example.com");
        }
    }
}
