//! The issuer's keys, and which of them it publishes.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{jwt::Algorithm, testing::key::SigningKey};

#[derive(Debug)]
pub(super) struct KeyRing {
    /// All that ever were, the oldest first.
    keys: Vec<(SigningKey, Published)>,
    current: String,
    /// How many keys were made, by kind: the number of the next one's material.
    made: Vec<Algorithm>,
    /// What is published in place of the keys.
    pub(super) text: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
enum Published {
    No,
    Yes,
}

/// A ring as it is saved: the material of the keys stands in this crate's source.
#[derive(Deserialize, Serialize)]
pub(super) struct SavedRing {
    keys: Vec<(Value, Published)>,
    current: String,
    made: Vec<String>,
    text: Option<String>,
}

impl KeyRing {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let mut ring =
            Self { keys: Vec::new(), current: String::new(), made: Vec::new(), text: None };
        ring.current = ring.add(algorithm);
        ring
    }

    pub(super) fn save(&self) -> SavedRing {
        SavedRing {
            keys: self.keys.iter().map(|(key, published)| (key.save(), *published)).collect(),
            current: self.current.clone(),
            made: self.made.iter().map(|algorithm| algorithm.name().to_owned()).collect(),
            text: self.text.clone(),
        }
    }

    /// `None` if it is no ring.
    pub(super) fn restore(saved: SavedRing) -> Option<Self> {
        let key =
            |(key, published): (Value, Published)| Some((SigningKey::restore(&key)?, published));
        let ring = Self {
            keys: saved.keys.into_iter().map(key).collect::<Option<_>>()?,
            current: saved.current,
            made: saved.made.iter().map(|name| Algorithm::parse(name)).collect::<Option<_>>()?,
            text: saved.text,
        };
        ring.key(&ring.current)?;
        Some(ring)
    }

    pub(super) fn add(&mut self, algorithm: Algorithm) -> String {
        let kid = format!("k{}", self.keys.len() + 1);
        let key = self.next(&kid, algorithm);
        self.keys.push((key, Published::Yes));
        kid
    }

    pub(super) fn insert(&mut self, key: SigningKey) {
        self.keys.push((key, Published::Yes));
    }

    pub(super) fn rotate(&mut self) -> String {
        self.current = self.add(self.current().algorithm());
        self.current.clone()
    }

    pub(super) fn withdraw(&mut self, kid: &str) {
        for (key, published) in &mut self.keys {
            if key.kid() == kid {
                *published = Published::No;
            }
        }
    }

    pub(super) fn withdraw_all(&mut self) {
        for (_, published) in &mut self.keys {
            *published = Published::No;
        }
    }

    pub(super) fn swap(&mut self) {
        let old = self.current();
        let new = self.next(old.kid(), old.algorithm());
        for (key, _) in &mut self.keys {
            if key.kid() == new.kid() {
                *key = new.clone();
            }
        }
    }

    pub(super) fn current(&self) -> SigningKey {
        self.key(&self.current).expect("the current key is one of the ring")
    }

    pub(super) fn key(&self, kid: &str) -> Option<SigningKey> {
        self.keys.iter().rev().map(|(key, _)| key).find(|key| key.kid() == kid).cloned()
    }

    pub(super) fn published(&self) -> Vec<SigningKey> {
        let published = self.keys.iter().filter(|(_, published)| *published == Published::Yes);
        published.map(|(key, _)| key.clone()).collect()
    }

    pub(super) fn document(&self) -> String {
        let keys: Vec<Value> = self.published().iter().map(SigningKey::jwk_json).collect();
        self.text.clone().unwrap_or_else(|| json!({ "keys": keys }).to_string())
    }

    fn next(&mut self, kid: &str, algorithm: Algorithm) -> SigningKey {
        let number = self.made.iter().filter(|made| made.family() == algorithm.family()).count();
        self.made.push(algorithm);
        SigningKey::numbered(kid, algorithm, number)
    }
}
