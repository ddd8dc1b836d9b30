//! The door, with a desk that answers everything.

use super::desk::{Asked, Desk, Refusal, Reply};
use super::http::Service;
use super::limits::{Limits, UPLOAD};
use super::token::Token;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Barrier, Mutex};

/// Remembers what it was asked; refuses what is too short to be a file; waits for the barrier.
struct Clerk {
    asked: Arc<Mutex<Vec<Asked>>>,
    barrier: Option<Arc<Barrier>>,
}

impl Desk for Clerk {
    fn about(&self) -> Value {
        json!({ "points": 3 })
    }

    fn public_files(&self) -> &[u8] {
        b"files"
    }

    fn answer(&self, asked: &Asked) -> Result<Reply, Refusal> {
        if let Some(barrier) = &self.barrier {
            barrier.wait();
        }
        self.asked.lock().unwrap().push(asked.clone());
        match asked.upload.len() {
            0 => Err(Refusal::Unreadable("it is empty".to_owned())),
            1 => Err(Refusal::Failed),
            _ => Ok(Reply {
                verdict: "absent",
                headline: "No".to_owned(),
                proven: vec!["that".to_owned()],
                said: Vec::new(),
                steps: vec![3],
                features: vec![1, -2],
                answer: vec![0xff, 0],
                options: vec!["--any-label".to_owned()],
            }),
        }
    }
}

static LOG: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn log(line: &str) {
    LOG.lock().unwrap().push(line.to_owned());
}

/// A page that runs, and its token.
struct Door {
    address: SocketAddr,
    token: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    _runtime: tokio::runtime::Runtime,
}

type Response = ureq::http::Response<ureq::Body>;

impl Door {
    fn open(per_minute: u32, at_a_time: usize, barrier: Option<Arc<Barrier>>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let (token, asked) = (Token::draw().unwrap(), Arc::default());
        let revealed = token.reveal().to_owned();
        let clerk = Clerk { asked: Arc::clone(&asked), barrier };
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits::new(NonZeroU32::new(per_minute).unwrap(), at_a_time);
        let router = Service::new(clerk, token, limits, address, Some(log)).router();
        runtime.spawn(async move {
            axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await.unwrap();
        });
        Self { address, token: revealed, asked, _runtime: runtime }
    }

    fn agent() -> ureq::Agent {
        ureq::Agent::config_builder().http_status_as_error(false).build().into()
    }

    fn get(&self, path: &str, token: &str, host: &str) -> Response {
        let request = Self::agent().get(format!("http://{}{path}", self.address)).header("Host", host);
        request.header("Authorization", format!("Bearer {token}")).call().unwrap()
    }

    fn ask(&self, options: &str, upload: &[u8]) -> Response {
        let request = Self::agent().post(format!("http://{}/api/ask?{options}", self.address));
        request.header("Authorization", format!("Bearer {}", self.token)).send(upload).unwrap()
    }
}

fn body(response: Response) -> Value {
    serde_json::from_str(&response.into_body().read_to_string().unwrap()).unwrap()
}

fn nonce() -> String {
    format!("nonce={}", "ab".repeat(32))
}

#[test]
fn the_page_is_open_and_nothing_else_is_without_the_token() {
    let door = Door::open(1000, 2, None);
    let host = door.address.to_string();
    let page = door.get("/", "", &host);
    assert_eq!(page.status(), 200);
    assert!(page.into_body().read_to_string().unwrap().contains("Was my data used?"));
    for path in ["/api/data", "/api/public"] {
        assert_eq!(door.get(path, &door.token, &host).status(), 200, "{path}");
        for wrong in ["", "x", &door.token[1..]] {
            let refused = door.get(path, wrong, &host);
            assert_eq!((refused.status().as_u16(), body(refused)["error"].is_string()), (401, true), "{path}");
        }
    }
    let request = Door::agent().post(format!("http://{host}/api/ask?{}", nonce()));
    assert_eq!(request.send(&b"upload"[..]).unwrap().status(), 401);
    assert!(door.asked.lock().unwrap().is_empty());
    assert_eq!(door.get("/other", &door.token, &host).status(), 404);
    assert_eq!(door.get("/api/ask", &door.token, &host).status(), 405);
}

#[test]
fn a_question_arrives_as_it_was_asked_and_its_answer_too() {
    let door = Door::open(1000, 2, None);
    let reply = body(door.ask(&format!("{}&row=4&label=7", nonce()), b"an image"));
    assert_eq!((&reply["verdict"], &reply["answer"]), (&json!("absent"), &json!("/wA=")));
    assert_eq!((&reply["features"], &reply["nonce"]), (&json!([1, -2]), &json!("ab".repeat(32))));
    let expected = Asked { upload: b"an image".to_vec(), row: 4, label: Some(7), nonce: [0xab; 32] };
    assert_eq!(*door.asked.lock().unwrap(), [expected]);
}

#[test]
fn what_is_no_question_is_refused_in_words() {
    let door = Door::open(1000, 2, None);
    let n = nonce();
    for options in [
        "",
        "nonce=12",
        "row=1",
        &format!("{n}&row=-1"),
        &format!("{n}&label=x"),
        &format!("{n}&row=99999999999999999999"),
    ] {
        let refused = door.ask(options, b"upload");
        assert_eq!((refused.status().as_u16(), body(refused)["error"].is_string()), (400, true), "{options}");
    }
    let refused = door.ask(&n, b"");
    assert_eq!((refused.status().as_u16(), body(refused)), (422, json!({ "error": "it is empty" })));
    let failed = door.ask(&n, b"x");
    assert_eq!(failed.status(), 500);
    let large = vec![0; UPLOAD + 1];
    assert_eq!(door.ask(&n, &large).status(), 413);
    assert_eq!(door.ask(&n, &large[1..]).status(), 200);
    assert_eq!(door.asked.lock().unwrap().len(), 3);
}

#[test]
fn who_asks_too_often_has_to_wait_also_with_wrong_tokens() {
    let door = Door::open(5, 2, None);
    let host = door.address.to_string();
    let statuses: Vec<u16> = (0..6).map(|_| door.get("/api/data", "wrong", &host).status().as_u16()).collect();
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429]);
    let refused = door.ask(&nonce(), b"upload");
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "60"));
}

#[test]
fn a_full_queue_is_said_at_once() {
    let barrier = Arc::new(Barrier::new(2));
    let door = Door::open(1000, 1, Some(Arc::clone(&barrier)));
    std::thread::scope(|scope| {
        let asking: Vec<_> = (0..12).map(|_| scope.spawn(|| door.ask(&nonce(), b"upload").status().as_u16())).collect();
        // One at the desk and four in the queue: whoever comes later is sent away while they wait.
        while asking.iter().filter(|thread| thread.is_finished()).count() < 7 {
            std::thread::yield_now();
        }
        for _ in 0..5 {
            barrier.wait();
        }
        let mut statuses: Vec<u16> = asking.into_iter().map(|thread| thread.join().unwrap()).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [vec![200; 5], vec![503; 7]].concat());
    });
}

#[test]
fn another_name_for_this_machine_is_not_answered() {
    let door = Door::open(1000, 2, None);
    for host in ["localhost", "localhost:99", "127.0.0.1", "[::1]:1"] {
        assert_eq!(door.get("/", "", host).status(), 200, "{host}");
    }
    for host in ["attacker.example", "attacker.example:80", "localhost.attacker.example", "127.0.0.1.nip.io:80"] {
        assert_eq!(door.get("/api/data", &door.token, host).status(), 421, "{host}");
    }
}

#[test]
fn every_answer_carries_the_headers_and_no_log_line_what_was_asked() {
    let door = Door::open(1000, 2, None);
    let host = door.address.to_string();
    let responses = [
        door.get("/", "", &host),
        door.get("/api/data", "", &host),
        door.get("/nothing", "", "attacker.example"),
        door.ask(&format!("{}&label=77", nonce()), b"secret pixels"),
    ];
    for response in responses {
        let headers = response.headers();
        for (name, value) in
            [("cache-control", "no-store"), ("x-content-type-options", "nosniff"), ("x-frame-options", "DENY")]
        {
            assert_eq!(headers[name], value);
        }
        assert!(headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
    let log = LOG.lock().unwrap().join("\n");
    assert!(log.contains("POST /api/ask 200"), "{log}");
    for secret in ["77", "abab", "pixels", &door.token] {
        assert!(!log.contains(&format!("={secret}")) && !log.contains(&door.token), "{log}");
    }
}
