//! Every code has a page, and every page is right about its Canvases.

mod catalogue;

use catalogue::load_text;
use flowrun_canvas::{Severity, codes};

/// Codes whose Canvas is too long for a page, or that the test catalogue can't have; the
/// long ones are made in `limits.rs`.
const WITHOUT_EXAMPLE: [&str; 11] = [
    "FR0102", "FR0104", "FR0117", "FR0120", "FR0121", "FR0199", "FR0304", "FR0404", "FR0410",
    "FR0411", "FR0412",
];

/// Pages whose examples are Canvases; those of test files are tried in `test_files.rs`.
fn of_canvases() -> impl Iterator<Item = &'static codes::Page> {
    codes::all().filter(|page| !page.code.as_str().starts_with("FR06"))
}

#[test]
fn every_wrong_example_has_its_code_and_no_other_error() {
    for page in of_canvases() {
        if page.wrong.is_empty() {
            assert!(WITHOUT_EXAMPLE.contains(&page.code.as_str()), "{} shows nothing", page.code);
            continue;
        }
        let found = load_text(page.wrong).diagnostics;
        assert!(found.iter().any(|one| one.code == page.code), "{}: {found:#?}", page.code);
        let others = found.iter().find(|one| one.code != page.code && one.is_error());
        assert!(others.is_none(), "{} also gives {others:#?}", page.code);
    }
}

#[test]
fn every_right_example_loads_without_a_word() {
    for page in of_canvases().filter(|page| !page.right.is_empty()) {
        let loaded = load_text(page.right);
        assert_eq!(loaded.diagnostics, [], "{}", page.code);
        assert!(loaded.canvas.is_some(), "{}", page.code);
    }
}

#[test]
fn codes_are_in_order_and_pages_are_found_by_them() {
    let all: Vec<&str> = codes::all().map(|page| page.code.as_str()).collect();
    let mut sorted = all.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(all, sorted);
    let page = codes::page("fr0203").expect("a page");
    assert_eq!(page.code, codes::CYCLE);
    assert!(page.to_string().starts_with("FR0203: the steps run in a circle\n"));
    assert!(codes::page("FR9999").is_none());
}

#[test]
fn a_canvas_is_there_exactly_if_there_is_no_error() {
    for page in of_canvases() {
        for text in [page.wrong, page.right] {
            let loaded = load_text(text);
            let errors = loaded.diagnostics.iter().any(|one| one.severity == Severity::Error);
            assert_eq!(loaded.canvas.is_some(), !errors, "{}", page.code);
        }
    }
}
