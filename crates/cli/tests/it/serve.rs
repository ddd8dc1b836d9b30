//! The page for owners: over HTTP, and in a browser as they see it.

use crate::browser::Browser;
use crate::support::{NONCE, Sandbox};
use serde_json::Value;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::process::{Child, Stdio};

/// A page that is open, until it is dropped.
struct Page {
    child: Child,
    url: String,
}

impl Page {
    fn open(sandbox: &Sandbox, run: &str) -> Self {
        let mut command = sandbox.command(&["serve", run, "--listen", "127.0.0.1:0", "--json"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        Self { child, url: told["url"].as_str().unwrap().to_owned() }
    }

    fn call(&self, path: &str, upload: Option<&[u8]>) -> (u16, Vec<u8>) {
        let (address, token) = self.url.split_once("/#token=").unwrap();
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let bearer = format!("Bearer {token}");
        let response = match upload {
            Some(upload) => agent.post(format!("{address}{path}")).header("Authorization", bearer).send(upload),
            None => agent.get(format!("{address}{path}")).header("Authorization", bearer).call(),
        };
        let response = response.unwrap();
        (response.status().as_u16(), response.into_body().read_to_vec().unwrap())
    }

    fn ask(&self, options: &str, upload: &[u8]) -> Value {
        let (status, body) = self.call(&format!("/api/ask?nonce={NONCE}&{options}"), Some(upload));
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An owner's directory: the public files, unpacked.
fn owner(sandbox: &Sandbox, page: &Page, name: &str) {
    let (status, archive) = page.call("/api/public", None);
    assert_eq!(status, 200);
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let path = sandbox.path(name).join(file.enclosed_name().unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut contents = Vec::new();
        file.read_to_end(&mut contents).unwrap();
        std::fs::write(path, contents).unwrap();
    }
}

fn decode(text: &Value) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap()
}

/// Verifies a reply by the command that the page shows, in the owner's directory; returns exit code and output.
fn verified(sandbox: &Sandbox, reply: &Value, query: &str, answer: &[u8]) -> (i32, String) {
    let verdict = reply["verdict"].as_str().unwrap();
    std::fs::write(sandbox.path(&format!("owner/{verdict}.answer")), answer).unwrap();
    let options: Vec<&str> = reply["options"].as_array().unwrap().iter().map(|o| o.as_str().unwrap()).collect();
    let (file, options) = (format!("{verdict}.answer"), options.join(" "));
    let line = format!(
        "cd owner && '{}' {verdict} verify {file} {query} {options} --nonce {NONCE} --public public",
        crate::support::ZKDL
    );
    let output = sandbox.shell(&line).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

#[test]
fn answers_from_the_page_verify_by_the_command_that_it_shows() {
    let sandbox = Sandbox::with_run();
    let config = String::from_utf8(sandbox.read("run/zkdl.toml")).unwrap();
    sandbox.write("run/zkdl.toml", &config.replace("fraction_bits = 4", "fraction_bits = 4\nnear = 2"));
    sandbox.ok(&["data", "commit", "run"]);
    sandbox.ok(&["train", "run"]);
    sandbox.ok(&["prove", "run"]);
    let page = Page::open(&sandbox, "run");
    owner(&sandbox, &page, "owner");
    let table = sandbox.read("data.csv");
    std::fs::write(sandbox.path("owner/data.csv"), &table).unwrap();
    let about: Value = serde_json::from_slice(&page.call("/api/data", None).1).unwrap();
    assert_eq!((&about["points"], &about["near"], &about["steps"][0][1]), (&36.into(), &2.into(), &10.into()));
    let (mut members, mut absent) = (0, 0);
    for row in 0..45 {
        let query = format!("--query data.csv --row {row}");
        let reply = page.ask(&format!("row={row}"), &table);
        let answer = decode(&reply["answer"]);
        let (code, text) = verified(&sandbox, &reply, &query, &answer);
        assert_eq!(code, 0, "row {row}: {text}");
        let member = reply["verdict"] == "member";
        members += u32::from(member);
        absent += u32::from(!member);
        assert_eq!(member, !reply["steps"].as_array().unwrap().is_empty(), "nine of nine batches are used");
        if row < 4 {
            let mut forged = answer.clone();
            *forged.last_mut().unwrap() ^= 1;
            assert_eq!(verified(&sandbox, &reply, &query, &forged).0, 1);
            let other = format!("--query data.csv --row {}", row + 4);
            assert_eq!(verified(&sandbox, &reply, &other, &answer).0, 1);
        }
    }
    assert!(members >= 36 && members + absent == 45, "{members} members, {absent} absent");
    // Another label: a member all the same, and what is only said is not among what is proven.
    let line = |i: usize| String::from_utf8(table.clone()).unwrap().lines().nth(i + 1).unwrap().to_owned();
    let member = (0..45).find(|row| page.ask(&format!("row={row}"), &table)["verdict"] == "member").unwrap();
    let label = line(member).rsplit_once(',').unwrap().1.parse::<u32>().unwrap();
    let reply = page.ask(&format!("row={member}&label={}", (label + 1) % 3), &table);
    assert_eq!((&reply["verdict"], &reply["options"][0]), (&"member".into(), &"--any-label".into()));
    assert!(reply["said"][0].as_str().unwrap().contains("another one"));
    let far = b"a,b,c,d\n16,16,16,16\n";
    std::fs::write(sandbox.path("owner/far.csv"), far).unwrap();
    let reply = page.ask("row=0", far);
    assert!(reply["headline"].as_str().unwrap().contains("near-duplicate"), "{reply}");
    assert_eq!(verified(&sandbox, &reply, "--query far.csv --row 0", &decode(&reply["answer"])).0, 0);
}

#[test]
fn uploads_that_are_no_question_are_refused_in_words() {
    let sandbox = Sandbox::with_run();
    sandbox.ok(&["data", "commit", "run"]);
    let page = Page::open(&sandbox, "run");
    let uploads: [(&[u8], &str); 7] = [
        (b"", "upload"),
        (b"\x89PNG\r\n\x1a\n", "not declared to be images"),
        (b"a,b,c,d\n1,2,3\n", "3"),
        (b"a,b,c,d\n1,2,3,99\n", "range"),
        (b"a,b\n1,2\n", "2 columns"),
        (b"a,b,c,d,l\n1,2,3,4,9\n", "label 9"),
        (b"\xff\xfe\x00", "upload"),
    ];
    for (upload, word) in uploads {
        let (status, body) = page.call(&format!("/api/ask?nonce={NONCE}"), Some(upload));
        let text = String::from_utf8(body).unwrap();
        assert_eq!(status, 422, "{text}");
        assert!(text.contains(word), "{word:?} is missing from {text}");
    }
    let (status, body) = page.call(&format!("/api/ask?nonce={NONCE}&row=7"), Some(b"a,b,c,d\n1,2,3,4\n"));
    assert_eq!((status, String::from_utf8(body).unwrap().contains("no row 7")), (422, true));
}

#[test]
fn a_page_for_others_needs_a_proxy_and_a_run_needs_data() {
    let sandbox = Sandbox::with_run();
    sandbox.fails(&["serve", "run", "--listen", "0.0.0.0:0"], 2, &["--behind-proxy", "TLS"]);
    sandbox.fails(&["serve", "run"], 2, &["zkdl data commit run"]);
    sandbox.fails(&["serve", "nothing"], 2, &[]);
}

/// The first image of the digits as a PNG file, and how many points come before it.
fn digit_png(path: &Path, table: &str, change: i32) {
    let row = table.lines().nth(1).unwrap();
    let pixels: Vec<i32> = row.split(',').take(64).map(|x| x.parse().unwrap()).collect();
    let grey = |(i, x): (usize, &i32)| ((x + if i == 20 { change } else { 0 }) * 255 / 16) as u8;
    let mut encoder = png::Encoder::new(std::fs::File::create(path).unwrap(), 8, 8);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = pixels.iter().enumerate().map(grey).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
}

/// Uploads a file and asks; returns what the page says.
fn asks(browser: &Browser, file: &Path) -> String {
    browser.value("document.getElementById('file').value = ''");
    browser.fill("#file", file.to_str().unwrap());
    browser.click("#ask");
    browser.wait("!document.getElementById('controls').disabled && (!document.getElementById('result').hidden || document.getElementById('status').textContent.startsWith('No answer'))");
    browser.text("document.querySelector('main').innerText")
}

#[test]
fn an_owner_sees_in_the_browser_whether_an_image_was_used() {
    let sandbox = Sandbox::new();
    sandbox.ok(&["quickstart", "--epochs", "2", "--dir", "q"]);
    let asked = String::from_utf8(sandbox.read("q/asked.csv")).unwrap();
    digit_png(&sandbox.path("mine.png"), &asked, 0);
    digit_png(&sandbox.path("other.png"), &asked, 1);
    let page = Page::open(&sandbox, "q");
    owner(&sandbox, &page, "owner");
    let browser = Browser::start();
    browser.open(&page.url);
    browser.wait("document.getElementById('about').textContent.includes('1,437 points, images of 8 × 8 pixels')");

    let member = asks(&browser, &sandbox.path("mine.png"));
    for part in
        ["Yes: exactly this point", "is number", "Steps that used it", "steps 0 to 87", "Keep it, and verify it"]
    {
        assert!(member.contains(part), "{part} is missing from\n{member}");
    }
    assert!(!member.contains("Said, not proven"));
    let lit = "(() => { const c = document.getElementById('picture'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; return d.filter((v, i) => i % 4 === 0 && v > 0).length; })()";
    let pixels = asked.lines().nth(1).unwrap().split(',').take(64).filter(|x| *x != "0").count();
    assert_eq!(browser.value(lit), pixels, "the picture is that of the point");
    browser.screenshot("page.png");

    // What the page says to run, run.
    let command = browser.text("document.getElementById('command').textContent");
    let answer = decode(&browser.value("last.reply.answer"));
    std::fs::write(sandbox.path("owner/member.answer"), answer).unwrap();
    std::fs::copy(sandbox.path("mine.png"), sandbox.path("owner/mine.png")).unwrap();
    let line = format!("cd owner && {} --json", command.replacen("zkdl", crate::support::ZKDL, 1));
    let output = sandbox.shell(&line).output().unwrap();
    assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    let uses = verdict["uses"].as_array().unwrap().iter();
    let steps: usize = uses.map(|window| window["used_in"].as_array().unwrap().len()).sum();
    assert_eq!(browser.value("document.getElementById('steps').children.length"), steps);

    let absent = asks(&browser, &sandbox.path("other.png"));
    assert!(
        absent.contains("No: exactly this point is not in the data set") && absent.contains("The answer is exact"),
        "{absent}"
    );
    assert!(!absent.contains("Steps that used it"));
    let refused = asks(&browser, &sandbox.path("q/zkdl.toml"));
    assert!(refused.contains("No answer:") && refused.contains("columns"), "{refused}");

    // A phone, in the dark: nothing is wider than the screen.
    browser.be_a_phone();
    asks(&browser, &sandbox.path("mine.png"));
    assert_eq!(browser.value("document.documentElement.scrollWidth <= innerWidth"), true);
    browser.screenshot("page-on-a-phone.png");
}
