//! The keys of an issuer: when they are fetched, how long they serve, and what is refused.

mod age;
mod empty_set;
mod failures;
mod first_fetch;
mod metadata;
mod settings;
mod socket;
mod unknown_keys;
mod withdrawal;

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use portcullis::{
    AuthError, AuthErrorKind, Clock, UnixTime,
    fetch::{DefaultClient, Fetch, FetchFuture, HttpClient},
    jwt::{Algorithm, FoundKeys, Key, KeyLocation, KeySource, RemoteKeys, RemoteKeysBuilder},
    testing::{Endpoint, Fault, ManualClock, MockIssuer, SigningKey},
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use AuthErrorKind::{IssuerUnreachable, UnknownKey, UnsupportedAlgorithm};

struct House {
    clock: ManualClock,
    issuer: MockIssuer,
    keys: RemoteKeys,
}

impl House {
    fn new() -> Self {
        let (issuer, clock) = issuer();
        let keys = builder(&issuer).fetch(issuer.fetch()).clock(clock.clone()).build().unwrap();
        Self { clock, issuer, keys }
    }

    async fn warm() -> Self {
        let house = Self::new();
        house.keys.warm_up().await.unwrap();
        house
    }

    fn rebuild(
        &self,
        change: impl FnOnce(RemoteKeysBuilder<Arc<dyn Fetch>>) -> RemoteKeysBuilder<Arc<dyn Fetch>>,
    ) -> RemoteKeys {
        let builder = builder(&self.issuer).fetch(self.issuer.fetch()).clock(self.clock.clone());
        change(builder).build().unwrap()
    }

    async fn find(&self, kid: &str) -> Result<(), AuthErrorKind> {
        verdict(self.keys.find(Some(kid), Algorithm::RS256).await)
    }

    /// The answer must be there without waiting.
    fn now(&self, kid: &str) -> Result<(), AuthErrorKind> {
        verdict(self.keys.find(Some(kid), Algorithm::RS256).into_ready().expect("ready at once"))
    }

    async fn key(&self, kid: &str) -> Key {
        match self.keys.find(Some(kid), Algorithm::RS256).await {
            Ok(FoundKeys::One(key)) => key,
            other => panic!("{other:?}"),
        }
    }

    fn requests(&self) -> (usize, usize) {
        (self.issuer.requests(Endpoint::Discovery), self.issuer.requests(Endpoint::Jwks))
    }
}

fn issuer() -> (MockIssuer, ManualClock) {
    let clock = ManualClock::new();
    (MockIssuer::builder().clock(clock.clone()).build(), clock)
}

fn builder(issuer: &MockIssuer) -> RemoteKeysBuilder<DefaultClient> {
    RemoteKeys::builder(KeyLocation::discover(issuer.url()))
}

fn verdict(found: Result<FoundKeys, AuthError>) -> Result<(), AuthErrorKind> {
    found.map(|_| ()).map_err(|error| error.kind())
}

/// Lets what runs in the background come to an end. Time is paused.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

async fn futures_join<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (future, slot) in futures.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *slot = Some(value);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

const DAY: Duration = Duration::from_secs(86_400);
