//! The page that says which test proves which promise, held against the tests.

use std::collections::BTreeSet;
use std::path::Path;

const PAGE: &str = include_str!("../../../../docs/promises.md");

/// Every document's abbreviation, with how many promises it makes.
const DOCUMENTS: [(&str, u32); 5] = [("BB", 8), ("BN", 7), ("LB", 9), ("PA", 18), ("CS", 9)];

#[test]
fn the_page_of_promises_names_each_test_that_proves_one_and_no_other() {
    let on_page: BTreeSet<String> = PAGE.split('`').filter(|word| is_proof(word)).map(str::to_owned).collect();
    let mut in_code = BTreeSet::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), &mut in_code);
    assert_eq!(on_page.difference(&in_code).collect::<Vec<_>>(), Vec::<&String>::new(), "named on the page, but not a test");
    assert_eq!(in_code.difference(&on_page).collect::<Vec<_>>(), Vec::<&String>::new(), "a test, but not on the page");
}

#[test]
fn each_promise_has_its_line_with_its_own_tests_or_says_that_it_is_open() {
    for (document, count) in DOCUMENTS {
        for number in 1..=count {
            let start = format!("| {document}{number} |");
            let line =
                PAGE.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("{document}{number} is missing"));
            let own = format!("{}{number}_", document.to_lowercase());
            let proofs: Vec<&str> = line.split('`').filter(|word| is_proof(word)).collect();
            assert!(proofs.iter().all(|proof| proof.starts_with(&own)), "{line}");
            assert!(!proofs.is_empty() || line.contains("Open: "), "{line}");
        }
    }
}

/// Whether it is the name of a test that proves a promise, such as `cs7_…`.
fn is_proof(word: &str) -> bool {
    let Some((number, rest)) = word.split_once('_') else { return false };
    let digits = number.trim_start_matches(|c: char| c.is_ascii_lowercase());
    let document = &number[..number.len() - digits.len()];
    let known = DOCUMENTS.iter().any(|(name, _)| name.to_lowercase() == document);
    known && digits.parse::<u32>().is_ok() && rest.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Adds the names of all tests in and below a folder that prove a promise.
fn gather(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            gather(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let functions = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            names.extend(functions.filter(|name| is_proof(name)).map(str::to_owned));
        }
    }
}
