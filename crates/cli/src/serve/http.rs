//! Routes, headers and errors.
//!
//! ```text
//! GET  /              the page; everything else needs the token
//! GET  /api/data      what is public about the data set
//! GET  /api/public    the public files, as a ZIP archive
//! POST /api/ask       ?nonce=HEX&row=N&label=N, the upload as the body; JSON comes back
//! ```

use super::desk::{Asked, Desk, Refusal, Reply};
use super::limits::{Busy, Limits, PATIENCE, UPLOAD};
use super::page;
use super::token::Token;
use crate::config::digest;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use zkdl::statement::hex;

/// Writes a line about a request.
pub(crate) type Log = fn(&str);

/// Everything that a request needs.
pub(crate) struct Service {
    desk: Arc<dyn Desk>,
    token: Token,
    limits: Limits,
    address: SocketAddr,
    log: Option<Log>,
    policy: String,
}

type Shared = Arc<Service>;

impl Service {
    /// Puts a desk behind a door.
    pub(crate) fn new(desk: impl Desk, token: Token, limits: Limits, address: SocketAddr, log: Option<Log>) -> Shared {
        Arc::new(Self { desk: Arc::new(desk), token, limits, address, log, policy: page::policy() })
    }

    /// All routes.
    pub(crate) fn router(self: Shared) -> Router {
        let api = Router::new()
            .route("/api/data", get(data))
            .route("/api/public", get(public))
            .route("/api/ask", post(ask))
            .layer(from_fn_with_state(Arc::clone(&self), admit));
        let routes = Router::new()
            .route("/", get(|| async { ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page::html()) }));
        routes.merge(api).layer(from_fn_with_state(Arc::clone(&self), guard)).with_state(self)
    }

    /// A page on this machine is not to be reached under a name that somebody else's server has (DNS rebinding).
    fn is_ours(&self, headers: &HeaderMap) -> bool {
        if !self.address.ip().is_loopback() {
            return true;
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        ["localhost", "127.0.0.1", "[::1]"].contains(&name) || self.address.to_string() == host
    }
}

/// A refusal in plain words.
fn refused(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

/// Around every request: the host, a time limit, security headers, the log.
async fn guard(State(service): State<Shared>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let line = format!("{} {}", request.method(), request.uri().path().escape_default());
    let mut response = if service.is_ours(request.headers()) {
        let answered = tokio::time::timeout(PATIENCE, next.run(request)).await;
        answered.unwrap_or_else(|_| refused(StatusCode::REQUEST_TIMEOUT, "this took too long and was given up"))
    } else {
        refused(StatusCode::MISDIRECTED_REQUEST, "this page is reached under the address that was printed")
    };
    secure(response.headers_mut(), &service.policy);
    if let Some(log) = service.log {
        let client = client.map_or_else(|| "-".to_owned(), |ip| ip.to_string());
        log(&format!("{client} {line} {} {} ms", response.status().as_u16(), started.elapsed().as_millis()));
    }
    response
}

fn secure(headers: &mut HeaderMap, policy: &str) {
    const FIXED: [(HeaderName, &str); 7] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()"),
    ];
    headers.extend(FIXED.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if let Ok(policy) = HeaderValue::from_str(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// Around everything but the page: how often, and by whom. Wrong tokens count, so that they cannot be tried.
async fn admit(State(service): State<Shared>, request: Request, next: Next) -> Response {
    let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let Some(client) = client else { return refused(StatusCode::BAD_REQUEST, "who asks?") };
    if let Err(busy) = service.limits.count(client) {
        return later(busy);
    }
    let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if !service.token.opens(authorization) {
        let mut response =
            refused(StatusCode::UNAUTHORIZED, "the token is missing or wrong: open the address that was printed");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return response;
    }
    next.run(request).await
}

fn later(busy: Busy) -> Response {
    let (status, why, seconds) = match busy {
        Busy::TooOften => (StatusCode::TOO_MANY_REQUESTS, "too many questions: ask again in a minute", "60"),
        Busy::Full => (StatusCode::SERVICE_UNAVAILABLE, "too many questions are waiting: ask again soon", "10"),
    };
    let mut response = refused(status, why);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}

async fn data(State(service): State<Shared>) -> Json<Value> {
    Json(service.desk.about())
}

async fn public(State(service): State<Shared>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/zip"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"public.zip\""),
    ];
    (headers, service.desk.public_files().to_vec()).into_response()
}

/// What stands in the address.
#[derive(Deserialize)]
struct Options {
    nonce: String,
    #[serde(default)]
    row: usize,
    label: Option<u32>,
}

async fn ask(State(service): State<Shared>, options: Result<Query<Options>, QueryRejection>, body: Body) -> Response {
    let Ok(Query(options)) = options else {
        return refused(StatusCode::BAD_REQUEST, "give ?nonce=HEX, and row and label as whole numbers if at all");
    };
    let Ok(nonce) = digest(&options.nonce) else {
        return refused(StatusCode::BAD_REQUEST, "the nonce is not 64 hexadecimal digits");
    };
    let place = match service.limits.queue() {
        Ok(place) => place,
        Err(busy) => return later(busy),
    };
    let Ok(upload) = to_bytes(body, UPLOAD).await else {
        let why = format!("the upload is larger than {} MiB, or was cut off", UPLOAD >> 20);
        return refused(StatusCode::PAYLOAD_TOO_LARGE, &why);
    };
    let turn = match place.turn().await {
        Ok(turn) => turn,
        Err(busy) => return later(busy),
    };
    let asked = Asked { upload: upload.to_vec(), row: options.row, label: options.label, nonce };
    let desk = Arc::clone(&service.desk);
    let answered = tokio::task::spawn_blocking(move || {
        let answered = desk.answer(&asked);
        drop(turn);
        (answered, asked.nonce)
    });
    match answered.await {
        Ok((Ok(reply), nonce)) => Json(rendered(&reply, &nonce)).into_response(),
        Ok((Err(Refusal::Unreadable(why)), _)) => refused(StatusCode::UNPROCESSABLE_ENTITY, &why),
        Ok((Err(Refusal::Failed), _)) | Err(_) => {
            refused(StatusCode::INTERNAL_SERVER_ERROR, "no answer can be given: tell whoever runs this page")
        }
    }
}

fn rendered(reply: &Reply, nonce: &[u8; 32]) -> Value {
    json!({
        "verdict": reply.verdict, "headline": reply.headline, "proven": reply.proven, "said": reply.said,
        "steps": reply.steps, "features": reply.features, "answer": STANDARD.encode(&reply.answer),
        "options": reply.options, "nonce": hex(nonce),
    })
}
