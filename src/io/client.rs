//! Requests to HTTP servers of others. Redirects are not followed.

use hyper::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;
use tokio_rustls::rustls::ClientConfig;

pub(super) type HttpClient<B> = Client<HttpsConnector<HttpConnector>, B>;

/// A client that keeps one connection for the next request.
pub(super) fn http_client<B>(tls: ClientConfig) -> HttpClient<B>
where
    B: Body + Send,
    B::Data: Send,
{
    let connector =
        HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(1).pool_idle_timeout(Duration::from_secs(30));
    builder.build(connector)
}

/// The innermost words of an error: "connection refused" rather than "client error".
pub(super) fn cause(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
