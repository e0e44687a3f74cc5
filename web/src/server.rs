//! The HTTP surface: routes of all rooms under the layers that every request passes.
//!
//! From the outside in: panics caught; ids given ([`trace`]); headers added; time measured and bounded; requests of other
//! sites refused; at most so many at a time; answers compressed. Connections have bounds of their own: see [`serve`].

mod connections;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;
use tower::limit::GlobalConcurrencyLimitLayer;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::csrf::CsrfLayer;

pub use connections::Connections;

use crate::edge::trace;
use crate::error::WebError;
use crate::security::{headers, hosts};
use crate::state::AppState;
use crate::vitals::{self, Vitals};
use crate::{api, live, metrics, pages};

/// Requests in hand at a time; further ones wait.
const REQUESTS_MAX: usize = 4096;
/// How long a request may take beyond the wait for a decision.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The largest head of a request.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Header lines of a request.
const HEADERS_MAX: usize = 100;
/// How long a client may take to send a head, and to stay silent between requests.
const HEAD_WITHIN: Duration = Duration::from_secs(60);
/// How long a client may take none of what it asked for.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);
/// After which pause connections are taken again where the system had none to give.
const ACCEPT_AGAIN: Duration = Duration::from_millis(50);

/// All routes of a process: with the web half, or health and metrics alone.
pub fn router(state: Option<AppState>, vitals: Vitals) -> Router {
    let vitals = vitals::router(vitals);
    let Some(state) = state else {
        return vitals.fallback(async || WebError::NotFound("here are only /healthz, /readyz and /metrics"));
    };
    Router::new()
        .merge(api::router())
        .merge(live::routes())
        .merge(pages::router(&state))
        .layer(CompressionLayer::new())
        .layer(GlobalConcurrencyLimitLayer::new(REQUESTS_MAX))
        .layer(same_site_only(&state))
        .layer(from_fn_with_state(state.clone(), bound_time))
        .layer(from_fn(metrics::measure))
        .with_state(state.clone())
        .layer(from_fn_with_state(state.clone(), hosts::check))
        .merge(vitals)
        .layer(from_fn_with_state(state, headers::add))
        .layer(from_fn(trace::follow))
        .layer(CatchPanicLayer::custom(|_| WebError::Internal("a handler panicked".into()).into_response()))
}

/// Refuses what pages of other sites have a browser send.
fn same_site_only(
    state: &AppState,
) -> CsrfLayer<impl Fn(tower_http::csrf::ProtectionError) -> Response + Clone + use<>> {
    let origin = state.config.public_origin.as_deref();
    let layer = origin.and_then(|origin| CsrfLayer::new().add_trusted_origin(origin).ok()).unwrap_or_default();
    layer.with_rejection_response(|_| WebError::Forbidden("pages of other sites may not send this").into_response())
}

async fn bound_time(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let bound = ANSWER_WITHIN + Duration::from_millis(state.config.decision_wait_ms);
    match tokio::time::timeout(bound, next.run(request)).await {
        Ok(response) => response,
        Err(_) => WebError::TimedOut.into_response(),
    }
}

/// Serves until `stop` is true, then answers the requests in hand and returns.
pub async fn serve(listener: TcpListener, router: Router, admission: Connections, mut stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Who holds too many is not heard, so that all others are.
                    if let Some(admitted) = admission.admit(peer.ip()) {
                        let serving = connection(stream, peer, router.clone(), stop.clone());
                        connections.spawn(async move {
                            serving.await;
                            drop(admitted);
                        });
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Waits until it is said to stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // Without a sender nobody serves any more, which is the same.
    let _ = stop.wait_for(|stop| *stop).await.map(drop);
}

async fn connection(stream: TcpStream, peer: SocketAddr, router: Router, mut stop: watch::Receiver<bool>) {
    // Frames and decisions are small and must not wait for more.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(TAKEN_WITHIN));
    let stream = Box::pin(stream);
    let service = router.map_request(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        request.map(Body::new)
    });
    let service = service.map_err(|never: Infallible| match never {});
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke");
    }
}
