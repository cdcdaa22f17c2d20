//! Channels that are kept: how many are opened, and what a closed one costs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use http_body_util::BodyExt;
use hyper::Request;
use ship::remote::http::{Channels, Dial, Duplex, HttpError, body};
use ship::remote::round_trips::RoundTrips;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A server that answers every request on a channel with `ok`, so often, and then closes it.
struct Answering {
    dialled: Arc<AtomicUsize>,
    answers: usize,
    trips: RoundTrips,
}

#[async_trait]
impl Dial for Answering {
    async fn dial(&self) -> io::Result<Box<dyn Duplex>> {
        self.dialled.fetch_add(1, Ordering::Relaxed);
        let (near, mut far) = tokio::io::duplex(4096);
        let answers = self.answers;
        tokio::spawn(async move {
            let mut bytes = [0; 4096];
            for _ in 0..answers {
                let count = far.read(&mut bytes).await.unwrap();
                if count == 0 {
                    return;
                }
                let request = String::from_utf8_lossy(&bytes[..count]).to_lowercase();
                assert!(request.contains("\r\nhost: "), "dockerd wants a host: {request}");
                far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
            }
        });
        Ok(Box::new(near))
    }

    fn round_trips(&self) -> RoundTrips {
        self.trips.clone()
    }
}

fn channels(answers: usize) -> (Arc<Channels>, Arc<AtomicUsize>, RoundTrips) {
    let (dialled, trips) = (Arc::new(AtomicUsize::new(0)), RoundTrips::new());
    let dial = Answering { dialled: dialled.clone(), answers, trips: trips.clone() };
    (Channels::new(Box::new(dial)), dialled, trips)
}

async fn ask(channels: &Arc<Channels>) {
    let response = channels.request(Request::new(body(""))).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
}

#[tokio::test]
async fn requests_that_follow_each_other_share_a_channel() {
    let (channels, dialled, trips) = channels(usize::MAX);
    for _ in 0..10 {
        ask(&channels).await;
    }
    // A channel joins the idle ones a moment after its answer was read; more than one spare is never needed.
    assert!(dialled.load(Ordering::Relaxed) <= 2);
    assert_eq!(trips.depth(), 10);
}

#[tokio::test]
async fn what_is_asked_together_is_one_round_trip_on_channels_that_were_opened_ahead() {
    let (channels, dialled, trips) = channels(usize::MAX);
    channels.open_ahead(4);
    tokio::join!(ask(&channels), ask(&channels), ask(&channels), ask(&channels));
    assert_eq!((dialled.load(Ordering::Relaxed), trips.depth()), (4, 1));
}

#[tokio::test]
async fn a_channel_that_was_closed_meanwhile_costs_nothing_but_another() {
    let (channels, dialled, _) = channels(1);
    for _ in 0..5 {
        ask(&channels).await;
    }
    assert!(dialled.load(Ordering::Relaxed) >= 5);
}

struct Refusing;

#[async_trait]
impl Dial for Refusing {
    async fn dial(&self) -> io::Result<Box<dyn Duplex>> {
        Err(io::ErrorKind::ConnectionRefused.into())
    }

    fn round_trips(&self) -> RoundTrips {
        RoundTrips::new()
    }
}

#[tokio::test]
async fn a_socket_that_cannot_be_reached_is_told_to_whoever_asks() {
    let channels = Channels::new(Box::new(Refusing));
    channels.open_ahead(2);
    for _ in 0..3 {
        let error = channels.request(Request::new(body(""))).await.unwrap_err();
        assert!(matches!(error, HttpError::Dial(reason) if reason.kind() == io::ErrorKind::ConnectionRefused));
    }
}
