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

    /// An address is checked by its shape alone: whether it is anybody's, only a letter could tell. Letters of other scripts that
    /// look like Latin ones would show somebody as somebody else; a domain of another script has a form in ASCII.
    fn email(&mut self, email: &str) {
        let is_whole = email.rsplit_once('@').is_some_and(|(local, domain)| is_dot_string(local) && is_domain(domain));
        if !is_whole || email.len() > LONGEST_EMAIL {
            self.wrong("email", "write an e-mail address, as in mara@example.com");
        }
    }
}

/// The usual form of what stands before the `@` (RFC 5321, section 4.1.2: `Dot-string`), in small letters.
fn is_dot_string(local: &str) -> bool {
    let is_atom = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

fn is_domain(domain: &str) -> bool {
    let is_inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label =
        |label: &str| !label.is_empty() && label.chars().all(is_inner) && !label.starts_with('-') && !label.ends_with('-');
    domain.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_looks_like_what_it_is() {
        let is_taken = |email: &str| {
            let (local, domain) = email.rsplit_once('@').unwrap_or_default();
            is_dot_string(local) && is_domain(domain)
        };
        for email in ["mara@example.com", "m.o'neil+keys@mail.example.com", "ops@localhost", "x@xn--bcher-kva.example"] {
            assert!(is_taken(email), "{email}");
        }
        for email in [
            "kim@\u{200B}example.com",
            "k\u{456}m@example.com",
            "\"kim@example.com",
            "kim@example.com.",
            "kim@-example.com",
            "<script>@example.com",
            "kim@example@example.com",
            ".kim@example.com",
            "Kim@example.com",
            "@example.com",
            "kim@",
            "kim",
        ] {
            assert!(!is_taken(email), "{email}");
        }
    }
}
