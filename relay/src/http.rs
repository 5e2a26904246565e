//! The web server for operators and health checks.
//!
//! Owns the routes. It must not know boxes or peers. Invariant: it shows figures and policy, nothing of anybody.

use std::sync::Arc;

use axum::Router;
use axum::extract::State as Shared;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{Duration, timeout};

use crate::drain;
use crate::peers::Peers;
use crate::state::State;
use crate::storage::{Access, BoxId};

/// Time the database has to answer a readiness check.
const READY_TIMEOUT: Duration = Duration::from_secs(2);

/// What the routes need.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) state: Arc<State>,
    pub(crate) peers: Arc<Peers>,
    pub(crate) operator: String,
    pub(crate) addr: String,
}

/// Serves until it is told to close, through the drain of the relay too, so that `/readyz` can tell of it.
///
/// # Errors
/// When the listener fails.
pub(crate) async fn serve(
    listener: TcpListener,
    site: Site,
    mut closing: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let routes = Router::new()
        .route("/", get(page))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/version", get(version))
        .route("/time", get(time))
        .route("/status", get(status))
        .with_state(site);
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move { drain::requested(&mut closing).await })
        .await
}

async fn readyz(Shared(site): Shared<Site>) -> (StatusCode, &'static str) {
    if site.state.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    let asked = site.state.storage.call(Access::Read, |storage| storage.mailbox(BoxId([0; 16])));
    match timeout(READY_TIMEOUT, asked).await {
        Ok(Ok(_)) => (StatusCode::OK, "ready\n"),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}

async fn metrics(Shared(site): Shared<Site>) -> Response {
    match site.state.metrics.text() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], text).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn object(value: &serde_json::Value) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], format!("{value}\n")).into_response()
}

async fn version() -> Response {
    object(&json!({ "name": "madang-relay", "version": env!("CARGO_PKG_VERSION"), "protocol": 1 }))
}

async fn time(Shared(site): Shared<Site>) -> Response {
    object(&json!({ "now": site.state.clock.now() }))
}

async fn status(Shared(site): Shared<Site>) -> Response {
    match site.state.storage.call(Access::Read, |storage| storage.counts()).await {
        Ok(counts) => object(&json!({
            "version": env!("CARGO_PKG_VERSION"),
            "addr": site.addr,
            "policy": site.state.terms().admission.policy(),
            "draining": site.state.is_draining(),
            "connections": site.peers.len(),
            "inboxes": counts.inboxes,
            "logs": counts.logs,
            "slots": counts.slots,
            "inbox_items": counts.inbox_items,
            "log_items": counts.log_items,
            "bytes": counts.bytes,
        })),
        Err(error) => {
            tracing::error!(%error, "the status could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

async fn page(Shared(site): Shared<Site>) -> Html<String> {
    let operator = if site.operator.is_empty() { "not named".to_owned() } else { escape(&site.operator) };
    let terms = site.state.terms();
    let policy = match terms.admission.policy() {
        "open" => "open to everybody",
        "closed" => "closed, no new boxes are made",
        _ => "boxes are made with an invite code",
    };
    let limits = &terms.limits;
    Html(format!(
        include_str!("page.html"),
        version = env!("CARGO_PKG_VERSION"),
        operator = operator,
        policy = policy,
        addr = escape(&site.addr),
        inbox_days = limits.inbox_ttl_h.div_ceil(24),
        log_days = limits.log_ttl_h.div_ceil(24),
    ))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_operator_cannot_become_markup() {
        assert_eq!(escape("<b a=\"1\">A & B"), "&lt;b a=&quot;1&quot;&gt;A &amp; B");
    }
}
