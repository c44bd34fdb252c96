//! Who did something, in words: rows say it in ids.

use std::collections::HashMap;

/// Names of members and keys, by what rows call them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Actors {
    members: HashMap<String, String>,
    keys: HashMap<String, String>,
}

impl Actors {
    /// Makes a member known by their name, or by their e-mail where they have said none.
    pub(crate) fn member(&mut self, id: &str, name: &str) {
        self.members.insert(id.to_owned(), name.to_owned());
    }

    /// Makes a key known by its name.
    pub(crate) fn key(&mut self, id: &str, name: &str) {
        self.keys.insert(id.to_owned(), name.to_owned());
    }

    /// Whoever a row calls so: a name, "mara at the command line", "Deploy bot, by API", or the id where nothing is known.
    pub(crate) fn say(&self, actor: &str) -> String {
        if let Some(user) = actor.strip_prefix("cli:") {
            return format!("{user}, command line");
        }
        if let Some(name) = self.members.get(actor) {
            return name.clone();
        }
        match self.keys.get(actor) {
            Some(name) => format!("{name}, by API"),
            None if actor == "system" => "Bitting".to_owned(),
            None => actor.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_who_can_have_done_something_has_a_name() {
        let mut actors = Actors::default();
        actors.member("mem_1", "Mara Lindqvist");
        actors.key("key_1", "Deploy bot");
        let said = ["mem_1", "key_1", "cli:root", "system", "mem_2"].map(|actor| actors.say(actor));
        assert_eq!(said, ["Mara Lindqvist", "Deploy bot, by API", "root, command line", "Bitting", "mem_2"]);
    }
}
