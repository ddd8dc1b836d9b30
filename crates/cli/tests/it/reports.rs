//! The report: what it says, and how it looks.

use crate::browser::Browser;
use crate::support::Sandbox;
use serde_json::json;

#[test]
fn a_report_shows_the_run_on_one_page_that_needs_nothing_else() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["quickstart", "--epochs", "4", "--dir", "q"]);
    let html = String::from_utf8(sandbox.read("q/report.html")).unwrap();
    for elsewhere in ["http://", "https://", "src=", "href=", "<script", "@import", "url("] {
        assert!(!html.contains(elsewhere), "{elsewhere}");
    }
    let browser = Browser::start();
    browser.open(&format!("file://{}", sandbox.path("q/report.html").display()));
    let text = browser.text("document.querySelector('main').innerText");
    for part in [
        "VALID: the whole run is proven",
        "17,226",
        "test accuracy",
        "Mean training loss",
        "What is proven",
        "The chain of windows",
        "132..176",
        "proving: zkReLU, cells",
        "proof of the data",
        "Peak memory of proving",
        "BEGIN PUBLIC KEY",
    ] {
        assert!(text.contains(part), "{part} is missing from\n{text}");
    }
    for file in ["points.zkdl", "data.proof"] {
        let size = format!("{:.1} kB", sandbox.read(&format!("q/public/{file}")).len() as f64 / 1000.0);
        assert!(text.contains(&size), "{file} has {size}, which is missing from\n{text}");
    }
    assert_eq!(browser.value("document.querySelectorAll('svg').length"), 5);
    assert_eq!(browser.value("document.querySelectorAll('circle').length"), 8, "four epochs, loss and accuracy");
    assert_eq!(browser.value("document.querySelectorAll('tbody tr').length"), 4);
    // What it says of the model is what the command says.
    let verified = sandbox.json(&["verify", "q", "--json"]);
    assert!(text.contains(verified["claims"][0]["model"]["digest"].as_str().unwrap()));
    browser.screenshot("report.png");
    browser.be_a_phone();
    browser.open(&format!("file://{}", sandbox.path("q/report.html").display()));
    assert_eq!(browser.value("document.documentElement.scrollWidth <= innerWidth"), json!(true));
    browser.screenshot("report-on-a-phone.png");
}

#[test]
fn nothing_false_is_reported_and_a_part_is_called_a_part() {
    let sandbox = Sandbox::trained();
    sandbox.fails(&["report", "run"], 2, &["no proofs here"]);
    sandbox.ok(&["prove", "run", "--windows", "1.."]);
    sandbox.ok(&["report", "run", "-o", "part.html"]);
    let html = String::from_utf8(sandbox.read("part.html")).unwrap();
    assert!(html.contains("not the whole run") && html.contains("how the start weights"));
    sandbox.ok(&["prove", "run"]);
    std::fs::rename(sandbox.path("run/public"), sandbox.path("auditor")).unwrap();
    let written = sandbox.json(&["report", "auditor", "--json"]);
    assert_eq!(written["report"], "auditor/report.html");
    let html = String::from_utf8(sandbox.read("auditor/report.html")).unwrap();
    assert!(
        html.contains("the whole run is proven") && html.contains("elsewhere") && !html.contains("Mean training loss")
    );
    let mut proof = sandbox.read("auditor/proofs/window-0001.proof");
    let last = proof.len() - 32;
    proof[last] ^= 1;
    std::fs::write(sandbox.path("auditor/proofs/window-0001.proof"), proof).unwrap();
    sandbox.fails(&["report", "auditor", "-o", "false.html"], 1, &["INVALID", "window-0001.proof"]);
    assert!(!sandbox.has("false.html"));
}
