//! What a client sees when there is no answer of the app: the only place that turns a trouble into a status. The pages
//! say nothing about the inside.

use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};

use super::answer::Answer;

/// Why ship-proxy answers by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// The request is not one that can be passed on safely.
    #[error("the request has {0}")]
    BadRequest(&'static str),
    /// No service has this host and path.
    #[error("no service has this host and path")]
    Unrouted,
    /// CONNECT: this is not a forward proxy.
    #[error("the method is not for a reverse proxy")]
    MethodNotAllowed,
    /// No target could be connected to.
    #[error("no target accepts connections")]
    Unreachable,
    /// The target closed the connection before it answered.
    #[error("the target closed the connection before it answered")]
    Broken,
    /// What the target answered is not HTTP.
    #[error("the target's answer is not HTTP")]
    Malformed,
    /// The target did not answer in time.
    #[error("the target did not answer in time")]
    TimedOut,
    /// The release went away, and its drain time is over.
    #[error("the release was replaced and its drain time is over")]
    Cut,
    /// The client ended its request half-way.
    #[error("the client ended the request half-way")]
    ClientGone,
}

impl Trouble {
    /// The status, by RFC 9110, section 15.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::BadRequest(_) | Self::ClientGone => StatusCode::BAD_REQUEST,
            Self::Unrouted => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Broken | Self::Malformed | Self::Unreachable => StatusCode::BAD_GATEWAY,
            Self::Cut => StatusCode::SERVICE_UNAVAILABLE,
            Self::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::BadRequest(_) | Self::ClientGone => "The request was not understood.",
            Self::Unrouted => "There is nothing at this address.",
            Self::MethodNotAllowed => "This method is not possible here.",
            Self::Broken | Self::Malformed | Self::Unreachable => "The application did not answer.",
            Self::Cut => "The application is being replaced. Please try again.",
            Self::TimedOut => "The application took too long to answer.",
        }
    }
}

/// The answer to a request that ran into trouble.
pub(super) fn rescue(trouble: Trouble) -> Response<Answer> {
    let status = trouble.status();
    let title = status.canonical_reason().unwrap_or_default();
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width\">\n<title>{title}</title>\n<body style=\"font: 1.1rem/1.5 system-ui, sans-serif; \
         max-width: 36rem; margin: 20vh auto; padding: 0 1rem\">\n<h1>{title}</h1>\n<p>{sentence}</p>\n</html>\n",
        sentence = trouble.sentence(),
    );
    let mut response = Response::new(Answer::page(page));
    *response.status_mut() = status;
    response.body_mut().hangs_up = matches!(trouble, Trouble::BadRequest(_));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if trouble == Trouble::Cut {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}
